"""Making the mistake oneself: a profile job with it switched on, or the simulator."""

from __future__ import annotations

import streamlit as st

from core.gallery import Entry
from core.traces import SimulatorSettings
from core.ui import forms, header
from core.ui.gallery.figures import KNOBS
from core.ui.texts import t


def offer(entry: Entry) -> None:
    """A button and a link, for what this entry has."""
    if entry.trial is None and entry.simulated is None:
        return
    st.subheader(t("gallery.try"))
    with st.container(horizontal=True, vertical_alignment="center"):
        if entry.trial is not None:
            _job(entry)
        if entry.simulated is not None:
            header.link(
                "bottlenecks", t("gallery.simulator"), icon=":material/science:",
                profile=t("view.simulator"), **_query(entry.simulated[0]),
            )  # fmt: skip


def _job(entry: Entry) -> None:
    trial = entry.trial
    if trial is None:
        return
    words = ", ".join(f"{name} = {value}" for name, value in trial.params.items())
    if st.button(t("gallery.try.job"), icon=":material/stethoscope:", help=words):
        name = t(f"gallery.{entry.key}.name")
        why = t("gallery.try.why", name=name, workload=trial.workload, change=words)
        if trial.needs_gpu:
            why += " " + t("gallery.try.gpu")
        forms.prefill("profile", trial.workload, trial.params, why=why)


def _query(settings: SimulatorSettings) -> dict[str, str]:
    """The simulator's sliders as its page binds them to the URL."""
    usual = SimulatorSettings()
    values = {name: getattr(settings, name) for name in KNOBS}
    return {
        f"sim.{name}": str(value).lower()
        for name, value in values.items()
        if value != getattr(usual, name)
    }
