"""From a Kineto trace to the cause, the fix and the gain.

Load a trace (plain or gzip, old or new, whole or truncated), account for every microsecond of the
device's or the main thread's time, name what costs most and what to change; tables, a timeline
with level of detail, and a simulator that writes Kineto JSON of its own. Never imports torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from core.traces import ranks
from core.traces.columns import Category, Thread, Trace
from core.traces.diagnosis import diagnose
from core.traces.labels import ACTIVITIES, CAUSES, PRIMARIES, SEVERITIES, Label, title
from core.traces.lanes import Lanes, build_lanes
from core.traces.loading import find_traces, load_trace, parse_trace
from core.traces.records import DeviceUse, Diagnosis, Finding, Fix, Prediction
from core.traces.simulator import SimulatorSettings, simulate, simulate_trace
from core.traces.timeline import TimelineView, timeline, view
from core.traces.whatif import Edit, WhatIf, what_if

if TYPE_CHECKING:
    from core.traces.kept import open_diagnosis, open_trace
    from core.traces.tables import bubbles, copies, kernels, operators, steps

__all__ = [
    "ACTIVITIES",
    "CAUSES",
    "PRIMARIES",
    "SEVERITIES",
    "Category",
    "DeviceUse",
    "Diagnosis",
    "Edit",
    "Finding",
    "Fix",
    "Label",
    "Lanes",
    "Prediction",
    "SimulatorSettings",
    "Thread",
    "TimelineView",
    "Trace",
    "WhatIf",
    "bubbles",
    "build_lanes",
    "copies",
    "diagnose",
    "find_traces",
    "kernels",
    "load_trace",
    "open_diagnosis",
    "open_trace",
    "operators",
    "parse_trace",
    "ranks",
    "simulate",
    "simulate_trace",
    "steps",
    "timeline",
    "title",
    "view",
    "what_if",
]

_LATER = {
    "bubbles": "tables",
    "copies": "tables",
    "kernels": "tables",
    "open_diagnosis": "kept",
    "open_trace": "kept",
    "operators": "tables",
    "steps": "tables",
}
"""Loaded when first asked for: pandas and Arrow cost 80 MB and 0.2 s in each process that judges
one of many ranks, and judging needs neither."""


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(f"core.traces.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
