"""Which colour and symbol is which run, and which dash is which split: once for all paint."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from core import series
from core.charts import paint
from core.charts.layers import DASH
from core.ui.texts import t

MAX_LEGEND = 3 * len(paint.PALETTE)


def show(
    names: Sequence[str], colour: dict[str, str] | None, splits: set[str], groups: dict[str, str]
) -> None:
    """Draw it.

    Args:
        names: runs, or experiments, in the order of their colours.
        colour: name -> colour; None where the splits of a single run are coloured.
        splits: what there is to tell apart by dashes.
        groups: run -> experiment, where means are drawn.
    """
    sizes = {name: list(groups.values()).count(name) for name in names} if groups else {}
    items = []
    if colour is not None:
        shape = paint.shapes(names)
        for name in names[:MAX_LEGEND]:
            label = f"{name} (n = {sizes[name]})" if sizes else name
            items.append(_chip(colour[name], [], label, paint.SHAPES[shape[name]]))
        if len(names) > MAX_LEGEND:
            items.append(html.escape(t("runs.legend.more", n=len(names) - MAX_LEGEND)))
    if splits - {""}:
        for split in [name for name in series.SPLITS if name in splits and name]:
            ink = "currentColor" if colour is not None else paint.split_colour(split)
            items.append(_chip(ink, DASH[split], t(f"split.{split}")))
    if items:
        body = " ".join(
            f'<span style="white-space:nowrap;margin-right:1.1rem">{item}</span>' for item in items
        )
        st.html(f'<div style="font-size:.85rem;line-height:1.7">{body}</div>')


def _chip(colour: str, dash: list[int], label: str, symbol: str = "") -> str:
    style = "solid" if not dash else "dashed" if dash[0] > 3 else "dotted"
    line = "display:inline-block;position:relative;width:26px;height:0;vertical-align:middle"
    middle = f"position:absolute;left:0;right:0;top:-1px;line-height:0;color:{colour}"
    return (
        f'<span style="{line};border-top:3px {style} {colour};margin-right:.35rem">'
        f'<span style="{middle};text-align:center">{symbol}</span></span>'
        f"{html.escape(label)}"
    )
