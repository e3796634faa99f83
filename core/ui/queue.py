"""What the jobs page is made of: the launch form, the queue, and one job with its log."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd
import streamlit as st

from core import jobs, workloads
from core.ui import alerts, data, forms, header, nav
from core.ui.format import ago, duration_s, plain
from core.ui.texts import t

SHOWN = 100
TABLE_ROWS = 7
"""Rows of the queue shown without scrolling."""
_COLOUR = {
    "queued": "gray",
    "starting": "blue",
    "running": "blue",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "orange",
    "lost": "red",
}


def launch_form() -> None:
    """Choose what to run, set its parameters, launch."""
    forms.take_prefill()
    st.subheader(t("jobs.new"))
    why = st.session_state.get("_why")
    if why:
        st.info(plain(why), icon=":material/build:")
    kind = st.segmented_control(
        t("jobs.kind"),
        forms.KINDS,
        default="train",
        required=True,
        format_func=lambda kind: t(f"kind.{kind}"),
        key="kind",
        persist_state="session",
    )
    catalogue = {entry.name: entry for entry in workloads.catalogue()}
    workload = st.selectbox(
        t("jobs.workload"), list(catalogue), index=1, key="workload", persist_state="session"
    )
    if kind is None or workload is None:
        return
    st.caption(plain(catalogue[workload].description))
    device = st.selectbox(
        t("jobs.device"), ("auto", "cpu", "cuda", "mps"), key="device", help=t("jobs.device.help")
    )
    with data.errors_shown():
        params = forms.parameters(kind, workload)
        if st.button(t("jobs.launch"), type="primary", icon=":material/play_arrow:"):
            _launch(kind, workload, params, device)


def _launch(kind: str, workload: str, params: dict[str, object], device: str) -> None:
    parent = st.session_state.pop("_parent", None)
    st.session_state.pop("_why", None)
    job = forms.launch(kind, workload, params, device, parent)
    if job is not None:
        st.session_state["job"] = job.id
        st.toast(t("jobs.launched", id=plain(job.id)), icon=":material/check:")


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
    _table(known)
    _one(known)
    if st.session_state.get("_board_live") and not live:
        st.session_state["_board_live"] = False
        data.forget_runs()
        st.rerun(scope="app")
    st.session_state["_board_live"] = live


_live_board = st.fragment(_board, run_every=data.LIVE_S)


def _share(job: jobs.Job) -> float:
    progress = jobs.progress(job)
    if job.state == "succeeded":
        return 1.0
    return progress.fraction if progress else 0.0


def _table(known: list[jobs.Job]) -> None:
    rows: list[dict[str, Any]] = [
        {
            t("jobs.col.job"): job.id,
            t("jobs.col.state"): job.state,
            t("jobs.col.progress"): _share(job),
            t("jobs.col.time"): duration_s(job.elapsed_s),
            t("jobs.col.when"): ago(time.time() - job.created),
        }
        for job in known
    ]
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


def _one(known: list[jobs.Job]) -> None:
    """One job in full: progress, what to do with it, its parameters, its log."""
    by_id = {job.id: job for job in known}
    if st.session_state.get("job") not in by_id and "job" not in st.query_params:
        st.session_state["job"] = known[0].id
    chosen = st.selectbox(t("jobs.choose"), list(by_id), index=None, key="job", bind="query-params")
    if chosen is None:
        return
    job = by_id[chosen]
    st.markdown(f":{_COLOUR[job.state]}-badge[{job.state}] {plain(job.workload)} · {job.kind}")
    header.job_progress(job)
    _actions(job)
    alerts.listed(job)
    with st.expander(t("jobs.params")):
        st.json(dict(job.params))
    st.code(jobs.read_log(job) or t("jobs.nolog"), language=None, height=220, wrap_lines=True)


def _actions(job: jobs.Job) -> None:
    with st.container(horizontal=True):
        if not job.final:
            if st.button(t("jobs.stop"), icon=":material/stop:", key="stop_job"):
                jobs.stop(job.id)
                st.rerun(scope="app")
        elif st.button(t("jobs.rerun"), icon=":material/replay:", key="rerun_job"):
            forms.prefill(
                job.kind, job.workload, job.params, job.id, t("jobs.rerun.why", id=job.id)
            )
        page = {"train": "dynamics", "profile": "bottlenecks", "tune": "loader"}[job.kind]
        state = {"tuning": job.id} if job.kind == "tune" else {"run": job.run_dir.name}
        # No link: the run chosen in the header of this page would win over the one in its query.
        if st.button(
            t(f"jobs.open.{job.kind}"), icon=":material/arrow_forward:", key="open_job",
            type="tertiary",
        ):  # fmt: skip
            nav.go(page, **state)
