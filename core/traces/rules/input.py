"""D1, D2, D3: the DataLoader."""

from __future__ import annotations

import numpy as np

from core.traces import names as n
from core.traces.case import Case
from core.traces.host import CODE, epoch_edges, loader_mask
from core.traces.intervals import Intervals, overlap, subtract, union
from core.traces.records import Finding, Fix, Prediction
from core.traces.rules.common import (
    NOTE,
    at_line,
    finding,
    gain,
    longest,
    main_thread,
    milliseconds,
    percent,
)
from core.traces.rules.inside import loader_evidence
from core.traces.stacks import commonest_frame

SIDE_EFFECT = 0.16
"""Part of a step that worker processes cost the host: replays without the DataLoader were
optimistic by 5 to 16 % of the step against the same training with workers."""

_IN_PROCESS = Fix(
    "Load the next batches in worker processes while the current one is being trained on.",
    "DataLoader(dataset, batch_size=..., num_workers=4,  # up to the number of CPU cores\n"
    "           persistent_workers=True, pin_memory=True, prefetch_factor=4)",
    {"num_workers": 2, "persistent_workers": True},
)
_SLOW_WORKERS = Fix(
    "Raise num_workers towards the number of CPU cores, make the transforms cheaper, or decode "
    "once and cache.",
    "DataLoader(dataset, batch_size=..., num_workers=os.cpu_count(),\n"
    "           persistent_workers=True, pin_memory=True, prefetch_factor=4)",
    {"num_workers": 4, "persistent_workers": True},
)
_EPOCH_EDGE = Fix(
    "Keep the workers between epochs.",
    "DataLoader(dataset, num_workers=4, persistent_workers=True)",
    {"persistent_workers": True},
)


def input_findings(case: Case) -> list[Finding]:
    """D1 (no workers), D2 (workers too slow) from 5 % of the window, D3 (epoch edge) whenever seen.

    With a device the cost is the device's idle time while the host sits in the DataLoader; without
    one it is the main thread's time in it. Epoch edges are left out of D1 and D2.
    """
    edges = epoch_edges(case.trace, case.window).clip(case.window.start_us, case.window.end_us)
    waits = subtract(_waits(case), edges)
    found = []
    if waits.measure >= NOTE * case.total_us:
        found.append(_starved(case, waits))
    lost = overlap(_waits(case), edges)
    if lost.measure > 0:
        found.append(_edge(case, lost))
    return found


def _waits(case: Case) -> Intervals:
    if case.pieces is not None:
        return case.pieces.of("input-wait")
    if case.activity is None:
        return union([], [])
    low, high = np.array([case.window.start_us]), np.array([case.window.end_us])
    start, end, code, _ = case.activity.cut(low, high)
    mine = code == CODE["input-wait"]
    return union(start[mine], end[mine])


def _starved(case: Case, waits: Intervals) -> Finding:
    trace, window = case.trace, case.window
    calls = np.flatnonzero(loader_mask(trace) & (trace.thread == window.main_thread))
    calls = calls[(trace.end[calls] > window.start_us) & (trace.start[calls] < window.end_us)]
    single = calls[n.matching(trace.names, n.LOADER_IN_PROCESS)[trace.name[calls]]]
    in_process = 2 * single.size > calls.size
    share = waits.measure / case.total_us
    victim = "device idles" if case.device is not None else "main thread spends its time"
    span = trace.names[trace.name[calls[0]]] if calls.size else "the DataLoader"
    frame = commonest_frame(trace, window.main_thread, waits)
    evidence = [
        f"The {victim} in the DataLoader for {percent(share)} of the window "
        f"({milliseconds(waits.measure)} of {milliseconds(case.total_us)}).",
        f"Batches asked for: {calls.size}; the median wait is "
        f"{milliseconds(float(np.median(trace.duration[calls])) if calls.size else 0.0)}.",
        *loader_evidence(case, waits),
    ]
    return finding(
        case,
        "D1" if in_process else "D2",
        "The DataLoader works in the training process (num_workers=0)"
        if in_process
        else "The DataLoader's workers are too slow",
        waits.measure,
        where=f"{main_thread(case)}, {span}{at_line(frame)}",
        evidence=evidence,
        ranges=longest(waits),
        fix=_IN_PROCESS if in_process else _SLOW_WORKERS,
        speedup=_workers_gain(case, waits.measure)
        if in_process
        else gain(case, waits.measure, 0.5, "Low: half of the wait stays. High: none stays."),
        edit="loader" if in_process else "workers",
    )


def _workers_gain(case: Case, wait_us: float) -> Prediction:
    """Step time with workers: what remains without the wait, plus their side effect.

    Low: on a device two workers halve the wait; on the CPU workers and operators share the cores,
    two of which halve the whole step.
    """
    total = case.total_us
    rest = total - wait_us
    floor = max(rest, wait_us / 2 if case.device is not None else total / 2)
    low = total / (floor + SIDE_EFFECT * total)
    high = total / max(rest, 0.01 * total)
    room = "two workers" if case.device is not None else "two cores share all of the work"
    return Prediction(
        min(max(low, 1.0), high),
        high,
        f"Low: {room}, and workers slow the host by {100 * SIDE_EFFECT:.0f} % of the step. "
        "High: the wait vanishes.",
    )


def _edge(case: Case, lost: Intervals) -> Finding:
    return finding(
        case,
        "D3",
        "Workers are started or shut down inside the window",
        lost.measure,
        where=f"{main_thread(case)}, the edge of an epoch",
        evidence=[
            f"{milliseconds(lost.measure)} pass in starting or stopping workers; "
            "this is no starvation and is left out of the DataLoader's cost."
        ],
        ranges=longest(lost),
        fix=_EPOCH_EDGE,
        speedup=gain(case, lost.measure, 1.0, "Once an epoch: nothing within one."),
        level="note",
    )
