"""Curves drawn without a script: gaps, axes, thinning, colours."""

from __future__ import annotations

import math

import numpy as np

from core.charts.theme import BEST, DIVERGED, ZONES
from core.dynamics import Curve
from core.report import document
from core.report.plots import Line, plot


def _plot(values: list[float]) -> str:
    curve = Curve(np.arange(1, len(values) + 1), np.array(values, float))
    return plot([Line("Loss", "val", curve)], words="w", unit="step")


def test_a_line_breaks_where_a_value_is_missing() -> None:
    assert _plot([1.0, 2.0, math.nan, 2.0, 1.0]).count("h0") == 2
    assert _plot([1.0, 2.0, 3.0]).count("h0") == 1


def test_losses_over_decades_get_a_logarithmic_axis() -> None:
    wide, narrow = _plot([1000.0, 10.0, 0.1]), _plot([3.0, 2.0, 1.0])
    assert "logarithmic" in wide
    assert [f">{tick}<" in wide for tick in ("0.1", "1", "100")] == [True] * 3
    assert "logarithmic" not in narrow


def test_long_curves_are_thinned_and_keep_their_extremes() -> None:
    values = np.sin(np.arange(200_000) / 50.0)
    values[123_456] = 5.0
    markup = _plot(values.tolist())
    assert len(markup) < 30_000
    highest = _plot([5.0, -1.0])
    top = highest[highest.index('d="M0.0 ') + 8 :].partition("h0")[0]
    assert f" {top}L" in markup.replace("h0", "")


def test_zones_have_the_colours_of_the_charts() -> None:
    style = document("x", "").lower()
    for name, (colour, opacity) in {**ZONES, "diverged": DIVERGED}.items():
        rule = f".zone.{name} {{ fill: {colour}; fill-opacity: {opacity:g}; }}".lower()
        assert rule.replace("0.", ".") in style
    assert BEST.lower() in style
