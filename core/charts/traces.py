"""Charts of a diagnosis: where a step goes, why the device idles, operators, utilisation."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import LINE, RULE, finish, no_data
from core.traces import ACTIVITIES, CAUSES, Diagnosis

_SHOWN_PCT = 0.05
"""Parts below this share of the window would be drawn as nothing."""
_NAME_LENGTH = 46
_ROW_PX = 26
_AXIS_PX = 56
"""Streamlit fits a chart, axis and its title included, into the height it is given."""


def step_breakdown_chart(diagnosis: Diagnosis) -> Any:
    """Where a step's time goes: one bar per activity, the longest first, with its values."""
    frame = _parts(diagnosis.step_breakdown, diagnosis)
    per = "step" if diagnosis.steps else "window"
    return _bars(frame, f"ms per {per}", "No time was recorded.")


def idle_causes_chart(diagnosis: Diagnosis) -> Any:
    """Why the device idles: one bar per cause, the longest first, with its values."""
    if diagnosis.device_index is None:
        return no_data("No device in this trace, so there is no idle time to attribute.")
    frame = _parts({key: diagnosis.idle_by_cause[key] for key in CAUSES}, diagnosis)
    per = "step" if diagnosis.steps else "window"
    return _bars(frame, f"idle ms per {per}", "The device is never idle.")


def step_stack_chart(steps: pd.DataFrame) -> Any:
    """Every step as a column stacked from its activities.

    Args:
        steps: the frame of :func:`core.traces.steps`.
    """
    keys = [key for key in ACTIVITIES if key in steps and steps[key].to_numpy().any()]
    if not keys:
        return no_data("No time was recorded.")
    long = steps.melt(id_vars=["step"], value_vars=keys, var_name="key", value_name="ms")
    long["activity"] = long["key"].map(lambda key: ACTIVITIES[key].title)
    long["order"] = long["key"].map(keys.index)
    chart = (
        alt.Chart(long)
        .mark_bar()
        .encode(
            x=alt.X("step:O", title="Step", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("ms:Q", title="ms"),
            color=_colour([ACTIVITIES[key].title for key in keys], legend=True),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("step:O", title="Step"),
                alt.Tooltip("activity:N", title="Activity"),
                alt.Tooltip("ms:Q", title="ms", format=",.2f"),
            ],
        )
    )
    return finish(chart, height=320)


def operators_chart(operators: pd.DataFrame, count: int = 12) -> Any:
    """The most expensive operators, by device time, or by their own CPU time without a device.

    Args:
        operators: the frame of :func:`core.traces.operators`.
        count: how many to show.
    """
    if operators.empty:
        return no_data("The trace records no operators.")
    on_device = bool(operators["device_ms"].sum() > 0)
    value = "device_ms" if on_device else "self_cpu_ms"
    frame = operators.nlargest(count, value)[["name", "calls"]].assign(ms=operators[value])
    frame["label"] = frame["name"].map(_short)
    title = "device time, ms" if on_device else "own CPU time, ms"
    base = alt.Chart(frame).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labels=False, ticks=False)),
        x=alt.X("ms:Q", title=title),
        tooltip=[
            alt.Tooltip("name:N", title="Operator"),
            alt.Tooltip("calls:Q", title="Calls", format=","),
            alt.Tooltip("ms:Q", title=title, format=",.3f"),
        ],
    )
    names = base.mark_text(align="left", dx=4, color=RULE, fontWeight="bold").encode(
        x=alt.value(0), text="label:N"
    )
    bars = base.mark_bar(color=LINE[0], opacity=0.35)
    return finish(bars + names, height=_ROW_PX * len(frame) + _AXIS_PX)


def utilisation_chart(diagnosis: Diagnosis) -> Any:
    """Busy share of each 1/30 of the window (the main thread's working time without a device)."""
    busy = diagnosis.utilisation_pct
    width = diagnosis.window_ms / len(busy)
    frame = pd.DataFrame({"busy": busy})
    frame["from"] = frame.index * width
    frame["to"] = frame["from"] + width
    what = "Main thread working" if diagnosis.device_index is None else "Device busy"
    base = alt.Chart(frame)
    area = base.mark_rect(color=LINE[0], opacity=0.75).encode(
        x=alt.X("from:Q", title="ms from the window's start", scale=alt.Scale(nice=False)),
        x2="to:Q",
        y=alt.Y("busy:Q", title="busy, %", scale=alt.Scale(domain=[0, 100])),
        y2=alt.datum(0),
        tooltip=[
            alt.Tooltip("from:Q", title="From, ms", format=",.1f"),
            alt.Tooltip("to:Q", title="To, ms", format=",.1f"),
            alt.Tooltip("busy:Q", title=f"{what}, %", format=".1f"),
        ],
    )
    mean = float(busy.mean())
    rule = pd.DataFrame({"mean": [mean]})
    line = alt.Chart(rule).mark_rule(color=LINE[1], strokeDash=[6, 4], size=2).encode(y="mean:Q")
    return finish(area + line, height=190, title=f"{what}: {mean:.0f} % on average")


def _parts(shares: dict[str, float], diagnosis: Diagnosis) -> pd.DataFrame:
    """One row a part that can be seen: its words, ms per step, share of the window."""
    scale = diagnosis.window_ms / max(diagnosis.steps, 1) / 100
    rows = [
        {
            "activity": ACTIVITIES[key].title,
            "explanation": ACTIVITIES[key].explanation,
            "ms": share * scale,
            "share": share,
            "text": f"{share * scale:,.1f} ms · {share:.1f} %",
        }
        for key, share in shares.items()
        if share >= _SHOWN_PCT
    ]
    frame = pd.DataFrame(rows, columns=["activity", "explanation", "ms", "share", "text"])
    return frame.sort_values("ms", ascending=False, ignore_index=True)


def _bars(frame: pd.DataFrame, title: str, nothing: str) -> Any:
    if frame.empty:
        return no_data(nothing)
    axis = alt.Axis(labelLimit=230, labelOverlap=False)
    room = 1.6 * frame["ms"].to_numpy(float).max()
    base = alt.Chart(frame).encode(
        y=alt.Y("activity:N", sort=None, title=None, axis=axis),
        x=alt.X("ms:Q", title=title, scale=alt.Scale(domain=[0, room])),
        tooltip=[
            alt.Tooltip("activity:N", title="Part"),
            alt.Tooltip("text:N", title="Time"),
            alt.Tooltip("explanation:N", title="What it means"),
        ],
    )
    bars = base.mark_bar().encode(color=_colour(frame["activity"].tolist(), legend=False))
    text = base.mark_text(align="left", dx=5, color=RULE).encode(text="text:N")
    return finish(bars + text, height=_ROW_PX * len(frame) + _AXIS_PX)


def _colour(titles: list[str], *, legend: bool) -> alt.Color:
    colours = {label.title: label.colour for label in ACTIVITIES.values()}
    scale = alt.Scale(domain=titles, range=[colours[title] for title in titles])
    if legend:
        return alt.Color("activity:N", scale=scale, legend=alt.Legend(columns=2, labelLimit=140))
    return alt.Color("activity:N", scale=scale, legend=None)


def _short(name: str) -> str:
    return name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 1]}…"
