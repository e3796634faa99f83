"""The queue: every job with its state, filtered, and the chosen one in full."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd
import streamlit as st

from core import jobs
from core.ui import data
from core.ui.format import ago, duration_s
from core.ui.jobs.detail import show
from core.ui.texts import t

SHOWN = 200
TABLE_ROWS = 7
"""Rows of the queue shown without scrolling."""
_GROUPS = {
    "live": ("queued", "starting", "running"),
    "done": ("succeeded",),
    "bad": ("failed", "lost", "timed-out", "cancelled"),
}


def board() -> None:
    """The queue and the chosen job, looked at anew while anything is live."""
    known = jobs.list_jobs(SHOWN)
    live = any(not job.final for job in known)
    (_live_board if live else _board)()


def _board() -> None:
    known = jobs.list_jobs(SHOWN)
    st.subheader(t("jobs.queue"))
    if not known:
        st.info(t("jobs.none"), icon=":material/info:")
        return
    live = any(not job.final for job in known)
    if live:
        jobs.ensure_supervisor()
    shown = _filtered(known)
    if shown:
        _table(shown)
    else:
        st.info(t("jobs.nomatch"), icon=":material/filter_alt_off:")
    show(known, shown)
    if st.session_state.get("_board_live") and not live:
        st.session_state["_board_live"] = False
        data.forget_runs()
        st.rerun(scope="app")
    st.session_state["_board_live"] = live


_live_board = st.fragment(_board, run_every=data.LIVE_S)


def _filtered(known: list[jobs.Job]) -> list[jobs.Job]:
    """Jobs of the chosen states whose id, note, family or workload has the words looked for."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input(
            t("jobs.filter"), key="find", bind="query-params", placeholder=t("jobs.filter.hint"),
            label_visibility="collapsed", width=260,
        )  # fmt: skip
        groups = st.pills(
            t("jobs.states"), list(_GROUPS), selection_mode="multi", key="states",
            format_func=lambda group: t(f"jobs.states.{group}"), label_visibility="collapsed",
        )  # fmt: skip
    wanted = {state for group in groups or _GROUPS for state in _GROUPS[group]}
    parts = (words or "").lower().split()

    def matches(job: jobs.Job) -> bool:
        text = f"{job.id} {job.workload} {job.kind} {job.note} {job.family} {job.state}".lower()
        return job.state in wanted and all(part in text for part in parts)

    return [job for job in known if matches(job)]


def _share(job: jobs.Job) -> float:
    progress = jobs.progress(job)
    if job.state == "succeeded":
        return 1.0
    return progress.fraction if progress else 0.0


def _about(job: jobs.Job) -> str:
    """Why it waits or ended as it did; else its note or its family."""
    return job.waiting or job.error or job.note or job.family


def _table(known: list[jobs.Job]) -> None:
    rows: list[dict[str, Any]] = [
        {
            t("jobs.col.job"): job.id,
            t("jobs.col.state"): job.shown_state,
            t("jobs.col.progress"): _share(job),
            t("jobs.col.time"): duration_s(job.elapsed_s),
            t("jobs.col.when"): ago(time.time() - job.created),
            t("jobs.col.priority"): job.priority,
            t("jobs.col.about"): _about(job),
        }
        for job in known
    ]
    if not any(job.priority for job in known):
        for row in rows:
            row.pop(t("jobs.col.priority"))
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="stretch",
        height="content" if len(rows) <= TABLE_ROWS else 280,
        column_config={
            t("jobs.col.progress"): st.column_config.ProgressColumn(
                format="percent", min_value=0.0, max_value=1.0
            )
        },
        alt=t("jobs.queue"),
    )
