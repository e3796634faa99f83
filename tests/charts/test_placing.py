"""Texts in charts keep off curves, edges and each other wherever there is room."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.charts.placing import PADDING_PX, WIDTHS_PX, Plot, Spot

HEIGHT = 300.0
LETTER_PX, HALF_PX = 6.0, 6.0


def overfit(best: int, count: int = 60) -> list[tuple[np.ndarray, np.ndarray]]:
    """Train and validation loss with the minimum of the latter at ``best``."""
    x = np.arange(count, dtype=float)
    val = np.where(x < best, 0.4 + 1.6 * ((best - x) / best) ** 3, 0.4 + 0.01 * (x - best))
    return [(x, 2 * np.exp(-x / 8)), (x, val)]


def box(spot: Spot, x: float, y: float, text: str, width: int, low: float, high: float):
    """(left, right, middle) of a text, in px, on the axis that Vega-Lite makes."""
    left = width * x / 59 + spot.dx - (LETTER_PX * len(text) if spot.align == "right" else 0)
    room = HEIGHT - 2 * PADDING_PX
    return (
        left,
        left + LETTER_PX * len(text),
        PADDING_PX + room * (high - y) / (high - low) + spot.dy,
    )


def covered(curves, spot, x, y, text, width) -> bool:
    every = np.concatenate([values for _, values in curves])
    low, high = every.min(), every.max()
    left, right, middle = box(spot, x, y, text, width, low, high)
    at = np.linspace(left, right, 50) * 59 / width
    room = HEIGHT - 2 * PADDING_PX
    for place, values in curves:
        heights = PADDING_PX + room * (high - np.interp(at, place, values)) / (high - low)
        if (np.abs(heights - middle) < HALF_PX).any():
            return True
    return False


@pytest.mark.parametrize("width", WIDTHS_PX)
@pytest.mark.parametrize("best", range(5, 59, 3))
def test_the_best_loss_is_named_off_the_curves(best, width):
    curves = overfit(best)
    point = (float(best), float(curves[1][1][best]), "best 0.4123")
    (spot,) = Plot(curves, (0, 59), HEIGHT).spots([point])
    assert not covered(curves, spot, *point, width)


@given(st.integers(0, 59), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_texts_stay_inside_and_apart(step, seed):
    rng = np.random.default_rng(seed)
    x = np.arange(60.0)
    curves = [(x, np.cumsum(rng.standard_normal(60))) for _ in range(2)]
    points = [(float(step), float(y[step]), f"validation {y[step]:.4g}") for _, y in curves]
    every = np.concatenate([values for _, values in curves])
    spots = Plot(curves, (0, 59), HEIGHT).spots(points)
    for width in WIDTHS_PX:
        boxes = [
            box(spot, *point, width, every.min(), every.max())
            for spot, point in zip(spots, points, strict=True)
        ]
        for left, right, middle in boxes:
            assert -1 <= left < right <= width + 1
            assert 0 <= middle <= HEIGHT
        (a, b, c), (d, e, f) = boxes
        assert b <= d or e <= a or abs(c - f) >= HALF_PX


def test_a_logarithmic_axis_and_no_curve_at_all():
    x = np.arange(10.0)
    assert len(Plot([(x, 10.0**-x)], (0, 9), HEIGHT, log=True).spots([(5.0, 1e-5, "best")])) == 1
    assert len(Plot([], (0, 0), HEIGHT).spots([(0.0, 1.0, "best")])) == 1
