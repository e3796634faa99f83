"""A family of runs as a ladder of measured gains; read within a budget, drawn as far as it is."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd
import streamlit as st

from core import compare
from core.charts import ladder as charts
from core.compare import Facts, Ladder, Measured, Member, Rung
from core.errors import GpulseError
from core.runs import Run
from core.ui import data, draw, nav
from core.ui.compare import store
from core.ui.format import DASH, duration_ms, number, percent, plain
from core.ui.texts import t

BUDGET_S = 0.7
"""Seconds of reading and judging in one look, so that the page answers meanwhile."""
_AGAIN_S = 1.0
_UNREAD = "_unread_rungs"


def show(of: Run) -> None:
    """The ladder of a run's family, looked at anew while some of it is unread or being written."""
    (_looking if st.session_state.get(_UNREAD) else _still)(of.key)


def _drawn(key: str) -> None:
    with data.errors_shown():
        runs = data.all_runs()
        of = next((run for run in runs if run.key == key), None)
        if of is None:
            st.info(t("pair.empty"), icon=":material/compare_arrows:")
            return
        members = compare.family_of(of, runs)
        facts, unread = _read(members)
        _again(bool(unread) or any(data.is_live(member.run) for member in members))
        if unread:
            st.caption(t("ladder.reading", n=unread, total=len(members)))
        _ladder(store.ladder(members, facts))


_still = st.fragment(_drawn)
_looking = st.fragment(_drawn, run_every=_AGAIN_S)


def _again(wanted: bool) -> None:
    """Look again by itself as long as there is something to wait for."""
    before = bool(st.session_state.get(_UNREAD))
    st.session_state[_UNREAD] = wanted
    if before != wanted:
        st.rerun(scope="app")


def _read(members: list[Member]) -> tuple[dict[str, Facts], int]:
    """What is known of each run, and how many are still to be read."""
    deadline = time.monotonic() + BUDGET_S
    found: dict[str, Facts] = {}
    for index, member in enumerate(members):
        if index and time.monotonic() > deadline:
            return found, len(members) - index
        try:
            found[member.run.key] = store.facts(member.run)
        except GpulseError as error:
            st.warning(plain(f"{member.run.key}: {error}"), icon=":material/report:")
    return found, 0


def _ladder(found: Ladder) -> None:
    st.markdown(plain(found.summary))
    if len(found.rungs) < 2:
        return
    draw.chart(charts.ladder_chart(found), alt=t("ladder.alt"), key="ladder")
    st.caption(t("ladder.help"))
    rows = [_row(number, rung) for number, rung in enumerate(found.rungs, 1)]
    event = st.dataframe(
        pd.DataFrame(rows), hide_index=True, width="stretch", on_select="rerun",
        selection_mode="single-row", key="rungs", alt=t("ladder.table", n=len(rows)),
    )  # fmt: skip
    picked = event.selection.rows  # pyright: ignore[reportAttributeAccessIssue]
    if picked and picked[0] < len(found.rungs):
        _open(found, found.rungs[picked[0]])


def _open(found: Ladder, rung: Rung) -> None:
    """The comparison of a rung with its parent; of a root, with the first run."""
    before = rung.parent or found.rungs[0].key
    if before != rung.key:
        nav.go("compare", a=before, b=rung.key, shown="pair")


def _row(number_: int, rung: Rung) -> dict[str, Any]:
    verdict = rung.facts.verdict
    return {
        t("ladder.rung"): charts.label(number_, rung),
        t("overview.run"): rung.key,
        t("compare.step"): duration_ms(rung.step_ms),
        t("ladder.parent"): _times(rung.over_parent),
        t("ladder.root"): _times(rung.over_root),
        t("ladder.predicted"): _promise(rung),
        t("ladder.busy"): _busy(rung),
        t("overview.bestloss"): number(None if verdict is None else verdict.best_value, 4),
        t("overview.verdict"): "" if verdict is None else t(f"verdict.{verdict.verdict}"),
    }


def _promise(rung: Rung) -> str:
    told = rung.promise
    if told is None:
        return DASH
    low, high = f"{told.low:.2f}", f"{told.high:.2f}"
    return t("ladder.promise", low=low, high=high, verdict=t(f"compare.{told.verdict}"))


def _busy(rung: Rung) -> str:
    use = rung.facts.use
    if use.device_pct is not None:
        return percent(use.device_pct, 1)
    return DASH if use.cpu_pct is None else t("header.cpu", value=percent(use.cpu_pct))


def _times(found: Measured | None) -> str:
    if found is None:
        return DASH
    speed = found.speedup
    value = t("compare.times", value=f"{speed.value:.2f}")
    if speed.low is None or speed.high is None:
        return value
    return t("ladder.times", value=value, low=f"{speed.low:.2f}", high=f"{speed.high:.2f}")
