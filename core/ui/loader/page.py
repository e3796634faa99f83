"""One tuning: its trials as they come in, what limits the step, the answer, earlier ones."""

from __future__ import annotations

from statistics import median

import pandas as pd
import streamlit as st

from core import jobs, loader
from core.charts import loader as charts
from core.errors import GpulseError, NotFound
from core.loader import Recommendation, Trials
from core.ui import data, draw, header, live, reporting
from core.ui.format import duration_ms, number, percent, plain
from core.ui.loader import answer, earlier, why
from core.ui.texts import t

MIB = 2**20


def result() -> None:
    """The trials of the chosen measurement, live while it runs, and what they recommend."""
    with data.errors_shown():
        tunings = {job.id: job for job in jobs.list_jobs() if job.kind == "tune"}
        if not tunings:
            st.info(t("loader.none"), icon=":material/info:")
            return
        if st.session_state.get("tuning") not in tunings and "tuning" not in st.query_params:
            st.session_state["tuning"] = next(iter(tunings))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = st.selectbox(
                t("loader.choose"), list(tunings), index=None, key="tuning", bind="query-params"
            )
            if chosen is None:
                return
            folder = tunings[chosen].run_dir.name
            reporting.button(folder, "report.tuning", t("report.tuning"))
        (_draw if tunings[chosen].final else _live)(chosen)
        earlier.show(tunings[chosen], [job for job in tunings.values() if job.id != chosen])


def _draw(job_id: str) -> None:
    with data.errors_shown():
        job = jobs.get(job_id)
        if not job.final:
            jobs.ensure_supervisor()
        _progress(job)
        try:
            trials = loader.read_trials(job.run_dir)
        except NotFound:
            st.info(t("loader.notrial") if job.final else t("loader.waiting"))
        else:
            _trials(job, trials)
        live.rerun_when_done(job, "_live_tuning")


_live = st.fragment(_draw, run_every=data.LIVE_S)


def _progress(job: jobs.Job) -> None:
    # Where the tuning is the chosen run too, the strip above shows its progress already.
    if job.final or st.session_state.get("run") != job.run_dir.name:
        header.job_progress(job)
    if job.final or job.cancel_requested:
        return
    if st.button(t("loader.stop"), icon=":material/stop_circle:", key="stop_tuning"):
        try:
            jobs.stop(job.id)
        except GpulseError as error:
            st.error(plain(str(error)), icon=":material/error:")


def _trials(job: jobs.Job, trials: Trials) -> None:
    """The answer first, then what it rests on."""
    found = loader.recommend(trials)
    if job.final:
        answer.show(job, trials, found)
    if trials.costs is not None:
        why.limits(trials, found)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader(t("loader.trials"))
        draw.chart(charts.trials_chart(trials), alt=t("loader.chart.alt"), key="throughput")
        st.caption(_so_far(trials))
    with right:
        st.subheader(t("loader.surface"))
        draw.chart(
            charts.surface_chart(trials, found.best), alt=t("loader.surface.alt"), key="surface"
        )
        st.caption(t("loader.surface.help"))
    st.caption(_error_line(trials))
    _table(trials, found)
    if trials.costs is not None:
        why.faster(trials, found)
    for note in trials.notes:
        st.caption(f":material/info: {plain(note)}")


def _so_far(trials: Trials) -> str:
    text = t("loader.progress", done=len(trials.trials), planned=trials.planned)
    return f"{text} {plain(trials.stopped)}" if trials.finished else text


def _error_line(trials: Trials) -> str:
    """How far the model was off on what was measured after it had predicted it."""
    errors = [abs(error) for _, error in loader.prediction_errors(trials)]
    if not errors:
        return t("loader.error.none")
    busy = all(trial.contaminated for trial in trials.trials if trial.status == "ok")
    when = "busy" if busy else "quiet"
    middle, most = percent(100 * median(errors)), percent(100 * max(errors))
    return t(f"loader.error.{when}", count=len(errors), median=middle, most=most)


def _table(trials: Trials, found: Recommendation) -> None:
    """Every setting tried, the fastest first."""
    predicted = {p.setting: p for p in trials.predicted}
    results = sorted(
        loader.summarise(trials),
        key=lambda r: -(r.throughput.value if r.throughput else 0.0),
    )
    rows = []
    for item in results:
        guess = predicted.get(item.setting)
        wait = None if item.wait_share is None else 100 * item.wait_share
        start_ms = None if item.startup_s is None else 1e3 * item.startup_s
        memory = None if guess is None else guess.shared_bytes / MIB
        rows.append(
            {
                t("loader.col.setting"): _marked(item.setting, found),
                t("loader.col.speed"): _speed(item),
                t("loader.col.wait"): percent(wait),
                t("loader.col.startup"): duration_ms(start_ms),
                t("loader.col.memory"): f"{number(memory)} MiB" if memory is not None else "–",
                t("loader.col.rounds"): item.rounds,
                t("loader.col.trouble"): item.reason,
            }
        )
    if rows:
        st.subheader(t("loader.ranking"))
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", alt=t("loader.ranking"))


def _marked(setting: loader.Setting, found: Recommendation) -> str:
    if setting == found.best:
        return f"★ {setting.label}"
    return f"{setting.label} ({t('loader.now')})" if setting == found.baseline else setting.label


def _speed(item: loader.SettingResult) -> str:
    speed = item.throughput
    if speed is None:
        return t("loader.failed")
    low, high = number(speed.low), number(speed.high)
    return t("loader.speed", value=number(speed.value), low=low, high=high)
