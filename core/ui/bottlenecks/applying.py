"""From a finding to the launch form: a copy of the job with the fix, and what the fix promises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from core import compare, jobs, workloads
from core.errors import GpulseError
from core.promises import Promised
from core.traces import Diagnosis, Finding
from core.ui import forms, header
from core.ui.format import plain
from core.ui.texts import t

_LOOKING = {"with_stack", "profile_steps"}
"""Parameters that change what is recorded, not how it is trained."""


def offer(job: jobs.Job, found: Diagnosis, finding: Finding, index: int) -> None:
    """A button that fills in the launch form; how to do it by hand where no parameter does it.

    Args:
        job: whose trace was diagnosed.
        found, finding: the diagnosis, and one of its findings.
        index: of the finding, for the keys of buttons.
    """
    known = [name for name in finding.fix.overrides if name in job.params]
    changes = _changes(job, finding)
    if changes and changes.keys() <= _LOOKING:
        _look(job, changes, index)
        changes, known = {}, []
    if changes:
        _try(job, found, finding, changes, index)
    elif finding.predicted_speedup is not None:
        _by_hand(job, found, finding, known, index)


def fitted(job: jobs.Job, found: Diagnosis, finding: Finding) -> Finding:
    """A finding with what its fix promises to this job, on the machine that it ran on.

    Args:
        job: whose trace was diagnosed.
        found, finding: the diagnosis, and one of its findings.
    """
    gain = compare.foretold(found, finding, _changes(job, finding), _cores(job))
    return replace(finding, predicted_speedup=gain)


def _changes(job: jobs.Job, finding: Finding) -> dict[str, Any]:
    """The parameters of the fix that this job has otherwise."""
    return {
        name: value for name, value in finding.fix.overrides.items() if _is_new(job, name, value)
    }


def _is_new(job: jobs.Job, name: str, value: Any) -> bool:
    """Whether the job has this parameter, with another value; of workers, with fewer."""
    if name not in job.params:
        return False
    now: Any = job.params[name]
    return value > now if name == "num_workers" else value != now


def _look(job: jobs.Job, changes: dict[str, Any], index: int) -> None:
    """What mends nothing but shows more of the cause."""
    if st.button(t("apply.look"), key=f"look{index}", icon=":material/stethoscope:"):
        forms.clone(job, changes, t("apply.look.why", id=job.id, change=_words(changes)))


def _try(
    job: jobs.Job, found: Diagnosis, finding: Finding, changes: dict[str, Any], index: int
) -> None:
    with st.container(horizontal=True):
        pressed = st.button(t("apply.try"), key=f"fix{index}", icon=":material/build:")
        if "num_workers" in changes:
            header.link("loader", t("bottlenecks.tune"), icon=":material/tune:")
    if pressed:
        promise = compare.promise_of(found, finding, changes, job.id, _cores(job))
        why = t("apply.why", title=finding.title, id=job.id, change=_words(changes))
        forms.clone(job, changes, f"{why} {_gain(promise)}".rstrip(), promise)


def _by_hand(
    job: jobs.Job, found: Diagnosis, finding: Finding, known: list[str], index: int
) -> None:
    if known:
        now = _words({name: job.params[name] for name in known})
        st.caption(t("apply.already", change=plain(now)))
    else:
        st.caption(t("apply.none", where=plain(_code_of(job))))
    if st.button(t("apply.hand"), key=f"hand{index}", icon=":material/replay:", type="tertiary"):
        promise = compare.promise_of(found, finding, {}, job.id)
        why = t("apply.hand.why", title=finding.title, id=job.id)
        forms.clone(job, {}, f"{why} {_gain(promise)}".rstrip(), promise)


def _cores(job: jobs.Job) -> int | None:
    """Cores of the machine that the job ran on, where its record has them."""
    cores = (jobs.record(job).get("environment") or {}).get("cores")
    return cores if isinstance(cores, int) and cores > 0 else None


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
