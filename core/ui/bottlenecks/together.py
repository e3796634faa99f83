"""Several fixes at once: the trace replayed without all of their causes."""

from __future__ import annotations

import streamlit as st

from core.charts.whatif import step_time_chart
from core.traces import Diagnosis, Finding, Prediction
from core.ui import draw
from core.ui.format import duration_ms, number, percent, plain
from core.ui.texts import t

FEWEST = 2
"""With one finding there is nothing to put together."""


def gain(prediction: Prediction) -> str:
    """A prediction in one sentence: the step now, then, and why."""
    steps, why = prediction.steps_ms, plain(prediction.assumption)
    if steps is None or prediction.expected is None or steps[1] is None:
        low, high = number(prediction.low), number(prediction.high)
        return t("bottlenecks.gain", low=low, high=high, why=why)
    best, expected, worst = (duration_ms(step) for step in steps)
    now, speed = duration_ms(prediction.step_ms), number(prediction.expected)
    words = {"now": now, "best": best, "expected": expected, "worst": worst, "speed": speed}
    return t("bottlenecks.gain.expected", **words, why=why)


@st.fragment
def show(found: Diagnosis) -> None:
    """A chooser of findings, and the step time if all that are ticked were mended."""
    usable = [f for f in found.findings if f.edit and f.predicted_speedup]
    if len({f.edit for f in usable}) < FEWEST or found.what_if.refusal:
        return
    st.subheader(t("bottlenecks.together"))
    st.markdown(t("bottlenecks.together.help"))
    by_name = {_name(finding): finding for finding in usable}
    chosen = st.pills(
        t("bottlenecks.together.pick"),
        list(by_name),
        selection_mode="multi",
        default=list(by_name),
        key=f"together.{found.trace}",
    )
    prediction = found.what_if.predict(by_name[name].edit for name in chosen)
    if prediction is None:
        st.info(t("bottlenecks.together.none"), icon=":material/info:")
        return
    steps = prediction.steps_ms
    if steps is not None and steps[1] is not None:
        saved = percent(100 * prediction.saved)
        words = {"expected": duration_ms(steps[1]), "best": duration_ms(steps[0]), "saved": saved}
        st.markdown(t("bottlenecks.together.step", now=duration_ms(prediction.step_ms), **words))
    alt = t("bottlenecks.together.alt")
    draw.chart(step_time_chart(prediction), alt=alt, key=f"together.chart.{found.trace}")
    st.caption(plain(prediction.assumption))


def _name(finding: Finding) -> str:
    return f"{finding.rule} · {plain(finding.title)}"
