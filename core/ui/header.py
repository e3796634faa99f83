"""The strip at the top of every page: which run, and its vital signs, always in sight."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from core import jobs, runs
from core.errors import GpulseError
from core.health import Health
from core.runs import Run
from core.settings import settings
from core.ui import alerts, data, live, nav, reporting
from core.ui.format import DASH, duration_ms, duration_s, number, percent, plain, signed
from core.ui.texts import t


def _requested(found: list[Run]) -> list[Run]:
    """The runs to choose from, with the one that the URL asks for; an error line if it may not."""
    key = st.session_state.get("run") or st.query_params.get("run")
    if not key or any(run.key == key for run in found):
        return found
    try:
        return [*found, runs.find(key, settings().all_roots)]
    except GpulseError as error:
        st.error(plain(str(error)), icon=":material/error:")
        st.session_state["run"] = None
        return found


def _default(found: list[Run]) -> Run:
    """The newest run that has, or will soon have, losses or a profile to look at."""
    for run in found:
        files = run.event_files or run.trace_files
        if run.kind != "tune" and (files or data.is_live(run)):
            return run
    return found[0]


def pick_run() -> Run | None:
    """The run chooser, bound to ``?run=``; the newest run where nothing is chosen.

    Returns:
        The chosen run, or None where there is none yet.
    """
    found = _requested(data.all_runs())
    by_key = {run.key: run for run in found}
    if not by_key:
        return None
    if "run" not in st.query_params:
        # Assigned anew each time: a click in the navigation drops what only the session holds.
        chosen = st.session_state.get("run")
        st.session_state["run"] = chosen if chosen in by_key else _default(found).key
    with st.container(horizontal=True):
        key = st.selectbox(
            t("header.run"),
            list(by_key),
            index=None,
            key="run",
            bind="query-params",
            label_visibility="collapsed",
            placeholder=t("header.run"),
        )
        if key in by_key:
            reporting.button(key, "report.run", t("report.run"))
    return by_key.get(key) if key else None


def _learning(run: Run, signs: Health) -> None:
    """Two figures: the train/val gap and the checkpoint to keep."""
    st.metric(
        t("header.gap"),
        signed(signs.gap),
        t(f"verdict.{signs.verdict}") if signs.verdict else None,
        delta_color=_VERDICT_COLOUR.get(signs.verdict, "gray"),
        delta_arrow="off",
        help=t("header.gap.help"),
        border=True,
        height="stretch",
    )
    at = None
    if signs.best_step is not None:
        at = t("header.best.at", unit=data.step_name(run).lower(), step=signs.best_step)
    st.metric(
        t("header.best", what=signs.quantity),
        number(signs.best_value),
        at,
        delta_color="gray",
        delta_arrow="off",
        help=t("header.best.help", what=signs.quantity),
        border=True,
        height="stretch",
    )


_VERDICT_COLOUR: dict[str, Literal["red", "blue", "green"]] = {
    "overfitting": "red",
    "diverged": "red",
    "not-learning": "red",
    "underfitting": "blue",
    "optimal": "green",
}


def _efficiency(signs: Health) -> None:
    """Two figures: device utilisation and the time of a step with its wait for data."""
    if signs.gpu_pct is not None:
        source = t("header.gpu.profile") if signs.profiled else t("header.gpu.source")
        value, note = percent(signs.gpu_pct), source
    elif signs.cpu_pct is not None:
        value, note = t("header.gpu.none"), t("header.cpu", value=percent(signs.cpu_pct))
    else:
        value, note = DASH, t("header.gpu.unknown")
    st.metric(
        t("header.gpu"),
        value,
        note,
        delta_color="gray",
        delta_arrow="off",
        help=t("header.gpu.help"),
        border=True,
        height="stretch",
    )
    wait = None
    if signs.wait_pct is not None:
        wait = t("header.step.wait", value=percent(signs.wait_pct))
    st.metric(
        t("header.step"),
        duration_ms(signs.step_ms),
        wait,
        delta_color="red" if (signs.wait_pct or 0) > 20 else "gray",
        delta_arrow="off",
        help=t("header.step.help"),
        border=True,
        height="stretch",
    )


def job_progress(job: jobs.Job) -> None:
    """One line with a bar: what the job does, how far it is, how long it still takes."""
    progress = jobs.progress(job)
    name = plain(job.id)
    if job.final:
        if job.state == "succeeded":
            st.success(t("job.succeeded", id=name, time=duration_s(job.elapsed_s)))
        elif job.state == "cancelled":
            st.info(t("job.cancelled", id=name))
        else:
            st.error(t("job.failed", id=name, state=job.state, error=plain(job.error)))
    elif progress is None or progress.total <= 0:
        st.progress(0.0, text=t(f"job.{job.state}", id=name))
    else:
        left = progress.eta_now_s
        eta = "" if left is None else t("job.eta", time=duration_s(left))
        st.progress(
            progress.fraction,
            text=t(
                "job.progress",
                id=name,
                phase=plain(progress.phase),
                done=progress.done,
                total=progress.total,
                unit=progress.unit,
                eta=eta,
            ),
        )


def _strip(key: str, *, ticking: bool = False) -> None:
    """The vital signs of a run, and its progress while it is live."""
    try:
        run = runs.find(key, settings().all_roots)
    except GpulseError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    signs = live.signs(run)
    with st.grid(4, min_column_width=145, gap="small"):
        _learning(run, signs)
        _efficiency(signs)
    job = data.job_of(run)
    if job is None:
        if ticking:
            live.rerun_when_calm(run, "_live_log")
        return
    if not job.final:
        jobs.ensure_supervisor()
    if not job.final or job.state in ("failed", "lost"):
        job_progress(job)
    live.rerun_when_done(job, "_live_run")
    alerts.toast(job)


_live_strip = st.fragment(_strip, run_every=data.LIVE_S)


def show() -> Run | None:
    """Draw the strip. Every page calls this right after its title.

    Returns:
        The chosen run, or None where there is none yet.
    """
    with data.errors_shown():
        run = pick_run()
        if run is None:
            return None
        ticking = st.session_state[live.TICKING] = data.is_writing(run)
        if ticking:
            _live_strip(run.key, ticking=True)
        else:
            _strip(run.key)
        return run
    return None


def link(page: str, label: str, *, icon: str | None = None, **query: str) -> None:
    """A link to another page that keeps the chosen run and adds ``query``."""
    run = st.session_state.get("run")
    params = {"run": run} if run else {}
    st.page_link(nav.path(page), label=label, icon=icon, query_params={**params, **query})


def choose_view(key: str, *views: str) -> str:
    """A run's own content, other views of it, or the simulator, bound to the URL.

    Args:
        key: widget key, the name of the query parameter.
        views: names of the other views, the one shown to begin with first.

    Returns:
        One of ``views``, or ``simulator``.
    """
    chosen = st.segmented_control(
        t("view.choose"),
        (*views, "simulator"),
        default=None if nav.given(key) else views[0],
        required=True,
        format_func=lambda name: t(f"view.{name}"),
        key=key,
        bind="query-params",
        label_visibility="collapsed",
    )
    return chosen or views[0]
