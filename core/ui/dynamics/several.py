"""Several runs beside each other: a verdict line each by need for attention, and their curves."""

from __future__ import annotations

import math
import time
from typing import Any

import pandas as pd
import streamlit as st

from core.charts import dynamics as charts
from core.charts.paint import colours
from core.errors import GpulseError
from core.runs import Run
from core.table import attention
from core.ui import data, draw, nav
from core.ui.explore.patterns import compiled
from core.ui.explore.store import ledger
from core.ui.format import DASH, certainty, number, plain, signed
from core.ui.texts import t

MAX_DRAWN = 8
_FIRST = 4
"""Runs drawn where none is chosen: those that need attention most."""

BUDGET_S = 0.7
"""Seconds of reading and judging in one look, so that the page answers meanwhile."""

_AGAIN_S = 1.0
_SIDE, _OVER = "side", "over"


def several_view() -> None:
    """All runs that match, judged as far as time allows, the rest from look to look."""
    (_looking if st.session_state.get("_unjudged") else _still)()


def _several() -> None:
    text = st.text_input(
        t("runs.find"), key="find", bind="query-params", width=320,
        placeholder=t("runs.find.example"), icon=":material/search:",
    )  # fmt: skip
    pattern = compiled(text)
    found = [run for run in data.all_runs() if run.event_files]
    matching = {run.key: run for run in found if pattern is None or pattern.search(run.key)}
    if not matching:
        st.info(t("runs.nomatch"), icon=":material/info:")
        return
    runs = list(matching.values())
    missing = ledger().work(runs, BUDGET_S) if ledger().refresh(runs) else 0
    _again(missing)
    frame = attention(ledger(), runs)
    if missing:
        st.caption(t("several.judging", n=missing, total=len(runs)))
    _table(frame)
    _curves(frame, matching)


_still = st.fragment(_several)
_looking = st.fragment(_several, run_every=_AGAIN_S)


def _again(missing: int) -> None:
    """Look again by itself as long as there is something left to judge."""
    before = bool(st.session_state.get("_unjudged"))
    st.session_state["_unjudged"] = bool(missing)
    if before != bool(missing):
        st.rerun(scope="app")


def _table(frame: pd.DataFrame) -> None:
    """One line a run; a click opens it."""
    shown = pd.DataFrame({
        t("overview.run"): frame["run"],
        t("overview.verdict"): [t(f"verdict.{v}") if v else "" for v in frame["verdict"]],
        t("several.sure"): [certainty(c) if c > 0 else DASH for c in frame["confidence"]],
        t("several.best"): _integers(frame["best_step"].tolist()),
        t("several.val"): [_loss(each) for each in frame["best_val"].tolist()],
        t("several.since"): _integers(frame["overfit_step"].tolist()),
        t("several.gap"): [_gap(each) for each in frame["gap"].tolist()],
    })  # fmt: skip
    event = st.dataframe(
        shown, hide_index=True, width="stretch", on_select="rerun", selection_mode="single-row",
        key="verdicts", alt=t("several.table", n=len(frame)),
    )  # fmt: skip
    picked = event.selection.rows  # pyright: ignore[reportAttributeAccessIssue]
    if picked and picked[0] < len(frame):
        nav.go("dynamics", run=str(frame["run"].iloc[picked[0]]), view="run")


def _integers(values: list[Any]) -> list[str]:
    return [DASH if value is pd.NA else f"{value:,}" for value in values]


def _loss(value: float) -> str:
    return DASH if math.isnan(value) else number(value, 4)


def _gap(value: float) -> str:
    return DASH if math.isnan(value) else signed(value)


def _curves(frame: pd.DataFrame, matching: dict[str, Run]) -> None:
    keys = [str(key) for key in frame["run"][frame["verdict"] != ""]]
    kept = [key for key in st.session_state.get("runs") or () if key in matching]
    if st.session_state.get("runs") not in (None, kept):
        st.session_state["runs"] = kept
    with st.container(horizontal=True, vertical_alignment="bottom"):
        named = st.multiselect(
            t("several.draw"), keys, key="runs", bind="query-params", max_selections=MAX_DRAWN,
            placeholder=t("several.first", n=_FIRST), select_all=False, width="stretch",
        )  # fmt: skip
        style = st.segmented_control(
            t("several.style"), (_SIDE, _OVER), default=_SIDE, required=True, key="style",
            bind="query-params", format_func=lambda name: t(f"several.style.{name}"),
        )  # fmt: skip
        log_y = st.toggle(t("dynamics.log"), key="logy", bind="query-params")
    judged = _judged([matching[key] for key in named or keys[:_FIRST]])
    if style == _OVER:
        _overlay(judged, log_y)
        return
    with st.grid(min(4, max(len(judged), 1)), min_column_width=260):
        for number_, (key, each) in enumerate(judged.items()):
            title = f"{key}: {t(f'verdict.{each.verdict.verdict}')}"
            spec = charts.small_chart(each.pair, each.verdict, title, draw.ink(), log_y=log_y)
            draw.chart(spec, alt=plain(each.verdict.summary), key=f"small{number_}")


def _judged(runs: list[Run]) -> dict[str, data.Judged]:
    """The main losses of some runs; those that time does not allow are named."""
    deadline = time.monotonic() + 2 * BUDGET_S
    found: dict[str, data.Judged] = {}
    late = []
    for run in runs:
        if time.monotonic() > deadline:
            late.append(run.key)
            continue
        try:
            judged = data.judge(run)
        except GpulseError as error:
            st.warning(plain(str(error)), icon=":material/report:")
            continue
        if judged:
            found[run.key] = judged[0]
    if late:
        st.caption(t("several.late", runs=plain(", ".join(late))))
    return found


def _overlay(judged: dict[str, data.Judged], log_y: bool) -> None:
    paint = colours(list(judged))
    curves = {
        key: (each.pair.val, paint[key])
        for key, each in judged.items()
        if each.pair.val is not None and len(each.pair.val)
    }
    kinds = {judged[key].pair.quantity for key in curves} or {"loss"}
    title = t(f"several.axis.{' '.join(sorted(kinds))}")
    draw.chart(
        charts.overlay_chart(curves, title=title, log_y=log_y),
        alt=t("several.overlay"),
        key="overlay",
    )
