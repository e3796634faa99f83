"""Many ranks of one job: the answer, a bar a rank, and a table in which one is chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import streamlit as st

from core import traces
from core.charts import ranks as charts
from core.runs import Run
from core.traces import Diagnosis
from core.traces.ranks import Capture, JobDiagnosis, RankReport
from core.ui import data, draw
from core.ui.format import plain
from core.ui.texts import t

_TABLE_PX = 318


def job_view(run: Run) -> JobDiagnosis | None:
    """What a run's ranks say together; None where its traces are not ranks of one job."""
    found = data.sorted_traces(run)
    if not found.captures:
        if len(run.trace_files) > 1:
            st.caption(f":material/info: {plain(traces.ranks.not_a_job(len(run.trace_files)))}")
        for lone in found.lone_ranks[:1]:
            words = traces.ranks.missing_words([lone.rank], lone.world_size or 1)
            st.caption(f":material/info: {plain(words)}")
        return None
    with data.errors_shown():
        capture = _capture(found.captures)
        with st.spinner(t("ranks.reading", count=len(capture.files))):
            job = data.job_diagnosis(capture)
        _show(job, run)
        return job
    return None


def _capture(captures: tuple[Capture, ...]) -> Capture:
    if len(captures) == 1:
        return captures[0]
    names = {capture.name: capture for capture in captures}
    if st.session_state.get("window") not in names and "window" not in st.query_params:
        st.session_state["window"] = captures[-1].name
    name = st.selectbox(t("ranks.window"), list(names), key="window", bind="query-params")
    return names.get(name, captures[-1])


def _show(job: JobDiagnosis, run: Run) -> None:
    st.subheader(t("ranks.title", here=len(job.ranks), all=job.world_size))
    severity = job.findings[0].severity if job.findings else "none"
    show = {"critical": st.error, "warning": st.warning}.get(severity, st.success)
    show(plain(job.headline))
    for note in (*job.problems, *job.notes):
        st.caption(f":material/info: {plain(note)}")
    draw.chart(charts.ranks_chart(job), alt=t("ranks.bars.alt"), key="ranks.bars")
    st.caption(t("ranks.bars.help"))
    st.caption(t("ranks.table"))
    shown = charts.ordered(job)

    def choose() -> None:
        rows = st.session_state["ranks.table"].selection.rows
        if rows:
            st.session_state["trace"] = name_of(run, shown[rows[0]].path)

    st.dataframe(
        _table(job, shown),
        hide_index=True,
        width="stretch",
        height="content" if len(shown) <= 8 else _TABLE_PX,
        on_select=choose,
        selection_mode="single-row",
        key="ranks.table",
        alt=t("ranks.table"),
    )


def _table(job: JobDiagnosis, ranks: list[RankReport]) -> pd.DataFrame:
    blamed = None if job.straggler is None else job.straggler.rank
    rows = [
        {
            t("ranks.rank"): rank.rank,
            t("ranks.step"): round(rank.length_ms, 2),
            t("ranks.busy"): rank.device_busy_pct,
            t("ranks.wait"): rank.communication_wait_pct,
            t("ranks.transfer"): rank.transfer_pct,
            t("ranks.last"): 100 * rank.last_arriver_share,
            t("ranks.caused"): 100 * rank.caused_wait_share,
            t("ranks.cause"): _cause(rank, held=rank.rank == blamed),
            t("ranks.trace"): rank.path.name,
        }
        for rank in ranks
    ]
    frame = pd.DataFrame(rows)
    numbers = frame.select_dtypes("float").columns
    return frame.assign(**{name: frame[name].round(1) for name in numbers if "ms" not in name})


def _cause(rank: RankReport, *, held: bool) -> str:
    """The rank's own main cause; whether its communication is waiting is known here."""
    key = rank.primary
    if key == "communication":
        waits = rank.communication_wait_pct >= rank.transfer_pct
        key = "communication-wait" if waits else "communication-transfer"
    return f"{traces.title(key)} ({t('ranks.straggler')})" if held else traces.title(key)


def name_of(run: Run, path: Path) -> str:
    """A trace's name in the chooser and in URLs."""
    return path.relative_to(run.path).as_posix()


def begin_with(job: JobDiagnosis, run: Run) -> None:
    """Open the rank that answers for the job, unless another one is in the URL or was chosen."""
    names = {name_of(run, path) for path in run.trace_files}
    if st.session_state.get("trace") not in names and "trace" not in st.query_params:
        st.session_state["trace"] = name_of(run, job.answer.path)


def with_job(found: Diagnosis, path: Path, job: JobDiagnosis) -> Diagnosis:
    """A rank's diagnosis, the job's findings first where this rank answers for the job."""
    if path != job.answer.path:
        return found
    return replace(found, findings=(*job.findings, *found.findings))
