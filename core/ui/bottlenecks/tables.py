"""Operators, device work and steps as tables."""

from __future__ import annotations

import streamlit as st

from core import traces
from core.charts import traces as charts
from core.traces import Trace
from core.ui import draw
from core.ui.texts import t

SHOWN_OPERATORS = 200


def show(trace: Trace) -> None:
    """One tab a table."""
    operators, kernels, steps = st.tabs(
        [t("bottlenecks.operators"), t("bottlenecks.kernels"), t("bottlenecks.steps")]
    )
    with operators:
        frame = traces.operators(trace).head(SHOWN_OPERATORS)
        draw.chart(charts.operators_chart(frame), alt=t("bottlenecks.operators"))
        if not trace.device_ids:
            frame = frame.drop(columns=["device_ms", "device_total_ms"])
        st.dataframe(frame, hide_index=True, width="stretch", alt=t("bottlenecks.operators"))
    with kernels:
        frame = traces.kernels(trace).head(SHOWN_OPERATORS)
        if frame.empty:
            st.info(t("bottlenecks.nokernels"), icon=":material/info:")
        else:
            st.dataframe(frame, hide_index=True, width="stretch", alt=t("bottlenecks.kernels"))
    with steps:
        st.dataframe(
            traces.steps(trace), hide_index=True, width="stretch", alt=t("bottlenecks.steps")
        )
