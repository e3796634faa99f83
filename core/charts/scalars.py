"""Scalar curves: grouping tags into charts, smoothing, thinning to what a screen can show."""

from __future__ import annotations

import re
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.charts.theme import LINE, NUMBER, finish

_SPLIT = re.compile(r"(train|training|val|valid|validation|eval|test)", re.IGNORECASE)

MAX_POINTS = 1_500
"""Points drawn for one curve: about two for each pixel column of a chart."""


def group_tags(tags: list[str]) -> dict[str, list[str]]:
    """Tags by the chart they share: the splits of one quantity belong together.

    ``Loss/train`` and ``Loss/val`` share the chart ``Loss``, ``train/loss`` and ``eval/loss`` the
    chart ``loss``; every other tag has a chart of its own.

    Returns:
        Title of the chart -> its tags, in the order of first appearance.
    """
    groups: dict[str, list[str]] = {}
    for tag in tags:
        parts = tag.split("/")
        rest = [part for part in parts if not _SPLIT.fullmatch(part)]
        title = "/".join(rest) if rest and len(rest) < len(parts) else tag
        groups.setdefault(title, []).append(tag)
    return groups


def smooth(values: np.ndarray, weight: float) -> np.ndarray:
    """Debiased exponential moving average, as TensorBoard's slider computes it.

    Args:
        values: float64[n]; non-finite values are passed through and do not enter the average.
        weight: 0 (none) to below 1.

    Returns:
        float64[n].
    """
    if weight <= 0 or len(values) < 2:
        return values
    smoothed = values.astype(float).copy()
    finite = np.flatnonzero(np.isfinite(values))
    average = pd.Series(values[finite]).ewm(alpha=1 - weight, adjust=True).mean()
    smoothed[finite] = average.to_numpy()
    return smoothed


def thin(x: np.ndarray, y: np.ndarray, limit: int = MAX_POINTS) -> np.ndarray:
    """Indices that keep the minimum and maximum of each of ``limit / 2`` equal index bins.

    Unlike largest-triangle thinning it keeps every extreme, so no spike is lost. Non-finite
    values are kept as they are: the line breaks there.

    Returns:
        int64[m], sorted, m <= about ``limit`` plus the non-finite points' bins.
    """
    n = len(y)
    if n <= limit:
        return np.arange(n)
    edges = np.linspace(0, n, limit // 2 + 1).astype(np.int64)
    low = np.where(np.isfinite(y), y, np.inf)
    high = np.where(np.isfinite(y), y, -np.inf)
    bins = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    first = np.lexsort((low, bins))[edges[:-1]]
    last = np.lexsort((-high, bins))[edges[:-1]]
    return np.unique(np.concatenate([[0], first, last, [n - 1]]))


def _curve(part: pd.DataFrame, name: str, x: str, weight: float) -> pd.DataFrame:
    part = part.sort_values("step", kind="stable")
    y = part["value"].to_numpy(float)
    if x == "step":
        position = part["step"].to_numpy(float)
    else:
        seconds = part["wall_time"].to_numpy(float)
        position = (seconds - seconds.min()) / 60 if len(seconds) else seconds
    keep = thin(position, y)
    smoothed = smooth(y, weight)
    return pd.DataFrame({"x": position[keep], "y": smoothed[keep], "raw": y[keep], "curve": name})


def curves(
    frames: dict[str, pd.DataFrame], tags: list[str], x: str = "step", weight: float = 0.0
) -> pd.DataFrame:
    """The points of one chart.

    Args:
        frames: run label -> its Scalars frame.
        tags: tags to draw.
        x: ``step`` or ``minutes`` (since the curve's first point).
        weight: smoothing, see :func:`smooth`.

    Returns:
        DataFrame with x, y (smoothed), raw, curve.
    """
    parts = []
    for label, frame in frames.items():
        for tag in tags:
            for run, part in frame.loc[frame["tag"] == tag].groupby("run", observed=True):
                split = "" if str(run) in ("", ".") else f"{run} "
                name = f"{split}{tag}" if len(frames) == 1 else f"{label} {split}{tag}"
                parts.append(_curve(part, name, x, weight))
    if not parts:
        return pd.DataFrame({"x": [], "y": [], "raw": [], "curve": []})
    return pd.concat(parts, ignore_index=True)


def scalar_chart(
    points: pd.DataFrame, title: str, *, x: str = "step", log_y: bool = False, height: int = 260
) -> Any:
    """One chart of curves from :func:`curves`: the smoothed line over the raw one."""
    names = list(dict.fromkeys(points["curve"]))
    if log_y:
        points = points.loc[points["y"] > 0]
    scale = alt.Scale(type="log") if log_y else alt.Scale(zero=False)
    colour = alt.Color(
        "curve:N",
        scale=alt.Scale(domain=names, range=[LINE[i % len(LINE)] for i in range(len(names))]),
        legend=alt.Legend(columns=2, labelLimit=200) if len(names) > 1 else None,
    )
    axis = alt.X(
        "x:Q",
        title=None if x == "step" else "Minutes since the first point",
        scale=alt.Scale(nice=False, zero=False),
    )
    tips = [
        alt.Tooltip("curve:N", title="Curve"),
        alt.Tooltip("x:Q", title="Step" if x == "step" else "Minutes", format=NUMBER),
        alt.Tooltip("y:Q", title="Value", format=".4~g"),
        alt.Tooltip("raw:Q", title="Unsmoothed", format=".4~g"),
    ]
    base = alt.Chart(points)
    line = base.mark_line(strokeWidth=2, point=len(points) < 60).encode(
        x=axis, y=alt.Y("y:Q", title=None, scale=scale), color=colour, tooltip=tips
    )
    if points["y"].equals(points["raw"]):
        return finish(line, height=height, title=title)
    raw = base.mark_line(strokeWidth=1, opacity=0.3).encode(
        x=axis, y=alt.Y("raw:Q", title=None, scale=scale), color=colour
    )
    return finish(alt.layer(raw, line), height=height, title=title)


def histogram_chart(histograms: pd.DataFrame, *, height: int = 260) -> Any:
    """How a distribution moves: share of the values per bin (colour) over steps.

    Args:
        histograms: frame of one tag with step, limits (right edges of the bins, float64[k]) and
            counts (float64[k]).
    """
    parts = []
    for step, limits, bin_counts in zip(
        histograms["step"], histograms["limits"], histograms["counts"], strict=True
    ):
        right = np.asarray(limits, float)
        counts = np.asarray(bin_counts, float)
        share = 100 * counts / max(counts.sum(), 1e-300)
        left = np.concatenate([right[:1], right[:-1]])
        parts.append(pd.DataFrame({"step": step, "low": left, "high": right, "share": share}))
    data = pd.concat(parts, ignore_index=True)
    data = data[(data["share"] > 0) & np.isfinite(data["low"]) & np.isfinite(data["high"])]
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
    return finish(chart, height=height, legend="right")
