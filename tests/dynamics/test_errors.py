"""Runs that log accuracies alone: judged by their errors, and told about in errors."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.dynamics import diagnose
from core.dynamics.words import as_error, in_epochs, most, percent


@pytest.fixture
def run(pair, overfit):
    train, val = overfit(45, 0.002)
    return pair(val / 3, train / 3, negated=True)


def test_no_sentence_about_errors_speaks_of_a_loss(run):
    verdict = diagnose(run)
    assert verdict.verdict == "overfitting"
    assert verdict.summary.endswith("(Judged by the error (1 − accuracy).)")
    assert "validation error has risen" in verdict.summary
    said = [verdict.summary, *(each.detail for each in verdict.checks)]
    said += [each.text for each in verdict.advice]
    assert not [text for text in said if "validation loss" in text.lower()]
    assert not [text for text in said if "training loss" in text.lower()]


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.4], [0.5] * 30, [0.5, np.nan, np.nan]])
def test_every_verdict_on_errors_speaks_of_errors(pair, values):
    summary = diagnose(pair(np.array(values), np.array(values), negated=True)).summary
    assert "loss" not in summary
    assert "error (1 − accuracy)" in summary


def test_the_json_says_what_was_judged(run, pair, fall):
    assert json.loads(json.dumps(diagnose(run).to_json()))["quantity"] == "error (1 − accuracy)"
    assert diagnose(pair(fall(40), fall(40))).to_json()["quantity"] == "loss"


def test_checks_that_need_a_loss_say_so(run):
    unknown = {each.name for each in diagnose(run).checks if each.status == "unknown"}
    assert {"Expected start", "Loss against accuracy"} <= unknown


def test_a_few_wrong_answers_more_are_no_overfitting(pair):
    """115 to 121 of 1,000: as likely by chance, however still the curve stands."""
    epoch = np.arange(40)
    wrong = np.round(1000 * (0.115 + 0.7 * np.exp(-epoch / 2))) + 6 * (epoch > 20)
    train = 0.1 * np.exp(-epoch / 6)
    assert diagnose(pair(wrong / 1000, train)).verdict == "overfitting"
    assert diagnose(pair(wrong / 1000, train, negated=True)).verdict == "optimal"
    clear = np.round(1000 * (0.115 + 0.7 * np.exp(-epoch / 2))) + 60 * (epoch > 20)
    assert diagnose(pair(clear / 1000, train, negated=True)).verdict == "overfitting"


def test_words():
    assert as_error("Validation loss rose; losses fell. Loss.") == (
        "Validation error rose; errors fell. Error."
    )
    assert as_error("log(0) in the loss, training loss", only_splits=True) == (
        "log(0) in the loss, training error"
    )
    assert in_epochs("since step 4 (at step 3), 2 steps, a step.") == (
        "since epoch 4 (at epoch 3), 2 steps, a step."
    )
    assert (most(0.9999), most(0.97), most(1.0)) == ("over 99 %", "97 %", "100 %")
    assert percent(-0.031, 1, sign=True) == "−3.1 %"
