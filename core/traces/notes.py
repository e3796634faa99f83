"""What limits a diagnosis, in sentences: damaged files, few steps, missing launches."""

from __future__ import annotations

import numpy as np

from core.traces import names as n
from core.traces.case import Case
from core.traces.columns import Category
from core.traces.rules.profile import inside_graphs
from core.traces.window import launch_rows

_ENOUGH_PCT = 99
_GRAPH_SHARE = 0.01


def notes(case: Case) -> tuple[str, ...]:
    """Q4 and Q5 of the rules, and what else the reader must know."""
    found = [case.trace.incomplete] if case.trace.incomplete else []
    if case.window.steps == 0:
        found.append("The trace has no profiler steps: the window is its whole length.")
    elif case.window.steps < 3:
        found.append(f"Only {case.window.steps} profiled step(s): figures may not be typical.")
    if case.device is not None:
        found += _on_device(case)
    if (case.trace.category == Category.PYTHON).any():
        found.append("Python stacks were recorded, which slows the host.")
    return tuple(found)


def _on_device(case: Case) -> list[str]:
    found = []
    if launched_pct(case) < _ENOUGH_PCT:
        found.append(
            f"{100 - launched_pct(case):.0f} % of the device's work was launched before the "
            "profile began, or its launch was not recorded; gaps before it are charged to what "
            "the main thread did."
        )
    lost = lost_pct(case)
    if lost > 100 - _ENOUGH_PCT:
        found.append(
            f"{lost:.0f} % of the launches have no kernel in the trace: the profiler may have "
            "dropped device work, and the device may have been busier than shown."
        )
    graphs = inside_graphs(case)
    if graphs.measure >= _GRAPH_SHARE * case.total_us:
        found.append(
            f"{100 * graphs.measure / case.total_us:.0f} % of the window are gaps inside CUDA "
            "graphs, which the profiler itself may cause."
        )
    return found


def launched_pct(case: Case) -> float:
    """Share of the device's work (%) whose launching call is in the trace."""
    rows = case.device_rows(Category.KERNEL, Category.MEMCPY, Category.MEMSET)
    known = launch_rows(case.trace)[rows] >= 0
    total = float(case.trace.duration[rows].sum())
    return 100 * float(case.trace.duration[rows[known]].sum()) / total if total else 100.0


def lost_pct(case: Case) -> float:
    """Share of the kernel launches (%) with a correlation that no device work carries."""
    trace = case.trace
    calls = case.named(case.rows(Category.RUNTIME), n.LAUNCH)
    calls = calls[trace.correlation[calls] > 0]
    if not calls.size:
        return 0.0
    done = np.isin(trace.correlation[calls], trace.correlation[trace.on_device])
    return 100 * float(np.mean(~done))
