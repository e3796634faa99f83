"""The way to the comparison of a run with the one before it, in one press from any page."""

from __future__ import annotations

import streamlit as st

from core import jobs
from core.compare import job_id, parent_of
from core.runs import Run
from core.ui import data, nav
from core.ui.texts import t


def of_job(job: jobs.Job, key: str) -> None:
    """The same for a job of the queue, where its run lies below the roots."""
    if job.final and job.parent:
        run = next((run for run in data.all_runs() if job_id(run) == job.id), None)
        to_parent(run, key)


def to_parent(run: Run | None, key: str) -> None:
    """A button to the comparison with the run that a finished one was made of, where there is one.

    Args:
        run: of a job, else nothing is drawn.
        key: of the button.
    """
    if run is None or not (run.job or {}).get("parent") or data.is_live(run):
        return
    if st.button(t("pair.before"), key=key, icon=":material/compare_arrows:"):
        parent = parent_of(run, data.all_runs())
        query = {"b": run.key} if parent is None else {"a": parent.key, "b": run.key}
        # No widget of the pages that draw this is bound to these: they may go into the URL at once.
        st.switch_page(nav.path("compare"), query_params=query)
