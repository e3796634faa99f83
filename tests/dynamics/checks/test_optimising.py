"""Checks of learning rate, gradients, updates and units."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1, 1, 1], "ok"), ([1, 1e-9, 1e-9], "fail"), ([1, 1e7, 1e7], "fail"), ([1, np.nan], "fail")],
)
def test_vanishing_and_exploding_gradients(pair, curve, check, values, expected):
    given = pair(None, signals={"grad_norm": curve(values)})
    assert check(given, "Gradient norm").status == expected


def test_steps_with_a_gradient_of_nan_are_counted(pair, curve, check):
    given = pair(None, signals={"grad_norm": curve([1] * 4), "nonfinite": curve([0, 2, 0, 1])})
    found = check(given, "Gradient norm")
    assert found.status == "warning"
    assert "3 steps" in found.detail


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(0.1, 0.2, "ok"), (1e-6, 0.1, "warning"), (0.01, 100.0, "ok"), (80.0, 1.0, "warning")],
)
def test_gradients_that_vanish_or_grow_on_their_way_back(pair, curve, check, first, last, expected):
    signals = {"grad_first": curve([first] * 5), "grad_last": curve([last] * 5)}
    assert check(pair(None, signals=signals), "Gradient flow").status == expected


@pytest.mark.parametrize(("ratio", "expected"), [(1e-3, "ok"), (0.5, "warning"), (1e-6, "warning")])
def test_the_update_to_weight_ratio(pair, curve, check, ratio, expected):
    given = pair(None, signals={"update_ratio": curve([ratio] * 5)})
    assert check(given, "Update-to-weight ratio").status == expected


def test_a_single_layer_that_does_not_move_is_named(pair, curve, check):
    signals = {"update_ratio": curve([1e-3]), "update_ratio:stem.0": curve([1e-6])}
    found = check(pair(None, signals=signals), "Update-to-weight ratio")
    assert found.status == "warning"
    assert "stem.0" in found.detail


@pytest.mark.parametrize(("share", "expected"), [(0.2, "ok"), (0.6, "warning"), (0.8, "fail")])
def test_dead_units_are_judged_by_the_worst_layer(pair, curve, check, share, expected):
    signals = {"dead_units": curve([0.1]), "dead_units_worst": curve([share])}
    assert check(pair(None, signals=signals), "Dead units").status == expected


def test_a_high_learning_rate_warns_with_its_consequence_only(pair, fall, curve, check):
    high = {"lr": curve([0.1] * 40)}
    assert check(pair(None, fall(40), signals=high), "Learning rate").status == "ok"
    found = check(pair(None, fall(40)[::-1], signals=high), "Learning rate")
    assert found.status == "warning"
    assert "above its start" in found.detail


@pytest.mark.parametrize("signals", [{"lr": 1e-9}, {"lr": 1e-5, "update_ratio": 1e-5}])
def test_a_learning_rate_that_moves_nothing_is_too_low(pair, fall, curve, check, signals):
    signals = {name: curve([value] * 40) for name, value in signals.items()}
    found = check(pair(None, fall(40, 0.3, 0.005), signals=signals), "Learning rate")
    assert found.status == "warning"
    assert "Too low" in found.detail
