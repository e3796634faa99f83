"""Distributions over steps: a heat map, and TensorBoard's percentile bands."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.charts.theme import LINE, finish, no_data

PERCENTILES = (0.0, 6.68, 15.87, 30.85, 50.0, 69.15, 84.13, 93.32, 100.0)
"""Percentiles of a normal distribution at -1.5, -1, -0.5, 0, 0.5, 1, 1.5 standard deviations
and the ends, as TensorBoard's distributions dashboard draws them."""

MAX_STEPS = 200
"""Steps drawn; of more an even selection is."""


def some_steps(steps: np.ndarray) -> list[int]:
    """At most :data:`MAX_STEPS` of the steps, evenly, first and last among them."""
    unique = np.unique(steps)
    if len(unique) > MAX_STEPS:
        unique = unique[np.linspace(0, len(unique) - 1, MAX_STEPS).astype(np.int64)]
    return [int(step) for step in unique]


def _edges(limits: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(left, right, count) of the bins that hold anything and have finite edges."""
    right, counts = np.asarray(limits, float), np.asarray(counts, float)
    left = np.concatenate([right[:1], right[:-1]])
    keep = (counts > 0) & np.isfinite(left) & np.isfinite(right)
    return left[keep], right[keep], counts[keep]


def percentiles(limits: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Where the :data:`PERCENTILES` of a histogram lie, values spread evenly inside a bin.

    Args:
        limits: float64[k], right edges of the bins.
        counts: float64[k].

    Returns:
        float64[9]; NaN for an empty histogram.
    """
    left, right, held = _edges(limits, counts)
    if not len(held):
        return np.full(len(PERCENTILES), np.nan)
    total = np.cumsum(held)
    wanted = np.array(PERCENTILES) / 100 * total[-1]
    index = np.searchsorted(total, wanted, side="left").clip(max=len(total) - 1)
    before = total[index] - held[index]
    share = np.clip((wanted - before) / held[index], 0, 1)
    return left[index] + share * (right[index] - left[index])


def histogram_chart(histograms: pd.DataFrame, *, height: int = 260, title: str = "") -> Any:
    """How a distribution moves: share of the values per bin (colour) over steps.

    Args:
        histograms: frame of one tag with step, limits (right edges of the bins, float64[k]) and
            counts (float64[k]).
        height: px.
        title: text above the chart.
    """
    parts = []
    for step, limits, counts in _rows(histograms):
        left, right, held = _edges(limits, counts)
        share = 100 * held / max(held.sum(), 1e-300)
        parts.append(pd.DataFrame({"step": step, "low": left, "high": right, "share": share}))
    data = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if data.empty:
        return no_data("These histograms are empty.")
    steps = np.unique(data["step"])
    data["next"] = data["step"] + (np.diff(steps).min() if len(steps) > 1 else 1)
    chart = (
        alt.Chart(data)
        .mark_rect()
        .encode(
            x=alt.X("step:Q", title="Step", scale=alt.Scale(nice=False)),
            x2="next:Q",
            y=alt.Y("low:Q", title="Value", scale=alt.Scale(zero=False)),
            y2="high:Q",
            color=alt.Color("share:Q", title="% of values", scale=alt.Scale(scheme="blues")),
            tooltip=[
                alt.Tooltip("step:Q", title="Step"),
                alt.Tooltip("low:Q", title="From", format=".3~g"),
                alt.Tooltip("high:Q", title="To", format=".3~g"),
                alt.Tooltip("share:Q", title="% of values", format=".2~f"),
            ],
        )
    )
    return finish(chart, height=height, legend="right", title=title or None)


def distribution_chart(histograms: pd.DataFrame, *, height: int = 260, title: str = "") -> Any:
    """Percentile bands over steps, nested: the darker, the closer to the median.

    Args:
        histograms: as for :func:`histogram_chart`.
        height: px.
        title: text above the chart.
    """
    rows = [(step, percentiles(limits, counts)) for step, limits, counts in _rows(histograms)]
    rows = [(step, values) for step, values in rows if np.isfinite(values).all()]
    if not rows:
        return no_data("These histograms are empty.")
    data = pd.DataFrame([values for _, values in rows], columns=[f"p{i}" for i in range(9)])
    data.insert(0, "step", [step for step, _ in rows])
    x = alt.X("step:Q", title="Step", scale=alt.Scale(nice=False, zero=False))
    tips = [alt.Tooltip("step:Q", title="Step")] + [
        alt.Tooltip(f"p{i}:Q", title=f"{PERCENTILES[i]:.0f} %", format=".3~g")
        for i in reversed(range(9))
    ]
    base = alt.Chart(data)
    bands = [
        base.mark_area(color=LINE[0], opacity=0.2).encode(
            x=x,
            y=alt.Y(f"p{i}:Q", title="Value", scale=alt.Scale(zero=False)),
            y2=f"p{8 - i}:Q",
            tooltip=tips,
        )
        for i in range(4)
    ]
    median = base.mark_line(color=LINE[0], strokeWidth=2, point=len(data) < 60).encode(
        x=x, y="p4:Q", tooltip=tips
    )
    return finish(alt.layer(*bands, median), height=height, title=title or None)


def _rows(histograms: pd.DataFrame) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """(step, limits, counts), of a step that was written twice the later one."""
    last = histograms.drop_duplicates("step", keep="last")
    return list(zip(last["step"], last["limits"], last["counts"], strict=True))
