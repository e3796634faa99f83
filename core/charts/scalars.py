"""One chart of scalar curves as a Vega-Lite specification.

Written as a plain dictionary with its data as tables beside it: a page draws two dozen of these
every other second, and Altair needs four to twenty times as long to make the same one. The tests
validate it against Altair's schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.charts.layers import LAYERS, hover_layer
from core.charts.paint import Paint
from core.charts.theme import NUMBER, configuration
from core.series import Look, Picture, Stroke, value_at

MAX_HOVER_PLACES = 240
MAX_HOVER_CURVES = 12
CROWD = 24
"""Above this many curves lines get thinner and fainter."""

FEW_POINTS = 20
"""Curves up to this length show their points."""

SYMBOLS_A_LINE = 6


def scalar_chart(
    picture: Picture,
    title: str,
    look: Look,
    colour: Mapping[str, str] | None = None,
    height: int = 260,
) -> dict[str, Any]:
    """The specification of one chart.

    Args:
        picture: what to draw.
        title: text above the chart.
        look: how the picture was made.
        colour: name -> colour; None colours the splits of a single run.
        height: of the plotting area, px.

    Returns:
        A Vega-Lite specification whose ``datasets`` are DataFrames.
    """
    paint = Paint(colour)
    unit, divisor = _time_unit(picture, look)
    x = _x_axis(look, unit)
    y: dict[str, Any] = {"field": "y", "type": "quantitative", "title": None}
    y["axis"] = {"format": f".4{NUMBER}"}
    y["scale"] = _y_scale(picture, look)
    scale = 1e3 if look.axis == "wall" else 1 / divisor
    tables = {
        "band": _band_table(picture, paint, scale),
        "faint": _faint_table(picture, paint, scale),
        "line": _line_table(picture, paint, scale),
        "dot": _dot_table(picture, paint, scale),
        "symbol": _symbol_table(picture, paint, scale),
        "restart": _restart_table(picture, scale),
        "mark": _mark_table(picture, paint, scale),
    }
    layers = [LAYERS[name](x, y) for name, table in tables.items() if len(table)]
    _make_room(layers, len(picture.strokes))
    hover, tips = _hover(picture, look, scale, unit, paint)
    if len(hover):
        tables["hover"] = hover
        layers.append(hover_layer(x, tips))
    return {
        "title": title,
        "width": "container",
        "height": height,
        "config": configuration(),
        "layer": layers,
        "datasets": {name: table for name, table in tables.items() if len(table)},
    }


def _make_room(layers: list[dict[str, Any]], curves: int) -> None:
    """Thinner, fainter lines where there are many."""
    if curves <= CROWD:
        return
    for layer in layers:
        if layer["mark"]["type"] == "line":
            layer["mark"] |= {"strokeWidth": 1, "opacity": max(0.25, 0.9 * CROWD / curves)}
        elif layer["data"]["name"] == "symbol":
            layer["mark"] |= {"size": 24, "opacity": 0.9}


def _time_unit(picture: Picture, look: Look) -> tuple[str, float]:
    """The unit of relative time that suits the longest curve, and its seconds."""
    if look.axis != "relative":
        return "", 1.0
    longest = max((float(each.x[-1]) for each in picture.strokes if len(each.x)), default=0.0)
    for unit, seconds in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if longest > 2 * seconds:
            return unit, seconds
    return "seconds", 1.0


def _x_axis(look: Look, unit: str) -> dict[str, Any]:
    title = {"step": None, "relative": f"Time since its first point, {unit}", "wall": None}
    scale: dict[str, Any] = {"nice": False, "zero": False}
    if look.axis == "wall":
        scale = {"type": "utc", "nice": False}
    elif look.log_x:
        scale = {"type": "log", "nice": False}
    kind = "temporal" if look.axis == "wall" else "quantitative"
    axis: dict[str, Any] = {"labelFlush": True, "labelOverlap": True}
    if look.axis != "wall":
        axis["format"] = ",~f"
    return {"field": "x", "type": kind, "title": title[look.axis], "scale": scale, "axis": axis}


def _y_scale(picture: Picture, look: Look) -> dict[str, Any]:
    scale: dict[str, Any] = {"type": "log"} if look.log_y else {"zero": False}
    if picture.y_range is None:
        return scale
    low, high = picture.y_range
    if look.log_y:
        low = max(low, high / 1e6)
    return scale | {"domain": [low, high], "nice": False}


def _stack(parts: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows of several lines: arrays as they are, scalars repeated as categories."""
    parts = [part for part in parts if len(part["x"])]
    if not parts:
        return pd.DataFrame()
    sizes = [len(part["x"]) for part in parts]
    columns: dict[str, Any] = {}
    for name, first in parts[0].items():
        values = [part[name] for part in parts]
        if isinstance(first, np.ndarray):
            columns[name] = np.concatenate(values)
        elif isinstance(first, str):
            kinds = list(dict.fromkeys(values))
            codes = np.repeat([kinds.index(value) for value in values], sizes)
            columns[name] = pd.Categorical.from_codes(codes, kinds)
        else:
            columns[name] = np.repeat(values, sizes)
    return pd.DataFrame(columns)


def _line_table(picture: Picture, paint: Paint, scale: float) -> pd.DataFrame:
    return _stack([
        {"x": each.x[each.shown] * scale, "y": each.y[each.shown], "curve": number,
         "colour": paint(each.name, each.split), "split": each.split}
        for number, each in enumerate(picture.strokes)
    ])  # fmt: skip


def _faint_table(picture: Picture, paint: Paint, scale: float) -> pd.DataFrame:
    """What stands behind the lines: values before smoothing, and superseded attempts."""
    parts = [
        {"x": each.x[each.raw_shown] * scale, "y": each.raw[each.raw_shown],
         "curve": number, "colour": paint(each.name, each.split), "split": each.split}
        for number, each in enumerate(picture.strokes)
    ]  # fmt: skip
    parts += [
        {"x": x * scale, "y": y, "curve": -1 - number, "colour": paint(name, split), "split": split}
        for number, (name, split, x, y) in enumerate(picture.lost)
    ]
    return _stack(parts)


def _band_table(picture: Picture, paint: Paint, scale: float) -> pd.DataFrame:
    return _stack([
        {"x": each.x[each.shown] * scale, "low": each.low[each.shown],
         "high": each.high[each.shown], "curve": number,
         "colour": paint(each.name, each.split)}
        for number, each in enumerate(picture.strokes)
        if each.low is not None and each.high is not None
    ])  # fmt: skip


def _dot_table(picture: Picture, paint: Paint, scale: float) -> pd.DataFrame:
    """The points themselves where they are few: one point alone makes no line."""
    return _stack(
        [
            {
                "x": each.x[each.shown] * scale,
                "y": each.y[each.shown],
                "colour": paint(each.name, each.split),
            }
            for each in picture.strokes
            if len(each.x) <= FEW_POINTS and not paint.shape(each.name)
        ]
    )


def _symbol_table(picture: Picture, paint: Paint, scale: float) -> pd.DataFrame:
    """A few symbols on each line that shares its colour with another, or all of few points."""
    parts = []
    for number, each in enumerate(picture.strokes):
        shape, at = paint.shape(each.name), each.shown
        if not shape:
            continue
        if len(each.x) > FEW_POINTS:
            # Lines begin elsewhere each, so that symbols of equal curves do not cover each other.
            share = (np.arange(SYMBOLS_A_LINE) + number * 0.618 % 1) / SYMBOLS_A_LINE
            at = at[(share * len(at)).astype(np.int64)]
        parts.append({
            "x": each.x[at] * scale, "y": each.y[at],
            "colour": paint(each.name, each.split), "shape": shape,
        })  # fmt: skip
    return _stack(parts)


def _restart_table(picture: Picture, scale: float) -> pd.DataFrame:
    places = sorted({x for _, x in picture.restarts})[:MAX_HOVER_PLACES]
    return pd.DataFrame({"x": np.array(places) * scale}) if places else pd.DataFrame()


def _mark_table(picture: Picture, paint: Paint, scale: float) -> pd.DataFrame:
    return pd.DataFrame([
        {"x": x * scale, "y": y, "what": word, "name": name, "colour": paint(name, "")}
        for name, x, y, word in picture.marks
    ])  # fmt: skip


def _hover_places(strokes: Sequence[Stroke]) -> np.ndarray:
    places = np.unique(np.concatenate([each.x for each in strokes]))
    if len(places) > MAX_HOVER_PLACES:
        low, high = places[0], places[-1]
        wanted = np.linspace(low, high, MAX_HOVER_PLACES)
        places = np.unique(places[np.searchsorted(places, wanted).clip(max=len(places) - 1)])
    return places


def _hover(
    picture: Picture, look: Look, scale: float, unit: str, paint: Paint
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Every curve's value at some places, one column each, and what the tooltip calls them."""
    strokes = [each for each in picture.strokes if len(each.x)]
    if not strokes:
        return pd.DataFrame(), []
    shown = strokes[:MAX_HOVER_CURVES]
    places = _hover_places(shown)
    data: dict[str, Any] = {"x": places * scale}
    title = {"step": "Step", "relative": unit.capitalize(), "wall": "Time (UTC)"}[look.axis]
    tips = [{"field": "x", "type": "quantitative", "title": title, "format": ",~g"}]
    if look.axis == "wall":
        tips = [{"field": "x", "type": "temporal", "title": title, "format": "%d %b %H:%M:%S"}]
    for number, each in enumerate(shown):
        label = paint.label(each)
        data[f"v{number}"] = value_at(each.x, each.y, places)
        tips.append(_tip(f"v{number}", label))
        if each.raw is not each.y and len(shown) <= MAX_HOVER_CURVES // 2 and not look.band:
            data[f"r{number}"] = value_at(each.x, each.raw, places)
            tips.append(_tip(f"r{number}", f"{label}, unsmoothed"))
        if each.n is not None and each.high is not None:
            data[f"s{number}"] = value_at(each.x, each.high - each.y, places)
            data[f"n{number}"] = value_at(each.x, each.n.astype(float), places)
            tips.append(_tip(f"s{number}", f"± sd of {label}"))
            tips.append(_tip(f"n{number}", f"n of {label}"))
    if len(strokes) > len(shown):
        data["more"] = f"{len(strokes) - len(shown)} curves"
        tips.append({"field": "more", "type": "nominal", "title": "not listed"})
    return pd.DataFrame(data), tips


def _tip(name: str, title: str) -> dict[str, Any]:
    return {"field": name, "type": "quantitative", "title": title, "format": f".4{NUMBER}"}
