"""The layers of a scalar chart in Vega-Lite: each draws one table of the same name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.charts.theme import RULE

DASH: dict[str, list[int]] = {"train": [], "validation": [6, 3], "test": [2, 2], "": []}
"""Split -> its dash pattern in px."""

_COLOUR = {"field": "colour", "type": "nominal", "scale": None}


def _data(name: str) -> dict[str, Any]:
    """A table, taken as it is: its columns have their types.

    Otherwise Vega-Lite has a line's x converted to a number, in a copy of each row; Vega never
    forgets the places of rows that were replaced, and a tab with a live chart grows by 10 MiB a
    minute.
    """
    return {"name": name, "format": {"parse": None}}


def _stroke_encoding(x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    dashes = {"domain": list(DASH), "range": [dash or [1, 0] for dash in DASH.values()]}
    return {
        "x": x, "y": y, "color": _COLOUR, "detail": {"field": "curve", "type": "nominal"},
        "strokeDash": {"field": "split", "type": "nominal", "scale": dashes, "legend": None},
    }  # fmt: skip


def _line_layer(x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    mark = {"type": "line", "strokeWidth": 2, "clip": True, "strokeJoin": "round"}
    return {"data": _data("line"), "mark": mark, "encoding": _stroke_encoding(x, y)}


def _faint_layer(x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    mark = {"type": "line", "strokeWidth": 1, "opacity": 0.3, "clip": True}
    return {"data": _data("faint"), "mark": mark, "encoding": _stroke_encoding(x, y)}


def _band_layer(x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    encoding = {
        "x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": _COLOUR,
        "detail": {"field": "curve", "type": "nominal"},
    }  # fmt: skip
    mark = {"type": "area", "opacity": 0.18, "clip": True}
    return {"data": _data("band"), "mark": mark, "encoding": encoding}


def _restart_layer(x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    mark = {"type": "rule", "color": RULE, "strokeDash": [1, 3], "strokeWidth": 1.5}
    return {"data": _data("restart"), "mark": mark, "encoding": {"x": x}}


def _dot_layer(x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    mark = {"type": "point", "filled": True, "size": 28, "opacity": 1, "clip": True}
    return {"data": _data("dot"), "mark": mark, "encoding": {"x": x, "y": y, "color": _COLOUR}}


def _symbol_layer(x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    shape = {"field": "shape", "type": "nominal", "scale": None}
    mark = {"type": "point", "filled": True, "size": 40, "opacity": 1, "clip": True}
    encoding = {"x": x, "y": y, "color": _COLOUR, "shape": shape}
    return {"data": _data("symbol"), "mark": mark, "encoding": encoding}


def _mark_layer(x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    shapes = {"domain": ["NaN", "+Inf", "-Inf"], "range": ["cross", "triangle-up", "triangle-down"]}
    encoding = {
        "x": x, "y": y, "color": _COLOUR,
        "shape": {"field": "what", "type": "nominal", "scale": shapes, "legend": None},
        "tooltip": [{"field": "what", "title": "Value"}, {"field": "name", "title": "Run"}],
    }  # fmt: skip
    mark = {"type": "point", "filled": True, "size": 45, "opacity": 0.9}
    return {"data": _data("mark"), "mark": mark, "encoding": encoding}


LAYERS: dict[str, Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]] = {
    "band": _band_layer,
    "faint": _faint_layer,
    "line": _line_layer,
    "dot": _dot_layer,
    "symbol": _symbol_layer,
    "restart": _restart_layer,
    "mark": _mark_layer,
}
"""Name of the table -> its layer, given the encodings of x and y; the lowest first."""


def hover_layer(x: dict[str, Any], tips: list[dict[str, Any]]) -> dict[str, Any]:
    """A rule at the place of the pointer, with every curve's value in its tooltip."""
    select = {"type": "point", "fields": ["x"], "nearest": True}
    select |= {"on": "pointermove", "clear": "pointerout"}
    seen = {"condition": {"param": "at", "empty": False, "value": 0.6}, "value": 0}
    return {
        "data": _data("hover"),
        "mark": {"type": "rule", "color": RULE},
        "params": [{"name": "at", "select": select}],
        "encoding": {"x": x, "opacity": seen, "tooltip": tips},
    }
