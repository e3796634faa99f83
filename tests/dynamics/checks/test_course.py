"""Checks of restarts and holes in what was logged."""

from __future__ import annotations

import numpy as np
import pytest

from core.dynamics import Curve, LossPair


def logged(steps, times=None) -> LossPair:
    steps = np.asarray(steps, np.int64)
    curve = Curve(steps, np.ones(len(steps)))
    signals = {} if times is None else {"wall_time": Curve(steps, np.asarray(times, float))}
    return LossPair("run", "", "Loss/val", None, curve, signals=signals)


def test_a_restart_is_named(pair, fall, check):
    found = check(pair(fall(40), fall(40), restarts=2), "Restarts")
    assert found.status == "warning"
    assert "2 times" in found.detail


@pytest.mark.parametrize("steps", [range(20), range(0, 200, 10), 2 ** np.arange(20)])
def test_steps_that_follow_a_rule_have_no_gap(check, steps):
    assert check(logged(steps), "Gaps").status == "ok"


def test_missing_points_are_named_with_their_place(check):
    found = check(logged([*range(10), *range(30, 40)]), "Gaps")
    assert found.status == "warning"
    assert "between steps 9 and 30" in found.detail


def test_a_pause_is_named_with_its_length(check):
    times = 20.0 * np.arange(20)
    assert check(logged(range(20), times), "Gaps").status == "ok"
    times[12:] += 1_800
    found = check(logged(range(20), times), "Gaps")
    assert found.status == "warning"
    assert "for 30 min after step 11" in found.detail


def test_a_slow_epoch_of_seconds_is_no_pause(check):
    times = np.arange(20.0)
    times[12:] += 30
    assert check(logged(range(20), times), "Gaps").status == "ok"
