"""The form of a job, built from a workload's own schema, and how other pages fill it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NoReturn

import streamlit as st

from core import jobs, workloads
from core.errors import GpulseError
from core.promises import Promised
from core.settings import settings
from core.ui import data, nav
from core.ui.format import plain
from core.ui.texts import t
from core.workloads import Param

KINDS = ("train", "profile", "tune")
NEEDS = ("cpus", "memory_mib", "time_limit_s", "processes")
_GROUPS = ("training", "data", "mistakes", "profile")
_PREFILL = "_prefill"


@st.cache_data(max_entries=32, ttl=600, show_spinner="Reading the workload …")
def _schema(name: str, kind: str, allowed: tuple[str, ...]) -> list[Param]:
    return workloads.schema(name, kind)  # pyright: ignore[reportArgumentType]


def _key(kind: str, workload: str, name: str) -> str:
    return f"param.{kind}.{workload}.{name}"


def prefill(
    kind: str,
    workload: str,
    params: Mapping[str, Any],
    parent: str | None = None,
    why: str = "",
    needs: Mapping[str, Any] | None = None,
    device: str | None = None,
    promise: Promised | None = None,
) -> NoReturn:
    """Open the jobs page with its form filled in.

    Args:
        kind: train, profile or tune.
        workload: name of the workload.
        params: values of the form; what is not named keeps its default.
        parent: id of the job that this one reruns.
        why: what the change is for, shown above the form.
        needs: what to ask for of a machine; what is not named keeps its value.
        device: what to run on; None keeps what the form has.
        promise: what the change is said to bring; kept with the job.
    """
    st.session_state[_PREFILL] = {
        "kind": kind,
        "workload": workload,
        "params": dict(params),
        "parent": parent,
        "why": why,
        "needs": dict(needs or {}),
        "device": device,
        "promise": promise,
    }
    nav.go("jobs")


def clone(
    job: jobs.Job,
    changes: Mapping[str, Any],
    why: str,
    promise: Promised | None = None,
    kind: str | None = None,
) -> NoReturn:
    """Open the jobs page with a copy of a job, on the same device and with the same needs.

    Args:
        job: which becomes the parent.
        changes: parameters that differ.
        why: what the change is for, shown above the form.
        promise: what the change is said to bring.
        kind: of the new job where it is another one.
    """
    params = {**job.params, **changes}
    prefill(kind or job.kind, job.workload, params, job.id, why, needs_of(job), job.device, promise)


def needs_of(job: jobs.Job) -> dict[str, Any]:
    """Values of the resource widgets that ask for what a job asked for."""
    return {name: int(value) for name, value in asdict(job.needs).items() if name in NEEDS}


def take_prefill() -> None:
    """Put what :func:`prefill` left into the widgets' state. Call before they are drawn."""
    wanted = st.session_state.pop(_PREFILL, None)
    if wanted is None:
        return
    st.session_state["kind"] = wanted["kind"]
    st.session_state["workload"] = wanted["workload"]
    st.session_state["_parent"] = wanted["parent"]
    st.session_state["_cloned_workload"] = wanted["workload"]
    st.session_state["_promise"] = wanted["promise"]
    st.session_state["_why"] = wanted["why"]
    if wanted["device"] is not None:
        # The form offers kinds of devices: which one of several GPUs is free is another matter now.
        st.session_state["device"] = wanted["device"].partition(":")[0]
    for name, value in wanted["needs"].items():
        st.session_state[f"need.{name}"] = value
    for name, value in wanted["params"].items():
        st.session_state[_key(wanted["kind"], wanted["workload"], name)] = value


def _widget(param: Param, kind: str, workload: str) -> object:
    key = _key(kind, workload, param.name)
    shared: dict[str, Any] = {"help": plain(param.help), "key": key, "persist_state": "session"}
    st.session_state.setdefault(key, param.default)
    label = param.name
    if param.kind == "bool":
        return st.toggle(label, **shared)
    if param.kind == "text":
        return st.text_input(label, **shared)
    if param.kind == "choice":
        return st.selectbox(label, param.choices, **shared)
    if param.kind == "int":
        return st.number_input(label, param.minimum, param.maximum, step=1, **shared)
    smallest = float(param.minimum) if param.minimum is not None else None
    largest = float(param.maximum) if param.maximum is not None else None
    st.session_state[key] = float(st.session_state[key])
    return st.number_input(label, smallest, largest, step=None, format="%.6g", **shared)


def parameters(kind: str, workload: str) -> dict[str, object]:
    """Draw one widget for each parameter, grouped, and return their values."""
    schema = _schema(workload, kind, settings().workloads)
    values: dict[str, object] = {}
    for group in _GROUPS:
        members = [param for param in schema if param.group == group]
        if not members:
            continue
        expander = st.expander(t(f"form.{group}"), expanded=group == "training")
        with expander, st.grid(4, min_column_width=150):
            for param in members:
                values[param.name] = _widget(param, kind, workload)
    return values


def launch(
    kind: str,
    workload: str,
    params: Mapping[str, object],
    device: str = "auto",
    parent: str | None = None,
) -> jobs.Job | None:
    """Queue a job and make it the chosen run; an error becomes one line on the page."""
    try:
        spec = jobs.make_spec(kind, workload, params, device=device, parent=parent)
        job = jobs.launch(spec)
    except GpulseError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    data.forget_runs()
    return job
