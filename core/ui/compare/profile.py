"""Two traces side by side: the parts of a step, findings, kernels and operators that changed."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from core.charts import compare as charts
from core.compare import FindingChange, Promise, Speedup, TraceComparison
from core.ui import draw
from core.ui.format import duration_ms, plain
from core.ui.texts import t

_COLOUR = {"resolved": "green", "introduced": "red", "kept": "gray"}
_ICON = {
    "resolved": ":material/check_circle:",
    "introduced": ":material/add_circle:",
    "kept": ":material/remove:",
}
_VERDICT = {"within": "green", "above": "green", "below": "orange"}


def promises(found: Iterable[Promise]) -> None:
    """A line for each: as predicted, better or less, with the figures."""
    for promise in found:
        colour = _VERDICT[promise.verdict]
        st.markdown(
            f":{colour}-badge[{t(f'compare.{promise.verdict}')}] "
            f"**{plain(promise.title)}** · {plain(promise.sentence)}"
        )


def parts(found: TraceComparison) -> None:
    """A step of each from its parts, and what each part takes more or less."""
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader(t("compare.stacks"))
        draw.chart(charts.stacks_chart(found), alt=t("compare.stacks.alt"), key="stacks")
    with right:
        st.subheader(t("compare.differences"))
        draw.chart(
            charts.differences_chart(found), alt=t("compare.differences.alt"), key="differences"
        )


def interval(speed: Speedup | None) -> str | None:
    """Short enough for a card on a phone."""
    if speed is None:
        return None
    if speed.low is None or speed.high is None:
        return speed.why_none
    return t("compare.interval", low=f"{speed.low:.2f}", high=f"{speed.high:.2f}")


def delta(difference: float, words: str) -> str:
    """With the plain minus that Streamlit takes for an arrow down."""
    return f"-{words}" if difference < 0 else words


def findings(found: TraceComparison) -> None:
    """Those that are resolved, new and still there."""
    st.subheader(t("bottlenecks.findings"))
    if not found.findings:
        st.markdown(t("compare.nofindings"))
    for change in found.findings:
        st.markdown(_line(change))


def _line(change: FindingChange) -> str:
    colour, icon = _COLOUR[change.state], _ICON[change.state]
    badge = f":{colour}-badge[{icon} {t(f'compare.{change.state}')}]"
    if change.a_ms and change.b_ms:
        cost = t("compare.fromto", a=duration_ms(change.a_ms), b=duration_ms(change.b_ms))
    elif change.finding.cost_ms:
        cost = t(f"compare.{change.state}.cost", ms=duration_ms(change.finding.cost_ms))
    else:
        cost = ""
    parts = (f"{badge} **{plain(change.finding.title)}**", cost, plain(change.finding.where))
    return " · ".join(part for part in parts if part)


def tables(found: TraceComparison) -> None:
    """Kernels and operators that take another time than before."""
    kernels, operators = st.tabs([t("compare.kernels"), t("compare.operators")])
    for tab, table, name in (
        (kernels, found.kernels, "kernels"),
        (operators, found.operators, "operators"),
    ):
        with tab:
            if table.empty:
                st.markdown(t(f"compare.{name}.none"))
            else:
                _table(table, t(f"compare.{name}"))


def _table(table: pd.DataFrame, words: str) -> None:
    formats = {"ms": "%.3f", "calls": "%.4g"}
    columns = {
        name: st.column_config.NumberColumn(
            t(f"compare.col.{name}"), format=formats[name.rpartition("_")[2]]
        )
        for name in ("a_ms", "b_ms", "difference_ms", "a_calls", "b_calls")
    }
    columns |= {name: t(f"compare.col.{name}") for name in ("name", "kind", "change")}
    st.dataframe(table, hide_index=True, width="stretch", alt=words, column_config=columns)
