"""From a finding to the launch form: a copy of the job with the fix, and what the fix promises."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core import compare, jobs, workloads
from core.errors import GpulseError
from core.promises import Promised
from core.traces import Diagnosis, Finding
from core.ui import forms, header
from core.ui.format import plain
from core.ui.texts import t


def offer(job: jobs.Job, found: Diagnosis, finding: Finding, index: int) -> None:
    """A button that fills in the launch form; how to do it by hand where no parameter does it.

    Args:
        job: whose trace was diagnosed.
        found, finding: the diagnosis, and one of its findings.
        index: of the finding, for the keys of buttons.
    """
    known = {k: v for k, v in finding.fix.overrides.items() if k in job.params}
    changes = {k: v for k, v in known.items() if v != job.params[k]}
    if changes:
        _try(job, found, finding, changes, index)
    elif finding.predicted_speedup is not None:
        _by_hand(job, found, finding, known, index)


def _try(
    job: jobs.Job, found: Diagnosis, finding: Finding, changes: dict[str, Any], index: int
) -> None:
    with st.container(horizontal=True):
        pressed = st.button(t("apply.try"), key=f"fix{index}", icon=":material/build:")
        if "num_workers" in changes:
            header.link("loader", t("bottlenecks.tune"), icon=":material/tune:")
    if pressed:
        promise = compare.promise_of(found, finding, changes, job.id)
        why = t("apply.why", title=finding.title, id=job.id, change=_words(changes))
        forms.clone(job, changes, f"{why} {_gain(promise)}".rstrip(), promise)


def _by_hand(
    job: jobs.Job, found: Diagnosis, finding: Finding, known: dict[str, Any], index: int
) -> None:
    if known:
        st.caption(t("apply.already", change=plain(_words(known))))
    else:
        st.caption(t("apply.none", where=plain(_code_of(job))))
    if st.button(t("apply.hand"), key=f"hand{index}", icon=":material/replay:", type="tertiary"):
        promise = compare.promise_of(found, finding, {}, job.id)
        why = t("apply.hand.why", title=finding.title, id=job.id)
        forms.clone(job, {}, f"{why} {_gain(promise)}".rstrip(), promise)


def _words(changes: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in changes.items())


def _gain(promise: Promised) -> str:
    """What is promised, with as many workers as the form has."""
    if promise.low is None or promise.high is None:
        return ""
    words = {"low": f"{promise.low:.2f}", "high": f"{promise.high:.2f}"}
    if promise.expected is None:
        return t("apply.gain", **words)
    return t("apply.gain.expected", **words, expected=f"{promise.expected:.2f}")


def _code_of(job: jobs.Job) -> str:
    """``module:attribute`` of the job's workload."""
    try:
        return workloads.info(job.workload).target
    except GpulseError:
        return job.workload  # it is not allowed any more
