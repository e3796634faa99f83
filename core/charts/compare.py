"""Charts of a comparison: both steps as stacked bars, and the difference of every part."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import BEST, RULE, finish, no_data
from core.compare import TraceComparison
from core.traces import ACTIVITIES

MORE = "#B2182B"
"""What takes longer than before; shorter is BEST's green, and every bar has its sign."""
_SHOWN = 0.005
"""Parts below this share of the longer step are left out."""
_MAX_BARS = 10


def stacks_chart(comparison: TraceComparison, names: tuple[str, str] = ("A", "B")) -> Any:
    """A step of each as a bar stacked from its activities, on one axis in ms a step."""
    longer = max(comparison.step_ms)
    rows = [
        {"run": name, "activity": part.title, "ms": ms, "place": place, "order": order}
        for order, part in enumerate(_in_order(comparison))
        for place, (name, ms) in enumerate(zip(names, (part.a, part.b), strict=True))
        if max(part.a, part.b) >= _SHOWN * longer
    ]
    if not rows:
        return no_data("No time was recorded.")
    frame = pd.DataFrame(rows)
    titles = list(dict.fromkeys(frame["activity"].tolist()))
    colours = {label.title: label.colour for label in ACTIVITIES.values()}
    chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            y=alt.Y(
                "run:N",
                title=None,
                sort=alt.SortField("place"),
                scale=alt.Scale(paddingInner=0.25),
                axis=alt.Axis(labelLimit=160),
            ),
            x=alt.X("ms:Q", title="ms per step"),
            color=alt.Color(
                "activity:N",
                scale=alt.Scale(domain=titles, range=[colours[title] for title in titles]),
                legend=alt.Legend(columns=2, labelLimit=240),
            ),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("run:N", title="Trace"),
                alt.Tooltip("activity:N", title="Part"),
                alt.Tooltip("ms:Q", title="ms per step", format=",.2f"),
            ],
        )
    )
    return finish(chart, height=150 + 22 * (-(-len(titles) // 2)))


def _in_order(comparison: TraceComparison) -> list[Any]:
    """Parts in the order of the activities: the same colour at the same place in both bars."""
    keys = list(ACTIVITIES)
    return sorted(comparison.changes, key=lambda part: keys.index(part.key))


def differences_chart(comparison: TraceComparison) -> Any:
    """What each part takes more or less than before, the largest first, with its value."""
    longer = max(comparison.step_ms)
    rows = [
        {
            "activity": part.title,
            "explanation": ACTIVITIES[part.key].explanation,
            "ms": part.difference,
            "text": f"{part.difference:+,.2f} ms".replace("-", "−"),
            "end": max(part.difference, 0.0),
            "colour": MORE if part.difference > 0 else BEST,
        }
        for part in comparison.changes
        if abs(part.difference) >= _SHOWN * longer
    ][:_MAX_BARS]
    if not rows:
        return no_data("No part of the step has changed by 0.5 % of it.")
    frame = pd.DataFrame(rows)
    values = frame["ms"].to_numpy(float)
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    room = 0.4 * (high - low)
    base = alt.Chart(frame).encode(
        y=alt.Y("activity:N", sort=None, title=None, axis=alt.Axis(labelLimit=230)),
        tooltip=[
            alt.Tooltip("activity:N", title="Part"),
            alt.Tooltip("text:N", title="B less A, a step"),
            alt.Tooltip("explanation:N", title="What it means"),
        ],
    )
    bars = base.mark_bar().encode(
        x=alt.X("ms:Q", title="ms per step, B less A", scale=alt.Scale(domain=[low, high + room])),
        color=alt.Color("colour:N", scale=None),
    )
    words = base.mark_text(align="left", dx=5, color=RULE).encode(x="end:Q", text="text:N")
    return finish(bars + words, height=26 * len(frame) + 56)
