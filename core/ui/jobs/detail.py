"""One job in full: progress, why it waits or what it died of, actions, log, files."""

from __future__ import annotations

import streamlit as st

from core import jobs, runs
from core.errors import GpulseError
from core.settings import settings
from core.ui import alerts, data, forms, header, nav, reporting
from core.ui.format import percent, plain
from core.ui.jobs.form import needs_of
from core.ui.texts import t

COLOUR = {
    "queued": "gray",
    "starting": "blue",
    "running": "blue",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "orange",
    "timed-out": "orange",
    "lost": "red",
}
LOW_USE_PCT = 50.0
"""torch-tb-profiler and nsys call a GPU that is busy for less than half of the time little used."""
LOG_BYTES = 200_000
LOG_LINES = 400


def show(known: list[jobs.Job], listed: list[jobs.Job]) -> None:
    """The job chosen of those that are known; of those listed the newest, where none is chosen."""
    by_id = {job.id: job for job in known}
    if st.session_state.get("job") not in by_id and "job" not in st.query_params:
        st.session_state["job"] = (listed or known)[0].id
    chosen = st.selectbox(t("jobs.choose"), list(by_id), index=None, key="job", bind="query-params")
    if chosen is None:
        return
    job = by_id[chosen]
    st.markdown(f":{COLOUR[job.state]}-badge[{job.shown_state}] {_about(job)}")
    header.job_progress(job)
    if job.waiting:
        st.info(t("jobs.waits", why=plain(job.waiting)), icon=":material/hourglass_empty:")
    reason = jobs.died_of(job)
    if reason and job.state != "cancelled":
        st.warning(plain(reason), icon=":material/healing:")
    _actions(job)
    _efficiency(job)
    alerts.listed(job)
    _note(job)
    _facts(job)
    _log(job)
    _files(job)


def _about(job: jobs.Job) -> str:
    parts = [plain(job.workload), job.kind]
    if job.needs.processes > 1:
        parts.append(t("jobs.processes", count=job.needs.processes))
    if job.gpu_ids:
        parts.append(f"GPU {plain(job.gpu_ids)}")
    if job.attempt > 1:
        parts.append(t("jobs.attempt", number=job.attempt))
    if job.family:
        parts.append(plain(job.family))
    return " · ".join(parts)


def _actions(job: jobs.Job) -> None:
    with st.container(horizontal=True):
        if not job.final:
            if st.button(t("jobs.stop"), icon=":material/stop:", key="stop_job"):
                jobs.stop(job.id)
                st.rerun(scope="app")
        elif st.button(t("jobs.rerun"), icon=":material/replay:", key="rerun_job"):
            why = t("jobs.rerun.why", id=job.id)
            forms.prefill(job.kind, job.workload, job.params, job.id, why, needs_of(job))
        if job.kind == "train" and job.state == "running":
            _profile_button(job, "profile_now")
        page = {"train": "dynamics", "profile": "bottlenecks", "tune": "loader"}[job.kind]
        state = {"tuning": job.id} if job.kind == "tune" else {"run": job.run_dir.name}
        # No link: the run chosen in the header of this page would win over the one in its query.
        if st.button(
            t(f"jobs.open.{job.kind}"), icon=":material/arrow_forward:", key="open_job",
            type="tertiary",
        ):  # fmt: skip
            nav.go(page, **state)
        reporting.button(job.run_dir.name, "report.job", t("report.job"))


def _profile_button(job: jobs.Job, key: str) -> None:
    if st.button(t("jobs.profile"), icon=":material/stethoscope:", key=key):
        with data.errors_shown():
            jobs.ask_profile(job.id)
            st.toast(t("jobs.profile.asked"), icon=":material/stethoscope:")


def _efficiency(job: jobs.Job) -> None:
    """GPU utilisation so far; a low one is a finding that leads to a profile."""
    try:
        signs = data.vital_signs(runs.find(job.run_dir.name, settings().all_roots))
    except GpulseError:
        return  # it has no folder to read yet, or it lies outside the roots
    if signs.gpu_pct is None:
        return
    st.caption(t("jobs.gpu", value=percent(signs.gpu_pct)))
    if signs.gpu_pct < LOW_USE_PCT and job.kind == "train":
        st.warning(t("jobs.gpu.low", value=percent(signs.gpu_pct)), icon=":material/speed:")
        if job.state == "running":
            _profile_button(job, "profile_low")
        elif st.button(t("bottlenecks.profile"), key="profile_again"):
            params = {k: v for k, v in job.params.items() if k not in ("epochs", "profile_steps")}
            forms.prefill("profile", job.workload, params, job.id, t("bottlenecks.profile.why"))


def _note(job: jobs.Job) -> None:
    key = f"note.{job.id}"
    st.session_state.setdefault(key, job.note)
    st.text_input(
        t("jobs.note"), key=key, max_chars=2_000, on_change=_keep_note, args=(job.id, key)
    )


def _keep_note(job_id: str, key: str) -> None:
    jobs.set_note(job_id, st.session_state[key])


def _facts(job: jobs.Job) -> None:
    with st.expander(t("jobs.params")):
        st.json(dict(job.params))
    record = jobs.record(job)
    environment = dict(record.get("environment") or {})
    packages = environment.pop("packages", {})
    with st.expander(t("jobs.environment")):
        known = ("git_sha", "git_dirty", "device_used", "device_name", "versions", "argv", "needs")
        st.json({**{name: record.get(name) for name in known}, **environment})
        if packages:
            st.caption(t("jobs.packages", count=len(packages)))
            st.json(packages, expanded=False)


def _log(job: jobs.Job) -> None:
    words = st.text_input(
        t("jobs.log.find"), key=f"log.{job.id}", placeholder=t("jobs.log.find"),
        label_visibility="collapsed", icon=":material/search:",
    )  # fmt: skip
    text = jobs.read_log(job, LOG_BYTES if words else 20_000)
    if words:
        lines = [line for line in text.splitlines() if words.lower() in line.lower()]
        text = "\n".join(lines[-LOG_LINES:])
        st.caption(t("jobs.log.found", count=len(lines)))
    st.code(text or t("jobs.nolog"), language=None, height=220, wrap_lines=True)


def _files(job: jobs.Job) -> None:
    with st.expander(t("jobs.files")):
        found = {item.name: item for item in jobs.artefacts(job)}
        name = st.selectbox(
            t("jobs.files.choose"), list(found), index=None, key=f"file.{job.id}",
            format_func=lambda name: f"{name} ({found[name].size / 2**20:,.2f} MiB)",
        )  # fmt: skip
        if name is None:
            return
        item = found[name]
        if item.too_large:
            st.info(t("jobs.files.large", path=plain(str(item.path))), icon=":material/info:")
            return
        st.download_button(
            t("jobs.files.download"), item.path.read_bytes, item.path.name, key=f"get.{job.id}",
            icon=":material/download:",
        )  # fmt: skip
