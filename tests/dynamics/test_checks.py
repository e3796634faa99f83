"""Health checks, each on a curve that fails it and on one that does not."""

from __future__ import annotations

import numpy as np
import pytest

from core.dynamics import Curve, diagnose
from core.dynamics.checks import gradient_norm, update_ratio


def curve(values) -> Curve:
    values = np.asarray(values, float)
    return Curve(np.arange(len(values)), values)


def status(pair, name: str) -> str:
    (found,) = [check for check in diagnose(pair).checks if check.name == name]
    return found.status


def test_all_checks_are_ok_on_a_healthy_run(pair, fall):
    signals = {"grad_norm": curve(np.full(40, 0.5)), "update_ratio": curve(np.full(40, 1e-3))}
    verdict = diagnose(pair(fall(40, 0.31), fall(40, 0.3), signals=signals))
    assert {check.status for check in verdict.checks} == {"ok"}
    assert len({check.name for check in verdict.checks}) == len(verdict.checks)


def test_nan_is_named_with_its_place(pair, fall):
    train = fall(30)
    train[[7, 9]] = np.nan
    check = diagnose(pair(fall(30), train)).checks[0]
    assert check.status == "fail"
    assert "2 of 30 points, first at step 7" in check.detail


def test_a_training_loss_at_twice_its_minimum_diverges(pair, fall):
    climbing = np.concatenate([fall(20), fall(20)[::-1]])
    assert status(pair(climbing, climbing), "Diverging") == "fail"
    assert status(pair(fall(40), fall(40, 1e-5)), "Diverging") == "ok"


def test_a_plateau_warns_only_where_little_was_learned(pair, fall):
    assert status(pair(fall(40, 1.7, 0.5), fall(40, 1.7, 0.5)), "Plateau") == "warning"
    assert status(pair(fall(40, 0.2, 0.5), fall(40, 0.2, 0.5)), "Plateau") == "ok"


def test_large_swings_oscillate_and_small_noise_does_not(pair, fall):
    swing = np.where(np.arange(40) % 2, 1.0, -1.0)
    assert status(pair(fall(40) + 0.3 * swing, fall(40)), "Oscillating") == "warning"
    assert status(pair(fall(40) + 0.001 * swing, fall(40)), "Oscillating") == "ok"


@pytest.mark.parametrize(
    ("train", "val", "expected"), [(1.0, 0.90, "warning"), (0.8, 0.75, "ok"), (0.95, 0.89, "ok")]
)
def test_the_gap_is_judged_by_accuracy_where_it_is_logged(pair, fall, train, val, expected):
    signals = {
        "train_accuracy": curve(np.full(9, train)),
        "val_accuracy": curve(np.full(9, val)),
    }
    given = pair(fall(40, 0.5), fall(40, 0.1), signals=signals)
    assert status(given, "Train–validation gap") == expected


def test_the_gap_is_judged_by_loss_otherwise(pair, fall):
    assert status(pair(fall(40, 0.5), fall(40, 0.1)), "Train–validation gap") == "warning"
    assert status(pair(fall(40, 0.5)), "Train–validation gap") == "unknown"


def test_validation_better_than_training_asks_for_the_usual_reasons(pair, fall):
    given = pair(fall(40, 0.3), fall(40, 0.5))
    assert status(given, "Validation better than training") == "warning"
    details = " ".join(check.detail for check in diagnose(given).checks)
    assert "dropout" in details


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1, 1, 1], "ok"), ([1, 1e-9, 1e-9], "fail"), ([1, 1e7, 1e7], "fail"), ([1, np.nan], "fail")],
)
def test_vanishing_and_exploding_gradients(values, expected):
    assert gradient_norm(curve(values)).status == expected


@pytest.mark.parametrize(("ratio", "expected"), [(1e-3, "ok"), (0.5, "warning"), (1e-6, "warning")])
def test_the_update_to_weight_ratio(ratio, expected):
    assert update_ratio(curve([ratio] * 5)).status == expected


def test_a_restart_is_named(pair, fall):
    given = pair(fall(40), fall(40), restarts=2)
    (check,) = [check for check in diagnose(given).checks if check.name == "Restarts"]
    assert check.status == "warning"
    assert "2 times" in check.detail


def test_a_diverged_run_is_offered_a_tenth_of_its_learning_rate(pair, fall):
    val = fall(30)
    val[20:] = np.nan
    verdict = diagnose(pair(val, val, signals={"lr": curve([0.3] * 30)}))
    assert verdict.advice[0].overrides == {"lr": 0.03}
