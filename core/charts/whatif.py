"""The step time now and as predicted."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from core.charts.theme import BEST, LINE, RULE, finish, no_data
from core.traces import Prediction

_NOW, _THEN = "now", "expected"
_HEIGHT_PX = 130


def step_time_chart(prediction: Prediction) -> Any:
    """Two bars, the step now and as expected, and the range from at best to at worst on it."""
    steps, now = prediction.steps_ms, prediction.step_ms
    if steps is None or now is None or steps[1] is None:
        return no_data("Only bounds are known, so there is no expected step time to draw.")
    best, expected, worst = steps
    frame = pd.DataFrame(
        {
            "step": [_NOW, _THEN],
            "ms": [now, expected],
            "text": [
                f"{now:,.1f} ms",
                f"{expected:,.1f} ms ({best:,.1f} at best, {worst:,.1f} at worst)",
            ],
        }
    )
    base = alt.Chart(frame).encode(
        y=alt.Y("step:N", sort=[_NOW, _THEN], title=None),
        tooltip=[alt.Tooltip("step:N", title="Step"), alt.Tooltip("text:N", title="Time")],
    )
    bars = base.mark_bar(opacity=0.75).encode(
        x=alt.X("ms:Q", title="ms per step", scale=alt.Scale(domain=[0, 1.05 * max(now, worst)])),
        color=alt.Color(
            "step:N", scale=alt.Scale(domain=[_NOW, _THEN], range=[RULE, LINE[0]]), legend=None
        ),
    )
    spread = pd.DataFrame({"step": [_THEN], "best": [best], "worst": [worst]})
    whisker = (
        alt.Chart(spread)
        .mark_rule(size=3, color=BEST)
        .encode(y=alt.Y("step:N", sort=[_NOW, _THEN]), x="best:Q", x2="worst:Q")
    )
    return finish(bars + whisker, height=_HEIGHT_PX)
