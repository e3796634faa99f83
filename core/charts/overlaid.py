"""Charts of two runs: their losses in one chart, and the times of their steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.charts import curves
from core.charts.curves import VALUE, dots, tip
from core.charts.theme import LINE, RULE, ZONES, configuration, finish, no_data
from core.charts.xaxis import XAxis
from core.dynamics import Curve, LossPair, Verdict

COLOURS = ("#808080", LINE[0])
"""Of the run before and of the one after: the later one is what is looked at."""
SPLITS = ("train", "validation")
_DASHES = ([1, 0], [6, 3])
_MOST_TICKS = 300


def curves_chart(
    runs: Mapping[str, Verdict], *, step_name: str = "Step", log_y: bool = False, height: int = 360
) -> dict[str, Any]:
    """Train and validation loss of two runs over each other, with what the verdicts point at.

    A dot marks the best checkpoint of each run, a red triangle where its overfitting began.

    Args:
        runs: name -> verdict, which holds the curves; the run before comes first. All are of
            losses, or all of errors.
        step_name: what a step is.
        log_y: logarithmic axis; values that are not positive are left out.
        height: of the whole chart in px.

    Returns:
        A Vega-Lite specification, or a note where there is nothing to draw.
    """
    parts = [
        _lines(name, split, curve, log_y=log_y)
        for name, verdict in runs.items()
        for split, curve in zip(SPLITS, (verdict.pair.train, verdict.pair.val), strict=True)
        if curve is not None and len(curve)
    ]
    data = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"y": []})
    if not np.isfinite(data["y"].to_numpy(float)).any():
        return no_data("Neither run logged a loss that could be drawn.").to_dict(validate=False)
    steps = data["x"].to_numpy(np.int64)
    x = XAxis(int(steps.min()), int(steps.max()), step_name=step_name)
    pair = next(iter(runs.values())).pair
    y = curves.value_axis(curves.meaning(pair), log_y=log_y)
    colour = {"field": "run", "type": "nominal", "legend": _key(0),
              "scale": {"domain": list(runs), "range": list(COLOURS[: len(runs)])}}  # fmt: skip
    # Lines have the colours of their runs, so the legend of the dashes needs a look of its own.
    dash = {"field": "split", "type": "nominal",
            "legend": _key(40) | {"symbolStrokeColor": RULE, "symbolStrokeWidth": 1},
            "scale": {"domain": list(SPLITS), "range": list(_DASHES)}}  # fmt: skip
    place = {"x": x.encoding(), "y": y, "color": colour, "tooltip": _tips(step_name, pair)}
    layers = [
        {
            "data": {"name": "lines"},
            "mark": {"type": "line", "strokeWidth": 2, "clip": True},
            "encoding": place | {"strokeDash": dash},
        },
        *_dots(place, len(data) / len(parts)),
        *_marks(runs, x, y, step_name, log_y=log_y),
    ]  # fmt: skip
    return {
        "width": "container", "height": height, "config": configuration(), "layer": layers,
        "datasets": {"lines": data},
    }  # fmt: skip


def _dots(place: dict[str, Any], points: float) -> list[dict[str, Any]]:
    """Where lines of so many points show them.

    A layer of its own: points of the line's own mark would empty the legend of the dashes.
    """
    mark = dots(points)
    if not mark:
        return []
    look = {"type": "point", "filled": True, "opacity": 1, "clip": True, **mark}
    colour = place["color"] | {"legend": None}
    return [{"data": {"name": "lines"}, "mark": look, "encoding": place | {"color": colour}}]


def _key(offset: int) -> dict[str, Any]:
    return {"orient": "top", "title": None, "symbolType": "stroke", "offset": 4 + offset // 4}


def _tips(step_name: str, pair: LossPair) -> list[dict[str, Any]]:
    return [
        {"field": "run", "type": "nominal", "title": "Run"},
        {"field": "split", "type": "nominal", "title": "Curve"},
        tip("x", step_name, ","),
        tip("y", pair.quantity.capitalize(), VALUE),
    ]


def _lines(name: str, split: str, curve: Curve, *, log_y: bool) -> pd.DataFrame:
    values = curves.drawable(curve.values, log_y)
    keep = curves.kept(values)
    return pd.DataFrame({"x": curve.steps[keep], "y": values[keep], "run": name, "split": split})


def _marks(
    runs: Mapping[str, Verdict], x: XAxis, y: dict[str, Any], step_name: str, *, log_y: bool
) -> list[dict[str, Any]]:
    """Best checkpoints in the colour of their run, onsets of overfitting in red."""
    layers = []
    for (name, verdict), colour in zip(runs.items(), COLOURS, strict=False):
        marks = (
            (verdict.best_step, colour, "circle", "best"),
            (verdict.overfit_step, ZONES["overfitting"][0], "triangle-up", "overfitting begins"),
        )
        for step, paint, shape, what in marks:
            value = _value(verdict, step)
            if step is None or not np.isfinite(value) or (log_y and value <= 0):
                continue
            words = f"{name}: {what}, {step_name.lower()} {step:,}"
            row = {"x": step, "y": value, "what": words}
            mark = {"type": "point", "shape": shape, "filled": True, "size": 110, "opacity": 1,
                    "color": paint, "stroke": "white", "strokeWidth": 1}  # fmt: skip
            tips = [{"field": "what", "type": "nominal", "title": "Verdict"},
                    tip("y", "Value", VALUE)]  # fmt: skip
            encoding = {"x": x.encoding(), "y": y, "tooltip": tips}
            layers.append({"data": {"values": [row]}, "mark": mark, "encoding": encoding})
    return layers


def _value(verdict: Verdict, step: int | None) -> float:
    curve = verdict.pair.val
    return float("nan") if curve is None or step is None else curve.at(step)


def steps_chart(
    times_ms: Mapping[str, NDArray[np.float64]],
    intervals: Mapping[str, tuple[float, float] | None],
) -> Any:
    """The time of every step as a tick, their mean as a dot in its 95 % interval.

    Args:
        times_ms: name -> float64[steps] ms; the run before comes first.
        intervals: name -> interval of the mean, None for a single step.
    """
    rows = [
        {"run": name, "ms": float(ms)}
        for name, times in times_ms.items()
        for ms in _few(times).tolist()
    ]
    if not rows:
        return no_data("Neither run tells the time of a step in ms.")
    means = [_mean_row(name, times, intervals.get(name)) for name, times in times_ms.items()]
    names = list(times_ms)
    y = alt.Y("run:N", title=None, sort=names, axis=alt.Axis(labelLimit=160))
    colour = alt.Color("run:N", legend=None, scale=alt.Scale(domain=names, range=_paint(names)))
    tips = [
        alt.Tooltip("run:N", title="Run"),
        alt.Tooltip("mean:Q", title="Mean step, ms", format=",.2f"),
        alt.Tooltip("interval:N", title="95 % interval"),
        alt.Tooltip("steps:Q", title="Steps", format=","),
    ]
    ticks = (
        alt.Chart(pd.DataFrame(rows))
        .mark_tick(thickness=2, opacity=0.4)
        .encode(
            x=alt.X("ms:Q", title="ms per step", scale=alt.Scale(zero=True)),
            y=y,
            color=colour,
            tooltip=[alt.Tooltip("ms:Q", title="A step, ms", format=",.2f")],
        )
    )
    told = alt.Chart(pd.DataFrame(means))
    bar = told.mark_rule(strokeWidth=5, opacity=0.7).encode(
        x="low:Q", x2="high:Q", y=y, color=colour, tooltip=tips
    )
    dot = told.mark_point(filled=True, size=110, opacity=1).encode(
        x="mean:Q", y=y, color=colour, tooltip=tips
    )
    return finish(alt.layer(ticks, bar, dot), height=60 + 44 * len(names))


def _paint(names: list[str]) -> list[str]:
    return [COLOURS[index % 2] for index in range(len(names))]


def _few(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """At most as many as a screen can tell apart, shortest and longest among them."""
    if times.size <= _MOST_TICKS:
        return times
    return np.quantile(times, np.linspace(0, 1, _MOST_TICKS))


def _mean_row(
    name: str, times: NDArray[np.float64], interval: tuple[float, float] | None
) -> dict[str, Any]:
    mean = float(times.mean())
    low, high = interval or (mean, mean)
    words = "one step: none" if interval is None else f"{low:,.2f} to {high:,.2f} ms"
    return {"run": name, "mean": mean, "low": low, "high": high, "interval": words,
            "steps": times.size}  # fmt: skip
