"""A family of runs as a ladder: how many times as fast as the first one each of them is."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from core.charts.compare import MORE
from core.charts.theme import BEST, RULE, finish, no_data
from core.compare import Ladder, Rung

_MOST = 40
"""Rungs drawn; the table has all of them."""
_NAMED = 2
"""Changes named on the axis."""
_PROMISED = "#56B4E9"


def label(number: int, rung: Rung) -> str:
    """What a rung is called on the chart and in the table: its number and its change."""
    if not rung.parent:
        return f"{number}  first" if number == 1 else f"{number}  another beginning"
    changes = [f"{name} {one} → {two}" for name, one, two in rung.changed[:_NAMED]]
    more = len(rung.changed) - _NAMED
    words = ", ".join(changes) or "no parameter changed"
    return f"{number}  {words}" + (f", {more} more" if more > 0 else "")


def ladder_chart(ladder: Ladder) -> Any:
    """Measured speed-up over the first run with its interval, on the range that was predicted.

    The band of a prediction is that of the change, times what its parent had gained.
    """
    rows = _rows(ladder)
    if not rows:
        return no_data("No two runs of this family tell the time of a step.")
    names = [row["name"] for row in rows]
    y = alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelLimit=150))
    x = alt.X(
        "speedup:Q", title="Speed-up over the first run", scale=alt.Scale(zero=False, nice=True)
    )
    tips = [
        alt.Tooltip("name:N", title="Rung"),
        alt.Tooltip("run:N", title="Run"),
        alt.Tooltip("speedup:Q", title="Times as fast as the first", format=".2f"),
        alt.Tooltip("interval:N", title="95 % interval"),
        alt.Tooltip("predicted:N", title="Predicted"),
    ]
    base = alt.Chart(pd.DataFrame(rows))
    layers = [
        base.mark_bar(height=18, opacity=0.35, color=_PROMISED).encode(
            x=alt.X("told_low:Q"), x2="told_high:Q", y=y, tooltip=tips
        ),
        alt.Chart(pd.DataFrame({"one": [1.0]}))
        .mark_rule(color=RULE, strokeDash=[4, 3])
        .encode(x="one:Q"),
        base.mark_rule(strokeWidth=3).encode(
            x="low:Q", x2="high:Q", y=y, color=alt.Color("colour:N", scale=None), tooltip=tips
        ),
        base.mark_point(filled=True, size=110, opacity=1).encode(
            x=x, y=y, color=alt.Color("colour:N", scale=None), tooltip=tips
        ),
        base.mark_text(align="left", dx=9, dy=-9, color=RULE).encode(
            x="speedup:Q", y=y, text="text:N"
        ),
    ]
    return finish(alt.layer(*layers), height=34 * len(rows) + 50)


def _rows(ladder: Ladder) -> list[dict[str, Any]]:
    """One row for each run whose speed compares with that of the first, which is 1."""
    if not any(rung.over_root is not None for rung in ladder.rungs):
        return []
    gained: dict[str, float] = {}
    rows = []
    for number, rung in enumerate(ladder.rungs[:_MOST], 1):
        speed = None if rung.over_root is None else rung.over_root.speedup
        if speed is None and number > 1:
            continue
        value = 1.0 if speed is None else speed.value
        gained[rung.key] = value
        row = {"name": label(number, rung), "run": rung.key, "speedup": value,
               "text": f"{value:.2f}×", "colour": RULE, "interval": "–", "predicted": "–",
               "low": value, "high": value, "told_low": None, "told_high": None}  # fmt: skip
        if speed is not None and speed.low is not None and speed.high is not None:
            row |= {"low": speed.low, "high": speed.high,
                    "interval": f"{speed.low:.2f} to {speed.high:.2f}"}  # fmt: skip
        if speed is not None and speed.certain:
            row["colour"] = BEST if value > 1 else MORE
        if rung.promise is not None and rung.parent in gained:
            before = gained[rung.parent]
            low, high = before * rung.promise.low, before * rung.promise.high
            row |= {"told_low": low, "told_high": high,
                    "predicted": f"{low:.2f} to {high:.2f}"}  # fmt: skip
        rows.append(row)
    return rows
