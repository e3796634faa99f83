"""The first figures of a diagnosis: how busy the device is, the step, the verdict."""

from __future__ import annotations

import streamlit as st

from core import traces
from core.traces import Diagnosis
from core.ui.format import duration_ms, percent, plain
from core.ui.texts import t


def figures(found: Diagnosis) -> None:
    """Utilisation, step time, input wait and the main cause."""
    wait = found.step_breakdown.get("input-wait", 0.0)
    on_host = found.device_busy_pct is None
    cause = found.primary
    if on_host and found.step_breakdown:
        cause = max(found.step_breakdown, key=lambda key: found.step_breakdown[key])
    grid = st.grid(5, min_column_width=145, gap="small")
    grid.metric(
        t("bottlenecks.busy"),
        t("header.gpu.none") if on_host else percent(found.device_busy_pct, 1),
        border=True,
        help=t("bottlenecks.busy.help"),
    )
    grid.metric(t("bottlenecks.step"), duration_ms(found.step_ms), border=True)
    grid.metric(t("bottlenecks.wait"), percent(wait, 1), border=True)
    with grid.cell(column_span=2):
        label = t("bottlenecks.mostly") if on_host else t("bottlenecks.primary")
        st.metric(label, traces.title(cause), border=True)
    window = duration_ms(found.window_ms)
    st.caption(t("bottlenecks.scope", device=plain(found.device), steps=found.steps, window=window))


def headline(found: Diagnosis) -> None:
    """The answer in one sentence, coloured by how bad it is."""
    worst = found.findings[0].severity if found.findings else "none"
    show = {"critical": st.error, "warning": st.warning}.get(worst, st.success)
    show(plain(found.headline))
