"""The speed-up and its interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.compare.speed import speedup, step_times_ms, uneven
from core.traces import diagnose

TIMES = st.lists(st.floats(0.01, 1e5), min_size=2, max_size=12)


def test_one_step_each_has_no_interval_and_says_why() -> None:
    found = speedup([30.0], [20.0])
    assert found.value == pytest.approx(1.5)
    assert (found.low, found.high, found.certain) == (None, None, False)
    assert found.interval_in_words == "one step each: no interval"


def test_one_step_on_one_side_is_named() -> None:
    assert speedup([1.0], [1.0, 2.0]).why_none == "one step in A"
    assert speedup([1.0, 2.0], [1.0]).why_none == "one step in B"


def test_equal_steps_are_known_exactly() -> None:
    found = speedup([20.0] * 4, [10.0] * 7)
    assert (found.low, found.value, found.high) == pytest.approx((2.0, 2.0, 2.0))
    assert found.certain


def test_the_interval_holds_the_true_ratio_about_as_often_as_it_claims() -> None:
    random = np.random.default_rng(5)
    hits = 0
    for _ in range(120):
        a = 100 * random.lognormal(0, 0.1, 6)
        b = 80 * random.lognormal(0, 0.1, 6)
        found = speedup(a, b)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 100 / 80 <= found.high
    assert hits >= 0.9 * 120


def test_scatter_as_large_as_the_change_is_not_certain() -> None:
    assert not speedup([100, 140, 90, 120], [95, 130, 85, 135]).certain


def test_bursts_count_though_the_middle_step_does_not_see_them() -> None:
    found = speedup([10.0] * 6, [10, 10, 10, 60, 10, 10])
    assert found.of_medians == pytest.approx(1.0)
    assert found.value == pytest.approx(60 / 110)
    assert "1.00 times" in uneven(found)


@settings(max_examples=50, deadline=None)
@given(TIMES, TIMES)
def test_the_interval_holds_the_value_and_turns_around_with_the_sides(
    a: list[float], b: list[float]
) -> None:
    one, other = speedup(a, b), speedup(b, a)
    assert one.low is not None
    assert one.high is not None
    assert one.low <= one.value <= one.high
    assert one.value * other.value == pytest.approx(1)


def test_step_times_sum_to_the_window(simulated) -> None:
    found = diagnose(simulated(steps=4))
    times = step_times_ms(found)
    assert len(times) == 4
    assert times.sum() == pytest.approx(found.window_ms)
