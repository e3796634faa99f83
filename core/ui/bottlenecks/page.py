"""What the bottlenecks page is made of: figures, where a step goes, findings, timeline, tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core import report
from core.charts import traces as charts
from core.runs import Run
from core.traces import Diagnosis, Lanes, Trace
from core.ui import data, draw, forms
from core.ui.bottlenecks import figures, findings, ranks, spans, tables, together
from core.ui.format import plain
from core.ui.texts import t


def run_view(run: Run) -> None:
    """The diagnosis of one trace of a run; how to get one where there is none."""
    with data.errors_shown():
        run = data.look_again(run)
        if not run.trace_files:
            _no_trace(run)
            return
        job = ranks.job_view(run)
        if job is not None:
            ranks.begin_with(job, run)
        path = choose_trace(run)
        if path is not None:
            found = data.diagnosis(path)
            if job is not None:
                found = ranks.with_job(found, path, job)
            show_diagnosis(lambda: data.load_trace(path), found, lambda: data.lanes(path), run)


def _no_trace(run: Run) -> None:
    job = data.job_of(run)
    st.info(t("bottlenecks.notrace", run=plain(run.key)), icon=":material/info:")
    if job is None or job.kind == "tune":
        return
    if st.button(t("bottlenecks.profile"), type="primary", icon=":material/stethoscope:"):
        params = {k: v for k, v in job.params.items() if k not in ("epochs", "profile_steps")}
        forms.prefill("profile", job.workload, params, job.id, t("bottlenecks.profile.why"))


def choose_trace(run: Run) -> Path | None:
    """The trace of a run to look at, bound to ``?trace=`` where there are several."""
    by_name = {path.relative_to(run.path).as_posix(): path for path in run.trace_files}
    if len(by_name) == 1:
        return next(iter(by_name.values()))
    if st.session_state.get("trace") not in by_name and "trace" not in st.query_params:
        st.session_state["trace"] = next(iter(by_name))
    name = st.selectbox(
        t("bottlenecks.trace"), list(by_name), index=None, key="trace", bind="query-params"
    )
    return by_name.get(name) if name else None


def show_diagnosis(
    trace: Callable[[], Trace], found: Diagnosis, lanes: Callable[[], Lanes], run: Run | None
) -> None:
    """Everything about one trace, from the figures down to the tables.

    What is read first is sent first: the browser draws charts for longer than all the rest.
    Columns and lanes are asked for when the findings are on the screen: a kept diagnosis is there
    at once, whatever the size of the trace.
    """
    figures.figures(found)
    figures.headline(found)
    for note in found.notes:
        st.caption(f":material/info: {plain(note)}")
    actions = st.container()
    breakdown, use = st.columns(2, gap="large")
    breakdown.subheader(t("bottlenecks.breakdown"))
    on_host = found.device_index is None
    use.subheader(t("bottlenecks.hostuse" if on_host else "bottlenecks.use"))
    findings.show(found, run)
    with actions:
        _next(trace, found, lanes, run)
    with breakdown:
        built = charts.step_breakdown_chart(found)
        draw.chart(built, alt=t("bottlenecks.breakdown.alt"), key="breakdown")
    with use:
        built = charts.utilisation_chart(found)
        draw.chart(built, alt=t("bottlenecks.use.alt"), key="use")
    together.show(found)
    st.subheader(t("bottlenecks.timeline"))
    st.caption(t("bottlenecks.timeline.help"))
    spans.show(lanes(), found)
    tables.show(trace())


def _next(
    trace: Callable[[], Trace], found: Diagnosis, lanes: Callable[[], Lanes], run: Run | None
) -> None:
    """The diagnosis as a file; for a relaunched job what the change did."""
    with st.container(horizontal=True):
        st.download_button(
            t("bottlenecks.report"),
            lambda: report.document(found.trace, report.section(trace(), found, lanes())),
            file_name=f"{found.trace.split('.')[0]}.html",
            mime="text/html",
            icon=":material/download:",
            help=t("bottlenecks.report.help"),
        )
        if run is not None and (run.job or {}).get("parent"):
            st.button(
                t("compare.parent"), icon=":material/compare_arrows:", on_click=_to_comparison
            )


def _to_comparison() -> None:
    """The view is a widget of this page: a link to it would not reach the URL."""
    st.session_state["profile"] = "compare"
