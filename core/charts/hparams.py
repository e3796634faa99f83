"""Hyper-parameters against a metric: parallel coordinates, rank correlations, PR curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.charts.theme import LINE, RULE, finish
from core.hparams import Axis

MAX_LINES = 1_000


def parallel_chart(
    axes: Sequence[Axis], runs: Sequence[str], metric: np.ndarray, *, height: int = 320
) -> Any:
    """One line a run through its place on every axis, coloured by the metric.

    Args:
        axes: at least two, the metric last; the places of each are in the order of ``runs``.
        runs: their names.
        metric: float64[runs]; a run without a value is grey.
        height: px.
    """
    names = [axis.name for axis in axes]
    order = np.arange(len(runs))[:MAX_LINES]
    points = pd.concat([
        pd.DataFrame({
            "axis": axis.name, "place": axis.places[order], "run": np.array(runs)[order],
            "id": order, "metric": metric[order],
        })
        for axis in axes
    ])  # fmt: skip
    points = points.dropna(subset=["place"])
    ticks = pd.DataFrame([
        {"axis": axis.name, "place": place, "label": label}
        for axis in axes
        for place, label in axis.ticks
    ])  # fmt: skip
    x = alt.X(
        "axis:N",
        sort=names,
        title=None,
        scale=alt.Scale(type="point", padding=0.35),
        axis=alt.Axis(
            labelAngle=0, orient="top", offset=14, labelLimit=130, grid=True, domain=False
        ),
    )
    y = alt.Y("place:Q", title=None, axis=None)
    colour = alt.condition(
        "isValid(datum.metric)",
        alt.Color("metric:Q", title=names[-1], scale=alt.Scale(scheme="viridis")),
        alt.value(RULE),
    )
    hover = alt.selection_point(fields=["id"], on="pointerover", empty=False, clear="pointerout")
    tips = [
        alt.Tooltip("run:N", title="Run"),
        alt.Tooltip("metric:Q", title=names[-1], format=".4~g"),
    ]
    lines = (
        alt.Chart(points)
        .mark_line(interpolate="linear")
        .encode(
            x=x, y=y, detail="id:N", color=colour, tooltip=tips,
            opacity=alt.condition(hover, alt.value(1.0), alt.value(0.55)),
            strokeWidth=alt.condition(hover, alt.value(4), alt.value(1.8)),
        )
        .add_params(hover)
    )  # fmt: skip
    texts = [
        alt.Chart(ticks[side])
        .mark_text(fontSize=11, color=RULE, **where)
        .encode(x=x, y=y, text="label:N")
        for side, where in _beside(ticks)
    ]
    return finish(alt.layer(lines, *texts), height=height, legend="right")


def _beside(ticks: pd.DataFrame) -> list[tuple[Any, dict[str, Any]]]:
    """Labels stand above the top, below the bottom, and left of what lies between."""
    top, bottom = ticks["place"] > 0.999, ticks["place"] < 0.001
    return [
        (top, {"dy": -9}),
        (bottom, {"dy": 11}),
        (~top & ~bottom, {"align": "right", "dx": -6}),
    ]


def correlation_chart(found: pd.DataFrame) -> Any:
    """A bar for each hyper-parameter: Spearman's rho with the metric.

    Args:
        found: name, rho, n, strongest first.
    """
    data = found.assign(label=[f"{rho:+.2f}" for rho in found["rho"]])
    y = alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=180))
    x = alt.X(
        "rho:Q",
        title="Spearman's ρ",
        scale=alt.Scale(domain=[-1.15, 1.15]),
        axis=alt.Axis(values=[-1, -0.5, 0, 0.5, 1]),
    )
    tips = [
        alt.Tooltip("name:N", title="Hyper-parameter"),
        alt.Tooltip("rho:Q", title="ρ", format="+.3f"),
        alt.Tooltip("n:Q", title="Runs"),
    ]
    bars = (
        alt.Chart(data)
        .mark_bar(height=14)
        .encode(
            x=x,
            y=y,
            color=alt.condition("datum.rho < 0", alt.value(LINE[0]), alt.value(LINE[1])),
            tooltip=tips,
        )
    )
    text = {"fontSize": 11, "color": RULE}
    right = (
        alt.Chart(data[data["rho"] >= 0]).mark_text(align="left", dx=4, **text)
    ).encode(x=x, y=y, text="label:N")  # fmt: skip
    left = (
        alt.Chart(data[data["rho"] < 0]).mark_text(align="right", dx=-4, **text)
    ).encode(x=x, y=y, text="label:N")  # fmt: skip
    return finish(alt.layer(bars, left, right), height=26 * len(data) + 60)


def pr_chart(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]], colour: Mapping[str, str], *, title: str
) -> Any:
    """Precision over recall, a line for each run.

    Args:
        curves: run -> (precision, recall), float arrays of equal length.
        colour: run -> colour.
        title: text above the chart.
    """
    parts = [
        pd.DataFrame({"precision": p, "recall": r, "order": np.arange(len(p)), "run": run})
        for run, (p, r) in curves.items()
    ]
    names = list(curves)
    scale = alt.Scale(domain=[0, 1], nice=False)
    chart = (
        alt.Chart(pd.concat(parts, ignore_index=True))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("recall:Q", title="Recall", scale=scale),
            y=alt.Y("precision:Q", title="Precision", scale=scale),
            order="order:Q",
            color=alt.Color(
                "run:N",
                scale=alt.Scale(domain=names, range=[colour[name] for name in names]),
                legend=alt.Legend(columns=2) if len(names) > 1 else None,
            ),
            tooltip=[
                alt.Tooltip("run:N", title="Run"),
                alt.Tooltip("precision:Q", title="Precision", format=".3f"),
                alt.Tooltip("recall:Q", title="Recall", format=".3f"),
            ],
        )
    )
    return finish(chart, height=300, title=title)
