"""Throughput by DataLoader setting, with its uncertainty."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import LINE, NUMBER, RULE, finish, no_data
from core.loader import Trials, summarise

_PIN = {False: "pin_memory=False", True: "pin_memory=True"}
_COLOURS = alt.Scale(domain=list(_PIN.values()), range=[LINE[0], LINE[1]])


def throughput_chart(trials: Trials, *, height: int = 300) -> Any:
    """Median samples/s of each ``num_workers``, coloured by ``pin_memory``.

    Bars are medians over the rounds, rules their 95 % bootstrap intervals, dots the single
    trials, and the dashed rule the baseline (no worker, not pinned). While nothing has been
    measured the chart says so.

    Returns:
        An Altair chart, ready to draw.
    """
    frame = summary_frame(trials)
    if frame.empty:
        return no_data("No setting has been measured yet.")
    x = alt.X("num_workers:O", title="num_workers", axis=alt.Axis(labelAngle=0))
    offset = alt.XOffset("pin:N", sort=list(_PIN.values()))
    colour = alt.Color("pin:N", scale=_COLOURS)
    bars = (
        alt.Chart(frame)
        .mark_bar(opacity=0.75)
        .encode(
            x=x,
            xOffset=offset,
            y=alt.Y("samples_per_s:Q", title="throughput (samples/s)", scale=alt.Scale(zero=True)),
            color=colour,
            tooltip=[
                alt.Tooltip("num_workers:O"),
                alt.Tooltip("pin:N", title="pin_memory"),
                alt.Tooltip("samples_per_s:Q", title="samples/s", format=".4~g"),
                alt.Tooltip("low:Q", title="95 % from (samples/s)", format=".4~g"),
                alt.Tooltip("high:Q", title="95 % to (samples/s)", format=".4~g"),
                alt.Tooltip("wait_percent:Q", title="data wait (% of a step)", format=".3~g"),
                alt.Tooltip("startup_s:Q", title="first batch after (s)", format=".2~g"),
                alt.Tooltip("rounds:Q", title="rounds", format=NUMBER),
            ],
        )
    )
    errors = (
        alt.Chart(frame)
        .mark_rule(strokeWidth=2, color=RULE)
        .encode(x=x, xOffset=offset, y=alt.Y("low:Q"), y2="high:Q")
    )
    dots = (
        alt.Chart(trial_frame(trials))
        .mark_point(size=28, filled=True, opacity=0.9, color=RULE)
        .encode(x=x, xOffset=offset, y=alt.Y("samples_per_s:Q"))
    )
    layers = alt.layer(bars, errors, dots, *_baseline(frame))
    return finish(layers, height=height)


def _baseline(frame: pd.DataFrame) -> list[Any]:
    base = frame[(frame["num_workers"] == 0) & (frame["pin"] == _PIN[False])]
    if base.empty:
        return []
    level = alt.Chart(base)
    rule = level.mark_rule(strokeDash=[6, 4], color=RULE).encode(y=alt.Y("samples_per_s:Q"))
    text = level.mark_text(align="right", baseline="bottom", dx=-4, dy=-3, color=RULE).encode(
        y=alt.Y("samples_per_s:Q"), x=alt.value("width"), text=alt.value("baseline")
    )
    return [rule, text]


def summary_frame(trials: Trials) -> pd.DataFrame:
    """One row a measured setting: num_workers, pin, samples_per_s, low, high, wait_percent,
    startup_s, rounds."""
    rows = [
        {
            "num_workers": result.setting.num_workers,
            "pin": _PIN[result.setting.pin_memory],
            "samples_per_s": result.throughput.value,
            "low": result.throughput.low,
            "high": result.throughput.high,
            "wait_percent": None if result.wait_share is None else 100 * result.wait_share,
            "startup_s": result.startup_s,
            "rounds": result.rounds,
        }
        for result in summarise(trials)
        if result.throughput is not None
    ]
    return pd.DataFrame(rows)


def trial_frame(trials: Trials) -> pd.DataFrame:
    """One row a successful trial: num_workers, pin, samples_per_s, round."""
    rows = [
        {
            "num_workers": trial.setting.num_workers,
            "pin": _PIN[trial.setting.pin_memory],
            "samples_per_s": trial.samples_per_s,
            "round": trial.round,
        }
        for trial in trials.trials
        if trial.status == "ok" and trial.samples_per_s is not None
    ]
    return pd.DataFrame(rows)
