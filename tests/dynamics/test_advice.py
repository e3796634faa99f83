"""Advice that depends on what was logged besides the losses."""

from __future__ import annotations

import numpy as np
import pytest

from core.dynamics import diagnose


def test_a_diverged_run_is_offered_a_tenth_of_its_learning_rate(pair, fall, curve):
    val = fall(30)
    val[20:] = np.nan
    verdict = diagnose(pair(val, val, signals={"lr": curve([0.3] * 30)}))
    assert verdict.advice[0].overrides == {"lr": 0.03}


@pytest.mark.parametrize(
    ("rates", "word"),
    [
        (None, "If a drop of the learning rate is planned"),
        (np.full(45, 1e-3), "If a drop of the learning rate is planned"),
        (np.geomspace(1e-3, 1e-5, 45), "The learning rate is still being changed"),
    ],
)
def test_a_planned_drop_of_the_learning_rate_comes_before_a_stop(pair, overfit, curve, rates, word):
    train, val = overfit(45)
    signals = {} if rates is None else {"lr": curve(rates)}
    assert word in diagnose(pair(val, train, signals=signals)).advice[0].text


def test_where_the_rate_stays_as_it_is_no_drop_is_waited_for(pair, overfit, curve):
    train, val = overfit(45)
    signals = {"lr": curve([1e-3] * 45), "constant_lr": curve([1.0])}
    assert "drop" not in diagnose(pair(val, train, signals=signals)).advice[0].text


def test_no_advice_claims_that_a_run_will_not_recover(pair, overfit, fall):
    train, val = overfit(45)
    for given in (pair(val, train), pair(fall(40)), pair(fall(40)[::-1], fall(40)[::-1])):
        verdict = diagnose(given)
        said = " ".join([verdict.summary, *(advice.text for advice in verdict.advice)])
        assert "will not" not in said
        assert "never recover" not in said
