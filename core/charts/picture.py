"""Charts as files, rendered in this process by vl-convert: no browser, and no network."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd
import vl_convert

Format = Literal["png", "svg"]

_WIDTH = 900
_SCALE = 2.0
"""Pixels of a PNG per unit of the drawing: sharp on paper and on dense screens."""


def render(specs: Sequence[dict[str, Any]], title: str, form: Format) -> bytes:
    """Charts below each other as one picture on white.

    Args:
        specs: Vega-Lite specifications, whose ``datasets`` may be DataFrames.
        title: text above them.
        form: png or svg.
    """
    parts, datasets = [], {}
    for number, spec in enumerate(specs):
        part = {key: value for key, value in spec.items() if key not in ("config", "datasets")}
        names = {name: f"{number}.{name}" for name in spec.get("datasets", {})}
        datasets |= {names[name]: rows(data) for name, data in spec.get("datasets", {}).items()}
        parts.append(_renamed(part | {"width": _WIDTH}, names))
    whole = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {"text": title, "anchor": "start", "limit": _WIDTH},
        "vconcat": parts,
        "datasets": datasets,
        "config": {**(specs[0].get("config", {}) if specs else {}), "background": "white"},
        "padding": 12,
    }
    if form == "svg":
        return vl_convert.vegalite_to_svg(whole, allowed_base_urls=[]).encode()
    return vl_convert.vegalite_to_png(whole, scale=_SCALE, allowed_base_urls=[])


def rows(data: Any) -> Any:
    """A table as the list of rows that JSON can hold: what is not finite is null."""
    if not isinstance(data, pd.DataFrame):
        return data
    return data.astype(object).where(data.notna(), None).to_dict("records")


def _renamed(part: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    part = copy.deepcopy(part)
    for layer in part.get("layer", ()):
        name = layer["data"].get("name")
        if name in names:
            layer["data"]["name"] = names[name]
    return part
