"""The launch form: what to run, with which parameters, on what, once or as a sweep."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core import jobs, workloads
from core.errors import BadInput, GpulseError
from core.ui import data, forms
from core.ui.format import plain
from core.ui.texts import t


def launch_form() -> None:
    """Choose what to run, set its parameters, launch."""
    forms.take_prefill()
    st.subheader(t("jobs.new"))
    why = st.session_state.get("_why")
    if why:
        st.info(plain(why), icon=":material/build:")
    kind = st.segmented_control(
        t("jobs.kind"),
        forms.KINDS,
        default="train",
        required=True,
        format_func=lambda kind: t(f"kind.{kind}"),
        key="kind",
        persist_state="session",
    )
    catalogue = {entry.name: entry for entry in workloads.catalogue()}
    workload = st.selectbox(
        t("jobs.workload"), list(catalogue), index=1, key="workload", persist_state="session"
    )
    if kind is None or workload is None:
        return
    st.caption(plain(catalogue[workload].description))
    device = st.selectbox(
        t("jobs.device"), ("auto", "cpu", "cuda", "mps"), key="device", help=t("jobs.device.help")
    )
    with data.errors_shown():
        params = forms.parameters(kind, workload)
        more = _resources(kind)
        sweep = _sweep(kind)
        label = t("jobs.launch") if sweep is None else t("jobs.launch.many", count=len(sweep))
        if st.button(label, type="primary", icon=":material/play_arrow:"):
            _launch(kind, workload, params, device, more, sweep)


def _resources(kind: str) -> dict[str, Any]:
    """What the job takes of a machine, its place in the queue, and a note."""
    with st.expander(t("jobs.resources")):
        with st.grid(3, min_column_width=130):
            values: dict[str, Any] = {
                "cpus": _whole("cpus", 1, 1, 256),
                "memory_mib": _whole("memory_mib", 0, 0, 2**31),
                "time_limit_s": _whole("time_limit_s", 0, 0, 31_536_000),
            }
            if kind != "tune":
                values["processes"] = _whole("processes", 1, 1, 64)
            priority = _whole("priority", 0, -100, 100)
            retries = _whole("retries", 0, 0, 20)
        share = st.toggle(t("jobs.need.share_gpu"), key="need.share_gpu")
        note = st.text_input(t("jobs.note"), max_chars=2_000, key="need.note")
    return {
        "needs": {**values, "share_gpu": share},
        "priority": priority,
        "retries": retries,
        "note": note,
        "resume": _resume(kind),
    }


def _whole(name: str, default: int, low: int, high: int) -> int:
    return int(
        st.number_input(
            t(f"jobs.need.{name}"), low, high, default, step=1, key=f"need.{name}",
            help=t(f"jobs.need.{name}.help"),
        )
    )  # fmt: skip


def _resume(kind: str) -> bool:
    """Whether to go on from the checkpoint of the job that is cloned, where it has one."""
    parent = st.session_state.get("_parent")
    if kind != "train" or not parent:
        return False
    return st.toggle(t("jobs.resume", id=plain(parent)), key="need.resume")


def _sweep(kind: str) -> list[dict[str, str]] | None:
    """The settings of a sweep, None for a single job."""
    if kind != "train":
        return None
    with st.expander(t("jobs.sweep")):
        how = st.segmented_control(
            t("jobs.sweep.how"), ("grid", "random"), default="grid", required=True,
            format_func=lambda how: t(f"jobs.sweep.{how}"), key="sweep.how",
        )  # fmt: skip
        text = st.text_area(
            t("jobs.sweep.values"), key="sweep.values", height=90,
            placeholder=t(f"jobs.sweep.{how}.example"), help=t("jobs.sweep.help"),
        )  # fmt: skip
        count = _whole("count", 8, 1, 200) if how == "random" else 0
        if not text.strip():
            return None
        values = _assignments(text)
        if how == "random":
            return jobs.drawn(values, count, seed=0)
        split = {name: [p.strip() for p in v.split(",") if p.strip()] for name, v in values.items()}
        return jobs.grid(split)


def _assignments(text: str) -> dict[str, str]:
    """Lines of ``name = values`` as a dict."""
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, values = line.partition("=")
        if not equals or not name.strip():
            raise BadInput(f"A sweep has lines of name = values; this is none: {line[:60]}")
        found[name.strip()] = values.strip()
    return found


def _launch(
    kind: str,
    workload: str,
    params: dict[str, object],
    device: str,
    more: dict[str, Any],
    sweep: list[dict[str, str]] | None,
) -> None:
    parent = st.session_state.get("_parent")
    if workload != st.session_state.get("_cloned_workload"):
        parent = None  # the form was changed to something else altogether
    else:
        more["promise"] = st.session_state.get("_promise")
    try:
        spec = jobs.make_spec(kind, workload, params, device, parent, **more)
        made = [jobs.launch(spec)] if sweep is None else jobs.launch_family(spec, sweep)
    except GpulseError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    for name in ("_parent", "_why", "_promise", "_cloned_workload"):
        st.session_state.pop(name, None)
    data.forget_runs()
    st.session_state["job"] = made[0].id
    text = t("jobs.launched", id=plain(made[0].id))
    if len(made) > 1:
        text = t("jobs.launched.many", count=len(made), family=made[0].family)
    st.toast(text, icon=":material/check:")
