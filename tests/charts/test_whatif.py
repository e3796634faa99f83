"""The predicted step beside the step now."""

from __future__ import annotations

import pytest

from core.charts.whatif import step_time_chart
from core.traces import Prediction


def test_the_step_now_and_then_are_drawn_with_their_range():
    chart = step_time_chart(Prediction(1.25, 4.0, "why", expected=2.0, step_ms=100.0)).to_dict()
    rows = [row for data in chart["datasets"].values() for row in data]
    assert {(row["step"], row["ms"]) for row in rows if "ms" in row} == {
        ("now", 100.0),
        ("expected", 50.0),
    }
    spread = next(row for row in rows if "best" in row)
    assert (spread["best"], spread["worst"]) == pytest.approx((25.0, 80.0))


def test_bounds_alone_are_said_in_words():
    chart = step_time_chart(Prediction(1.2, 1.5, "why", step_ms=100.0)).to_dict()
    assert "bounds" in str(chart)
