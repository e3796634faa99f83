"""A step whose parts the user moves; its trace is diagnosed like any other."""

from __future__ import annotations

from typing import TypeVar

import streamlit as st

from core import traces
from core.traces import Diagnosis, Lanes, Trace
from core.ui import data
from core.ui.bottlenecks.page import show_diagnosis
from core.ui.texts import t

_N = TypeVar("_N", int, float)


@st.cache_resource(max_entries=8, show_spinner=False)
def _simulated(settings: traces.SimulatorSettings) -> tuple[Trace, Diagnosis, Lanes]:
    trace = traces.simulate_trace(settings)
    return trace, traces.diagnose(trace), traces.build_lanes(trace)


def simulator() -> None:
    """Move data time, workers, kernels and synchronisation, and see the bubbles move."""
    st.markdown(t("simulator.bottlenecks"))
    with data.errors_shown():
        trace, found, lanes = _simulated(_knobs())
        show_diagnosis(lambda: trace, found, lambda: lanes, None)


def _knobs() -> traces.SimulatorSettings:
    default = traces.SimulatorSettings()
    with st.grid(4, min_column_width=200):
        data_ms = _slider("data_ms", 0.0, 100.0, default.data_ms)
        workers = _slider("workers", 0, 16, default.workers)
        kernels = _slider("kernels", 10, 2000, default.kernels)
        kernel_us = _slider("kernel_us", 1.0, 500.0, default.kernel_us)
        launch_us = _slider("launch_us", 1.0, 50.0, default.launch_us)
        python_ms = _slider("python_ms", 0.0, 50.0, default.python_ms)
        allocations = _slider("allocations", 0, 40, default.allocations)
        communication_ms = _slider("communication_ms", 0.0, 50.0, default.communication_ms)
        sync = _switch("sync_every_step", default.sync_every_step)
        pinned = _switch("pinned", default.pinned)
        overlap = _switch("overlap", default.overlap)
    return traces.SimulatorSettings(
        data_ms=data_ms,
        workers=workers,
        kernels=kernels,
        kernel_us=kernel_us,
        launch_us=launch_us,
        python_ms=python_ms,
        sync_every_step=sync,
        pinned=pinned,
        allocations=allocations,
        communication_ms=communication_ms,
        overlap=overlap,
    )


def _slider(name: str, low: _N, high: _N, default: _N) -> _N:
    label = t(f"simulator.{name}")
    return st.slider(label, low, high, value=default, key=f"sim.{name}", bind="query-params")


def _switch(name: str, default: bool) -> bool:
    label = t(f"simulator.{name}")
    return st.toggle(label, value=default, key=f"sim.{name}", bind="query-params")
