"""Checks of validation against training, of loss against accuracy, of a second fall."""

from __future__ import annotations

import numpy as np
import pytest

GAP, BETTER = "Train–validation gap", "Validation better than training"


@pytest.mark.parametrize(
    ("train", "val", "expected"),
    [(1.0, 0.90, "warning"), (0.8, 0.75, "ok"), (0.95, 0.89, "ok"), (99.0, 80.0, "warning")],
)
def test_the_gap_is_judged_by_accuracy_where_it_is_logged(
    pair, fall, curve, check, train, val, expected
):
    signals = {
        "train_accuracy": curve(np.full(9, train)),
        "val_accuracy": curve(np.full(9, val)),
    }
    given = pair(fall(40, 0.5), fall(40, 0.1), signals=signals)
    assert check(given, GAP).status == expected


def test_the_gap_is_judged_by_loss_otherwise(pair, fall, check):
    assert check(pair(fall(40, 0.5), fall(40, 0.1)), GAP).status == "warning"
    assert check(pair(fall(40, 0.5)), GAP).status == "unknown"


def test_validation_better_than_training_asks_for_the_usual_reasons(pair, fall, check):
    found = check(pair(fall(40, 0.3), fall(40, 0.5)), BETTER)
    assert found.status == "warning"
    assert "dropout" in found.action


@pytest.mark.parametrize(
    ("signals", "expected", "word"),
    [
        ({"dropout": [0.5]}, "ok", "dropout of 0.5"),
        ({"augmentation": [1]}, "ok", "augmentation"),
        ({"dropout": [0.0]}, "warning", ""),
        ({"train_eval": [0.3] * 40}, "ok", "Without dropout"),
        ({"train_eval": [0.5] * 40, "dropout": [0.5]}, "warning", ""),
    ],
)
def test_known_reasons_for_a_better_validation_are_ruled_out_first(
    pair, fall, curve, check, signals, expected, word
):
    signals = {name: curve(values) for name, values in signals.items()}
    found = check(pair(fall(40, 0.3), fall(40, 0.5), signals=signals), BETTER)
    assert found.status == expected
    assert word in found.detail


def test_half_an_epoch_of_lag_is_no_leak(pair, check):
    loss = 2 * np.exp(-0.2 * np.arange(21))  # at the ends of epochs; a mean lies half before
    given = pair(loss[1:], (loss[1:] + loss[:-1]) / 2)
    found = check(given, BETTER)
    assert found.status == "ok"
    assert "Half an epoch" in found.detail


def test_accuracy_that_collapses_while_the_loss_falls_is_told(pair, fall, curve, check):
    hits = np.concatenate([np.linspace(0.2, 0.8, 20), np.linspace(0.8, 0.6, 20)])
    found = check(pair(fall(40), fall(40), signals={"val_accuracy": curve(hits)}),
                  "Loss against accuracy")  # fmt: skip
    assert found.status == "warning"
    assert "accuracy fell from" in found.detail


def test_a_loss_that_rises_while_accuracy_holds_names_both_checkpoints(pair, overfit, curve, check):
    train, val = overfit(60)
    hits = 0.9 - 0.5 * np.exp(-np.arange(60) / 8)
    found = check(pair(val, train, signals={"val_accuracy": curve(hits)}), "Loss against accuracy")
    assert found.status == "warning"
    assert "over-confident" in found.detail
    assert "Decide which one counts" in found.action


def test_both_getting_worse_is_left_to_the_verdict(pair, overfit, curve, check):
    train, val = overfit(60)
    given = pair(val, train, signals={"val_accuracy": curve(1 - val / 2)})
    assert check(given, "Loss against accuracy").status == "ok"


def test_a_second_fall_is_told_and_no_failure(pair, fall, check):
    bump = 0.6 * np.exp(-(((np.arange(80) - 35) / 8) ** 2))
    found = check(pair(fall(80) + bump, fall(80, 0.01)), "Second descent")
    assert found.status == "ok"
    assert "not counted as a failure" in found.detail


def test_of_a_rise_it_is_said_that_it_was_not_made_good_so_far(pair, overfit, check):
    train, val = overfit(60)
    found = check(pair(val, train), "Second descent")
    assert found.status == "ok"
    assert "so far" in found.detail
