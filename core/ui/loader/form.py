"""The form of a tuning: what is tuned, from which setting on, and for how long."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core import workloads
from core.runs import Run
from core.ui import data, forms
from core.ui.format import plain
from core.ui.texts import t

DEFAULT_WORKLOAD = "photos"
"""The built-in whose bottleneck really is the DataLoader."""

TAKEN = ("batch_size", "num_workers", "prefetch_factor", "multiprocessing_context")
"""Parameters of a job that a tuning of its DataLoader starts from."""


def form(run: Run | None) -> None:
    """Workload and budget, and the button that starts the measurement.

    Args:
        run: the chosen one; a training of ours is tuned as it was run.
    """
    st.markdown(t("loader.text"))
    job = data.job_of(run) if run is not None else None
    like = job if job is not None and job.kind != "tune" else None
    names = [entry.name for entry in workloads.catalogue()]
    first = like.workload if like is not None and like.workload in names else DEFAULT_WORKLOAD
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # A key of its own for each run: another run brings its own workload.
        workload = st.selectbox(
            t("jobs.workload"), names, index=names.index(first), width=220,
            key=f"tune_workload.{like.id if like else ''}",
        )  # fmt: skip
        budget_s = st.slider(
            t("loader.budget"), 20, 300, 60, 10, key="budget", width=260,
            help=t("loader.budget.help"),
        )  # fmt: skip
        knobs = _knobs()
        pressed = st.button(t("loader.measure"), type="primary", icon=":material/timer:")
    params: dict[str, Any] = {"budget_s": float(budget_s), **knobs}
    if like is not None and like.workload == workload:
        params |= {name: like.params[name] for name in TAKEN if name in like.params}
        params["like"] = like.id
        st.caption(
            t(
                "loader.like",
                run=plain(like.id),
                batch=params.get("batch_size", "–"),
                workers=params.get("num_workers", "–"),
            )
        )
    if pressed:
        started = forms.launch("tune", workload, params)
        if started is not None:
            st.session_state["tuning"] = started.id


def _knobs() -> dict[str, Any]:
    """What else may be tried; nothing of it changes what is learned unless it says so."""
    with st.popover(t("loader.knobs"), icon=":material/tune:"):
        wishes = {"threads": "try", "batch_sizes": "try", "in_order": "try", "page_cache": "cold"}
        chosen: dict[str, Any] = {
            name: value
            for name, value in wishes.items()
            if st.toggle(t(f"loader.knob.{name}"), key=f"knob.{name}")
        }
        step_ms = st.number_input(
            t("loader.knob.step"), 0.0, 600_000.0, 0.0, step=10.0, key="knob.step",
            help=t("loader.knob.step.help"),
        )  # fmt: skip
        if step_ms:
            chosen["step_ms"] = step_ms
    return chosen
