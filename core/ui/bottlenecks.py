"""What the bottlenecks page is made of: figures, where a step goes, findings, timeline, tables."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import streamlit as st

from core import traces
from core.charts import traces as charts
from core.runs import Run
from core.traces import Diagnosis, Finding, Lanes, Trace
from core.ui import data, draw, forms, header, timeline
from core.ui.format import duration_ms, number, percent, plain
from core.ui.texts import t

_COLOUR = {"critical": "red", "warning": "orange", "note": "gray"}
SHOWN_OPERATORS = 200
_N = TypeVar("_N", int, float)


def run_view(run: Run) -> None:
    """The diagnosis of one trace of a run; how to get one where there is none."""
    with data.errors_shown():
        run = data.look_again(run)
        if not run.trace_files:
            _no_trace(run)
            return
        path = _choose(run)
        if path is not None:
            trace, found, lanes = data.load_trace(path), data.diagnosis(path), data.lanes(path)
            _show(trace, found, lanes, run)


def _no_trace(run: Run) -> None:
    job = data.job_of(run)
    st.info(t("bottlenecks.notrace", run=plain(run.key)), icon=":material/info:")
    if job is None or job.kind == "tune":
        return
    if st.button(t("bottlenecks.profile"), type="primary", icon=":material/stethoscope:"):
        params = {k: v for k, v in job.params.items() if k not in ("epochs", "profile_steps")}
        forms.prefill("profile", job.workload, params, job.id, t("bottlenecks.profile.why"))


def _choose(run: Run) -> Path | None:
    by_name = {path.relative_to(run.path).as_posix(): path for path in run.trace_files}
    if len(by_name) == 1:
        return next(iter(by_name.values()))
    if st.session_state.get("trace") not in by_name and "trace" not in st.query_params:
        st.session_state["trace"] = next(iter(by_name))
    name = st.selectbox(
        t("bottlenecks.trace"), list(by_name), index=None, key="trace", bind="query-params"
    )
    return by_name.get(name) if name else None


def _show(trace: Trace, found: Diagnosis, lanes: Lanes, run: Run | None) -> None:
    _figures(found)
    _headline(found)
    for note in found.notes:
        st.caption(f":material/info: {plain(note)}")
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader(t("bottlenecks.breakdown"))
        draw.chart(
            charts.step_breakdown_chart(found), alt=t("bottlenecks.breakdown.alt"), key="breakdown"
        )
    with right:
        if found.device_index is None:
            st.subheader(t("bottlenecks.hostuse"))
        else:
            st.subheader(t("bottlenecks.use"))
        draw.chart(charts.utilisation_chart(found), alt=t("bottlenecks.use.alt"), key="use")
    _findings(found, run)
    st.subheader(t("bottlenecks.timeline"))
    st.caption(t("bottlenecks.timeline.help"))
    _timeline(lanes, found)
    _tables(trace)


@st.fragment
def _timeline(lanes: Lanes, found: Diagnosis) -> None:
    """The canvas, with a chooser that jumps to the time ranges that prove a finding."""
    ranges = {
        t("bottlenecks.worst", title=finding.title, ms=duration_ms((high - low) / 1e3)): (low, high)
        for finding in found.findings
        for low, high in finding.ranges_us[:1]
    }
    focus = None
    if ranges:
        chosen = st.pills(t("bottlenecks.jump"), list(ranges), key=f"jump.{found.trace}")
        focus = _around(ranges[chosen]) if chosen else None
    timeline.show(
        lanes,
        key=f"timeline.{found.trace}",
        focus=focus,
        marks=tuple(ranges.values()),
        caption=found.headline,
    )


def _around(span: tuple[float, float]) -> tuple[float, float]:
    """A range with half its length of context on either side."""
    margin = (span[1] - span[0]) / 2
    return span[0] - margin, span[1] + margin


def _figures(found: Diagnosis) -> None:
    wait = found.step_breakdown.get("input-wait", 0.0)
    on_host = found.device_busy_pct is None
    cause = found.primary
    if on_host and found.step_breakdown:
        cause = max(found.step_breakdown, key=lambda key: found.step_breakdown[key])
    grid = st.grid(5, min_column_width=145, gap="small")
    grid.metric(
        t("bottlenecks.busy"),
        t("header.gpu.none") if on_host else percent(found.device_busy_pct, 1),
        border=True,
        help=t("bottlenecks.busy.help"),
    )
    grid.metric(t("bottlenecks.step"), duration_ms(found.step_ms), border=True)
    grid.metric(t("bottlenecks.wait"), percent(wait, 1), border=True)
    with grid.cell(column_span=2):
        label = t("bottlenecks.mostly") if on_host else t("bottlenecks.primary")
        st.metric(label, traces.title(cause), border=True)
    window = duration_ms(found.window_ms)
    st.caption(t("bottlenecks.scope", device=plain(found.device), steps=found.steps, window=window))


def _headline(found: Diagnosis) -> None:
    worst = found.findings[0].severity if found.findings else "none"
    show = {"critical": st.error, "warning": st.warning}.get(worst, st.success)
    show(plain(found.headline))


def _findings(found: Diagnosis, run: Run | None) -> None:
    st.subheader(t("bottlenecks.findings"))
    if not found.findings:
        st.success(t("bottlenecks.healthy"), icon=":material/check_circle:")
    job = data.job_of(run) if run is not None else None
    for index, finding in enumerate(found.findings):
        with st.container(border=True):
            _finding(finding)
            known = {}
            if job is not None:
                known = {k: v for k, v in finding.fix.overrides.items() if k in job.params}
            if job is not None and known:
                _relaunch(job, known, finding, index)


def _finding(finding: Finding) -> None:
    colour = _COLOUR.get(finding.severity, "gray")
    cost = t(
        "bottlenecks.cost", ms=duration_ms(finding.cost_ms), share=percent(100 * finding.share, 1)
    )
    st.markdown(f":{colour}-badge[{finding.severity}] **{plain(finding.title)}** · {cost}")
    st.markdown(
        "\n".join(f"- {plain(line)}" for line in (finding.where, *finding.evidence) if line)
    )
    st.markdown(f"**{t('bottlenecks.fix')}** {plain(finding.fix.text)}")
    if finding.fix.snippet:
        st.code(finding.fix.snippet, language="python")
    gain = finding.predicted_speedup
    if gain is not None:
        low, high = number(gain.low), number(gain.high)
        st.caption(t("bottlenecks.gain", low=low, high=high, why=plain(gain.assumption)))


def _relaunch(job, known: dict[str, object], finding: Finding, index: int) -> None:
    with st.container(horizontal=True):
        if st.button(t("bottlenecks.relaunch"), key=f"fix{index}", icon=":material/build:"):
            words = ", ".join(f"{name} = {value}" for name, value in known.items())
            why = t("bottlenecks.relaunch.why", title=finding.title, change=words)
            forms.prefill(job.kind, job.workload, {**job.params, **known}, job.id, why)
        if "num_workers" in known:
            header.link("loader", t("bottlenecks.tune"), icon=":material/tune:")


def _tables(trace: Trace) -> None:
    operators, kernels, steps = st.tabs(
        [t("bottlenecks.operators"), t("bottlenecks.kernels"), t("bottlenecks.steps")]
    )
    with operators:
        frame = traces.operators(trace).head(SHOWN_OPERATORS)
        draw.chart(charts.operators_chart(frame), alt=t("bottlenecks.operators"))
        if not trace.device_ids:
            frame = frame.drop(columns=["device_ms", "device_total_ms"])
        st.dataframe(frame, hide_index=True, width="stretch", alt=t("bottlenecks.operators"))
    with kernels:
        frame = traces.kernels(trace).head(SHOWN_OPERATORS)
        if frame.empty:
            st.info(t("bottlenecks.nokernels"), icon=":material/info:")
        else:
            st.dataframe(frame, hide_index=True, width="stretch", alt=t("bottlenecks.kernels"))
    with steps:
        st.dataframe(
            traces.steps(trace), hide_index=True, width="stretch", alt=t("bottlenecks.steps")
        )


@st.cache_resource(max_entries=8, show_spinner=False)
def _simulated(settings: traces.SimulatorSettings) -> tuple[Trace, Diagnosis, Lanes]:
    trace = traces.simulate_trace(settings)
    return trace, traces.diagnose(trace), traces.build_lanes(trace)


def simulator() -> None:
    """Move data time, workers, kernels and synchronisation, and see the bubbles move."""
    st.markdown(t("simulator.bottlenecks"))
    with data.errors_shown():
        trace, found, lanes = _simulated(_knobs())
        _show(trace, found, lanes, None)


def _knobs() -> traces.SimulatorSettings:
    default = traces.SimulatorSettings()
    with st.grid(4, min_column_width=200):
        data_ms = _slider("data_ms", 0.0, 100.0, default.data_ms)
        workers = _slider("workers", 0, 16, default.workers)
        kernels = _slider("kernels", 10, 2000, default.kernels)
        kernel_us = _slider("kernel_us", 1.0, 500.0, default.kernel_us)
        launch_us = _slider("launch_us", 1.0, 50.0, default.launch_us)
        python_ms = _slider("python_ms", 0.0, 50.0, default.python_ms)
        sync = _switch("sync_every_step", default.sync_every_step)
        pinned = _switch("pinned", default.pinned)
    return traces.SimulatorSettings(
        data_ms=data_ms,
        workers=workers,
        kernels=kernels,
        kernel_us=kernel_us,
        launch_us=launch_us,
        python_ms=python_ms,
        sync_every_step=sync,
        pinned=pinned,
    )


def _slider(name: str, low: _N, high: _N, default: _N) -> _N:
    label = t(f"simulator.{name}")
    return st.slider(label, low, high, value=default, key=f"sim.{name}", bind="query-params")


def _switch(name: str, default: bool) -> bool:
    label = t(f"simulator.{name}")
    return st.toggle(label, value=default, key=f"sim.{name}", bind="query-params")
