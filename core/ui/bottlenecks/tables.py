"""Operators, kernels, copies, bubbles and steps as tables: searched, sorted, downloaded."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pandas as pd
import streamlit as st

from core import traces
from core.charts import traces as charts
from core.traces import Trace
from core.ui import draw
from core.ui.texts import t

SHOWN_ROWS = 200
"""Lines on the page; the search and the downloads cover all of them."""

_COLUMNS = {
    "tensor_cores": st.column_config.TextColumn(help=t("tables.tensor_cores")),
    "occupancy_pct": st.column_config.NumberColumn(format="%.0f", help=t("tables.occupancy")),
    "blocks_per_sm": st.column_config.NumberColumn(format="%.2f", help=t("tables.blocks")),
    "gb_s": st.column_config.NumberColumn(format="%.1f", help=t("tables.rate")),
    "best_gb_s": st.column_config.NumberColumn(format="%.1f"),
    "drained": st.column_config.CheckboxColumn(help=t("tables.drained")),
}


@st.fragment
def show(trace: Trace) -> None:
    """One tab a table; only the open one is computed."""
    made: dict[str, Callable[[Trace], None]] = {
        t("bottlenecks.operators"): _operators,
        t("bottlenecks.kernels"): _kernels,
        t("tables.copies"): _copies,
        t("tables.bubbles"): _bubbles,
        t("bottlenecks.steps"): _steps,
    }
    for tab, draw_table in zip(
        st.tabs(list(made), key="tables.tab", on_change="rerun"), made.values(), strict=True
    ):
        if tab.open:
            with tab:
                draw_table(trace)


def _operators(trace: Trace) -> None:
    by_shapes = bool(trace.input_texts) and st.toggle(t("tables.shapes"), key="tables.by_shapes")
    frame = traces.operators(trace, by_shapes=by_shapes)
    draw.chart(charts.operators_chart(frame), alt=t("bottlenecks.operators"))
    if not trace.device_ids:
        frame = frame.drop(columns=["device_ms", "device_total_ms"])
    _table(frame, "operators", t("bottlenecks.operators"))


def _kernels(trace: Trace) -> None:
    _table(_recorded(traces.kernels(trace)), "kernels", t("bottlenecks.kernels"))


def _copies(trace: Trace) -> None:
    _table(_recorded(traces.copies(trace)), "copies", t("tables.copies"))


def _bubbles(trace: Trace) -> None:
    _table(traces.bubbles(trace), "bubbles", t("tables.bubbles"))


def _steps(trace: Trace) -> None:
    _table(traces.steps(trace), "steps", t("bottlenecks.steps"))


def _recorded(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the columns that the trace says nothing about."""
    return frame.dropna(axis="columns", how="all") if len(frame) else frame


def _table(frame: pd.DataFrame, name: str, title: str) -> None:
    """At most ``SHOWN_ROWS`` lines that hold the words searched for, and all lines to download."""
    if frame.empty:
        st.info(t("tables.none"), icon=":material/info:")
        return
    words = (
        st.text_input(t("tables.search"), key=f"tables.{name}.search") if len(frame) > 10 else ""
    )
    found = searched(frame, words)
    st.dataframe(
        found.head(SHOWN_ROWS),
        hide_index=True,
        width="stretch",
        alt=title,
        column_config={key: _COLUMNS[key] for key in frame.columns if key in _COLUMNS},
    )
    shown = min(len(found), SHOWN_ROWS)
    st.caption(t("tables.shown", shown=f"{shown:,}", all=f"{len(frame):,}"))
    with st.container(horizontal=True):
        for ending, written in (("csv", _csv), ("parquet", _parquet)):
            st.download_button(
                ending.upper() if ending == "csv" else "Parquet",
                data=lambda written=written: written(found),
                file_name=f"{name}.{ending}",
                on_click="ignore",
                key=f"tables.{name}.{ending}",
                icon=":material/download:",
            )


def searched(frame: pd.DataFrame, words: str) -> pd.DataFrame:
    """Rows in whose texts every word occurs, whatever the case."""
    texts = frame.select_dtypes(include=["object", "string"])
    for word in words.split():
        pattern = re.escape(word)
        hit = [column.str.contains(pattern, case=False, na=False) for _, column in texts.items()]
        rows = pd.concat(hit, axis=1).any(axis=1) if hit else pd.Series(True, index=frame.index)
        frame, texts = frame.loc[rows], texts.loc[rows]
    return frame


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()
