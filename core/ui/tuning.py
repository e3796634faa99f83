"""What the loader page is made of: start a measurement, watch its trials, apply the answer."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core import jobs, loader, workloads
from core.charts import loader as charts
from core.errors import NotFound
from core.loader import Recommendation, Trials
from core.ui import data, draw, forms, header
from core.ui.format import duration_ms, number, percent, plain
from core.ui.texts import t

DEFAULT_WORKLOAD = "photos"
"""The built-in whose bottleneck really is the DataLoader."""


def form() -> None:
    """Workload and budget, and the button that starts the measurement."""
    st.markdown(t("loader.text"))
    names = [entry.name for entry in workloads.catalogue()]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        workload = st.selectbox(
            t("jobs.workload"), names, index=names.index(DEFAULT_WORKLOAD), key="tune_workload",
            width=220,
        )  # fmt: skip
        budget_s = st.slider(
            t("loader.budget"), 20, 300, 90, 10, key="budget", width=260,
            help=t("loader.budget.help"),
        )  # fmt: skip
        pressed = st.button(t("loader.measure"), type="primary", icon=":material/timer:")
    if pressed:
        job = forms.launch("tune", workload, {"budget_s": float(budget_s)})
        if job is not None:
            st.session_state["tuning"] = job.id


def result() -> None:
    """The trials of the chosen measurement, live while it runs, and what they recommend."""
    with data.errors_shown():
        tunings = {job.id: job for job in jobs.list_jobs() if job.kind == "tune"}
        if not tunings:
            st.info(t("loader.none"), icon=":material/info:")
            return
        if st.session_state.get("tuning") not in tunings and "tuning" not in st.query_params:
            st.session_state["tuning"] = next(iter(tunings))
        chosen = st.selectbox(
            t("loader.choose"), list(tunings), index=None, key="tuning", bind="query-params"
        )
        if chosen is not None:
            (_draw if tunings[chosen].final else _live)(chosen)


def _draw(job_id: str) -> None:
    with data.errors_shown():
        job = jobs.get(job_id)
        if not job.final:
            jobs.ensure_supervisor()
        header.job_progress(job)
        try:
            trials = loader.read_trials(job.run_dir)
        except NotFound:
            st.info(t("loader.notrial") if job.final else t("loader.waiting"))
        else:
            _trials(job, trials)
        data.rerun_when_done(job, "_live_tuning")


_live = st.fragment(_draw, run_every=data.LIVE_S)


def _trials(job: jobs.Job, trials: Trials) -> None:
    """The chart, the recommendation with a button that applies it, and every setting tried."""
    for note in trials.notes:
        st.caption(f":material/info: {plain(note)}")
    draw.chart(charts.throughput_chart(trials), alt=t("loader.chart.alt"), key="throughput")
    st.caption(t("loader.progress", done=len(trials.trials), planned=trials.planned))
    found = loader.recommend(trials)
    if job.final:
        _recommendation(job, trials, found)
    _table(trials)


def _recommendation(job: jobs.Job, trials: Trials, found: Recommendation) -> None:
    show = st.success if found.certain else st.warning
    show(plain(found.text), title=t("loader.recommended"))
    if found.best is None:
        return
    params = dict(found.best.params)
    words = ", ".join(f"{name}={value}" for name, value in params.items())
    st.code(f"DataLoader(dataset, batch_size={trials.batch_size}, {words})", language="python")
    if st.button(t("loader.apply"), type="primary", icon=":material/build:"):
        params = {**params, "batch_size": trials.batch_size}
        why = t("loader.apply.why", id=job.id, change=words)
        forms.prefill("train", job.workload, params, None, why)


def _table(trials: Trials) -> None:
    rows = [
        {
            t("loader.col.setting"): item.setting.label,
            t("loader.col.speed"): _speed(item),
            t("loader.col.wait"): percent(
                None if item.wait_share is None else 100 * item.wait_share
            ),
            t("loader.col.startup"): duration_ms(
                None if item.startup_s is None else 1e3 * item.startup_s
            ),
            t("loader.col.rounds"): item.rounds,
            t("loader.col.trouble"): item.reason,
        }
        for item in loader.summarise(trials)
    ]
    if rows:
        st.dataframe(
            pd.DataFrame(rows), hide_index=True, width="stretch", alt=t("loader.chart.alt")
        )


def _speed(item: loader.SettingResult) -> str:
    speed = item.throughput
    if speed is None:
        return t("loader.failed")
    low, high = number(speed.low), number(speed.high)
    return t("loader.speed", value=number(speed.value), low=low, high=high)
