"""Checks of the shape of the losses, each on a curve that fails it and on one that does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dynamics import diagnose
from core.dynamics.checks import run_checks

HEALTHY = {
    "grad_norm": 0.5, "grad_norm_max": 0.9, "grad_first": 0.2, "grad_last": 0.3, "lr": 1e-3,
    "update_ratio": 1e-3, "update_ratio:head": 2e-3, "dead_units": 0.1, "dead_units_worst": 0.2,
    "train_accuracy": 0.9, "val_accuracy": 0.88, "nonfinite": 0.0,
}  # fmt: skip


def test_all_checks_are_ok_on_a_healthy_run(pair, fall, curve):
    signals = {name: curve(np.full(40, value)) for name, value in HEALTHY.items()}
    signals |= {"classes": curve([8]), "wall_time": curve(1e9 + np.arange(40.0))}
    verdict = diagnose(pair(fall(40, 0.31), fall(40, 0.3), signals=signals))
    assert {check.status for check in verdict.checks} == {"ok"}
    assert {check.action for check in verdict.checks} == {""}
    assert len({check.name for check in verdict.checks}) == len(verdict.checks)


def test_without_curves_every_check_is_unknown_or_ok(pair):
    for check in run_checks(pair(None), None):
        assert check.status in ("unknown", "ok")


def test_whatever_warns_says_what_to_do(pair, fall, curve):
    signals = {name: curve(np.full(40, value)) for name, value in HEALTHY.items()}
    signals |= {"lr": curve([1.0]), "grad_norm": curve([1.0, np.inf]), "dead_units": curve([1.0])}
    signals |= {"update_ratio:head": curve([0.0]), "classes": curve([2]), "grad_first": curve([99])}
    given = pair(fall(40) * (1 + np.arange(40) % 2), fall(40), signals=signals, restarts=1)
    bad = [check for check in diagnose(given).checks if check.status in ("warning", "fail")]
    assert len(bad) >= 7
    assert all(check.action and check.detail for check in bad)


def test_nan_is_named_with_its_place(pair, fall):
    train = fall(30)
    train[[7, 9]] = np.nan
    check = diagnose(pair(fall(30), train)).checks[0]
    assert check.status == "fail"
    assert "2 of 30 points, first at step 7" in check.detail


def test_a_training_loss_at_twice_its_minimum_diverges(pair, fall, check):
    climbing = np.concatenate([fall(20), fall(20)[::-1]])
    assert check(pair(climbing, climbing), "Diverging").status == "fail"
    assert check(pair(fall(40), fall(40, 1e-5)), "Diverging").status == "ok"


def test_a_loss_that_is_large_and_falls_does_not_diverge(pair, fall, check):
    assert check(pair(None, 5_000 * fall(40)), "Diverging").status == "ok"
    rising = np.linspace(900, 1_500, 40)
    assert check(pair(None, rising), "Diverging").status == "fail"


def test_one_point_far_above_those_before_it_is_a_spike(pair, fall, check):
    train = fall(80) + 0.02 * np.random.default_rng(0).standard_normal(80)
    assert check(pair(fall(80), train), "Loss spikes").status == "ok"
    train[50] += 1
    found = check(pair(fall(80), train), "Loss spikes")
    assert found.status == "warning"
    assert "1 in the training loss" in found.detail
    assert "at step 50" in found.detail


def test_a_smooth_rise_is_no_spike(pair, overfit, check):
    train, val = overfit(120)
    assert check(pair(val, train), "Loss spikes").status == "ok"


def test_a_plateau_warns_only_where_little_was_learned(pair, fall, check):
    assert check(pair(fall(40, 1.7, 0.5), fall(40, 1.7, 0.5)), "Plateau").status == "warning"
    assert check(pair(fall(40, 0.2, 0.5), fall(40, 0.2, 0.5)), "Plateau").status == "ok"


def test_large_swings_oscillate_and_small_noise_does_not(pair, fall, check):
    swing = np.where(np.arange(40) % 2, 1.0, -1.0)
    assert check(pair(fall(40) + 0.3 * swing, fall(40)), "Oscillating").status == "warning"
    assert check(pair(fall(40) + 0.001 * swing, fall(40)), "Oscillating").status == "ok"
    assert check(pair(None, fall(40) + 0.3 * swing), "Oscillating").status == "warning"


@pytest.mark.parametrize(("classes", "expected"), [(7, "ok"), (10, "ok"), (2, "warning")])
def test_the_first_loss_is_compared_with_a_guess_at_chance(
    pair, fall, curve, check, classes, expected
):
    given = pair(fall(40), fall(40), signals={"classes": curve([classes])})
    assert check(given, "Expected start").status == expected


def test_before_training_a_loss_far_below_chance_is_suspicious_too(pair, fall, curve, check):
    signals = {"expected_start": curve([np.log(10)]), "train_eval": curve(fall(41) / 4)}
    given = pair(fall(40), fall(40), first=1, signals=signals)
    found = check(given, "Expected start")
    assert found.status == "warning"
    assert "labels among the inputs" in found.action


VALUES = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=40)


@given(VALUES, VALUES, st.lists(VALUES, min_size=16, max_size=16))
@settings(max_examples=100, deadline=None)
def test_no_curve_makes_a_check_fall_over(pair, curve, val, train, others):
    names = [*HEALTHY, "classes", "expected_start", "train_eval", "wall_time"]
    signals = {name: curve(values) for name, values in zip(names, others, strict=True)}
    for check in diagnose(
        pair(np.array(val, float), np.array(train, float), signals=signals)
    ).checks:
        assert check.detail
