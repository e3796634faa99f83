"""What stands behind and upon curves over training: zones, uncertainty, rules, readings.

Plain Vega-Lite layers; every position is a field ``x`` that an :class:`XAxis` made of a step.
"""

from __future__ import annotations

import math
from typing import Any

from core.charts.placing import Plot
from core.charts.theme import BEST, DIVERGED, RULE, ZONES
from core.charts.xaxis import XAxis
from core.dynamics import OURS, Curve, LossPair, StopRow, Verdict
from core.dynamics.bands import bands, telling_zones

NAME_LINE_PX = 14
_STRIP_PX = 7
_LANE_PX = 17
_ONSET_OPACITY = 0.13
_SHAPES = ("diamond", "circle", "square", "triangle-up", "cross", "triangle-down", "triangle-right")


def inline(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows as the data of one layer."""
    return {"values": rows}


def band_layers(verdict: Verdict, x: XAxis, ink: str | None = None) -> list[dict[str, Any]]:
    """One layer a band: opacity encoded as data would add a legend and a scale of its own.

    Args:
        ink: colour of the bands' names, which stand above the plot; None leaves them out.
    """
    rows = _rows(verdict, x)
    layers = [
        {
            "data": inline([row]),
            "mark": {"type": "rect", "color": row["paint"], "opacity": row["opacity"]},
            "encoding": {"x": x.encoding(), "x2": {"field": "end"}},
        }
        for row in rows
    ]
    layers += [*_onset_edges(verdict, x), *_lost_edge(verdict, x)]
    if ink is not None and rows:
        layers.append(_band_names(verdict, x, ink))
    return layers


def _rows(verdict: Verdict, x: XAxis) -> list[dict[str, Any]]:
    """x, end, paint, opacity; the red begins lighter where its onset is uncertain."""
    rows = []
    for band in bands(verdict, x.last):
        a, b = x.place([band.start, band.end]).tolist()
        paint, opacity = DIVERGED if band.name == "diverged" else ZONES[band.name]
        shade = opacity if band.certain else _ONSET_OPACITY
        rows.append({"x": a, "end": b, "paint": paint, "opacity": shade})
    return rows


def _lost_edge(verdict: Verdict, x: XAxis) -> list[dict[str, Any]]:
    """A line where the run was lost: the band is nothing where that is the last step."""
    lost = verdict.diverged_step
    if lost is None:
        return []
    row = {"x": float(x.place(lost)), "note": f"{x.step_name.lower()} {lost:,}"}
    mark = {"type": "rule", "color": DIVERGED[0], "strokeWidth": 2}
    tip = {"field": "note", "type": "nominal", "title": "Diverged from"}
    return [{"data": inline([row]), "mark": mark,
             "encoding": {"x": x.encoding(), "tooltip": [tip]}}]  # fmt: skip


def _onset_edges(verdict: Verdict, x: XAxis) -> list[dict[str, Any]]:
    """Dashed red lines at the ends of the interval in which overfitting may have begun."""
    if verdict.onset_interval is None or verdict.overfit_step is None:
        return []
    low, high = verdict.onset_interval
    note = f"Overfitting began between {x.step_name.lower()} {low:,} and {high:,}"
    rows = [{"x": at, "note": note} for at in x.place([low, high]).tolist()]
    mark = {"type": "rule", "color": ZONES["overfitting"][0], "strokeDash": [4, 3]}
    tip = {"field": "note", "type": "nominal", "title": "Onset"}
    return [
        {
            "data": inline(rows),
            "mark": {**mark, "opacity": 0.8},
            "encoding": {"x": x.encoding(), "tooltip": [tip]},
        }
    ]


def _band_names(verdict: Verdict, x: XAxis, ink: str) -> dict[str, Any]:
    """Names above the middle of their zones, in two lines so that neighbours never collide."""
    low, high = x.place([x.first, x.last]).tolist()
    margin = 0.07 * (high - low)
    values = []
    named = [(zone.phase, zone.start_step, zone.end_step) for zone in telling_zones(verdict)]
    if verdict.diverged_step is not None:
        named = [(name, start, min(end, verdict.diverged_step)) for name, start, end in named]
        named.append(("diverged", verdict.diverged_step, x.last))
    for number, (name, start, end) in enumerate(named):
        middle = float(x.place([start, end]).mean())
        values.append({
            "x": min(max(middle, low + margin), high - margin),
            "name": name.capitalize(),
            "line": -8 - NAME_LINE_PX * (number % 2),
        })  # fmt: skip
    return {
        "data": inline(values),
        "mark": {"type": "text", "fontSize": 12, "fontWeight": "bold", "color": ink,
                 "baseline": "middle"},
        "encoding": {
            "x": x.encoding(),
            "y": {"field": "line", "type": "quantitative", "scale": None, "axis": None},
            "text": {"field": "name", "type": "nominal"},
        },
    }  # fmt: skip


def best_band_layers(verdict: Verdict, x: XAxis) -> list[dict[str, Any]]:
    """A green strip along the bottom: the checkpoints that are as good as the best one."""
    if verdict.best_band is None:
        return []
    low, high = verdict.best_band
    a, b = x.place([low, high]).tolist()
    unit = x.step_name.lower()
    note = f"{unit} {low:,} to {high:,}" if high > low else f"{unit} {low:,} alone"
    encoding = {
        "x": x.encoding(), "x2": {"field": "end"},
        "y": {"value": {"expr": f"height - {_STRIP_PX}"}}, "y2": {"value": {"expr": "height"}},
        "tooltip": [{"field": "note", "type": "nominal", "title": "Equally good"}],
    }  # fmt: skip
    mark = {"type": "rect", "color": BEST, "opacity": 0.75}
    return [
        {"data": inline([{"x": a, "end": b, "note": note}]), "mark": mark, "encoding": encoding}
    ]


def rule_layers(verdict: Verdict, step: int | None, x: XAxis) -> list[dict[str, Any]]:
    """Where the slider stands (solid) and the best checkpoint (dotted)."""
    marks = [(verdict.best_step, [2, 3]), (step, [1, 0])]
    return [
        {
            "data": inline([{"x": float(x.place(at))}]),
            "mark": {"type": "rule", "color": RULE, "strokeWidth": 1.5, "strokeDash": dash},
            "encoding": {"x": x.encoding()},
        }
        for at, dash in marks
        if at is not None
    ]


def stop_layers(rows: tuple[StopRow, ...], x: XAxis, ink: str) -> list[dict[str, Any]]:
    """A marker for each rule that would have stopped, each in a lane of its own at the bottom."""
    names = [row.rule for row in rows]
    shape = {
        "field": "rule",
        "type": "nominal",
        "scale": {"domain": names, "range": [_SHAPES[i % len(_SHAPES)] for i in range(len(names))]},
        "legend": {"orient": "bottom", "title": "Would have stopped", "columns": 4,
                   "symbolStrokeWidth": 1.5, "symbolFillColor": ink},
    }  # fmt: skip
    tips = [
        {"field": "rule", "type": "nominal", "title": "Rule"},
        {"field": "step", "type": "quantitative", "title": f"Stops at {x.step_name.lower()}"},
        {"field": "kept", "type": "quantitative", "title": "Checkpoint kept"},
    ]
    # Ours comes last: the legend looks like the first layer.
    ordered = sorted(rows, key=lambda row: row.rule == OURS)
    stopped = [(row, row.step) for row in ordered if row.step is not None]
    layers = []
    for number, (row, step) in enumerate(stopped):
        fill = BEST if row.rule == OURS else ink
        lane = _STRIP_PX + _LANE_PX * (number + 0.7)
        values = {"x": float(x.place(step)), "rule": row.rule, "step": step, "kept": row.kept_step}
        encoding = {
            "x": x.encoding(), "y": {"value": {"expr": f"height - {lane:g}"}},
            "shape": shape, "tooltip": tips,
        }  # fmt: skip
        mark = {"type": "point", "size": 80, "stroke": ink, "fill": fill, "opacity": 0.85}
        layers.append({"data": inline([values]), "mark": mark, "encoding": encoding})
    return layers


def reading_rows(
    curves: list[tuple[str, Curve | None]], pair: LossPair, verdict: Verdict, step: int | None
) -> list[dict[str, Any]]:
    """Points to name: both losses at the slider, the upper one first, and the best checkpoint."""
    rows: list[dict[str, Any]] = []
    for name, curve in curves if step is not None else []:
        value = math.nan if curve is None or step is None else curve.at(step)
        if math.isfinite(value):
            rows.append({"step": step, "y": value, "name": name})
    rows.sort(key=lambda row: -row["y"])
    best, value = verdict.best_step, verdict.best_value
    if best is not None and value is not None and best != step and pair.val is not None:
        rows.append({"step": best, "y": value, "name": "best"})
    return rows


def reading_layers(
    rows: list[dict[str, Any]], x: XAxis, y: dict[str, Any], ink: str, plot: Plot
) -> list[dict[str, Any]]:
    """The points, and near each its value: where it is clear of the curves and of the others."""
    if not rows:
        return []
    at = x.place([row["step"] for row in rows]).tolist()
    points = [{"x": place, "y": row["y"]} for place, row in zip(at, rows, strict=True)]
    dot = {"type": "point", "size": 70, "filled": True, "color": RULE, "opacity": 1}
    layers = [{"data": inline(points), "mark": dot, "encoding": {"x": x.encoding(), "y": y}}]
    texts = [f"{row['name']} {row['y']:.4g}".replace(" -", " −") for row in rows]
    placed = [(point["x"], point["y"], text) for point, text in zip(points, texts, strict=True)]
    for point, text, spot in zip(points, texts, plot.spots(placed), strict=True):
        mark = {"type": "text", "align": spot.align, "dx": spot.dx, "dy": spot.dy,
                "baseline": "middle", "fontSize": 12, "color": ink}  # fmt: skip
        encoding = {"x": x.encoding(), "y": y, "text": {"field": "text", "type": "nominal"}}
        layers.append(
            {"data": inline([point | {"text": text}]), "mark": mark, "encoding": encoding}
        )
    return layers
