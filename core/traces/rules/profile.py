"""Rules on the profile itself: Q1, Q2, Q3, P1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.case import Case
from core.traces.columns import Category
from core.traces.idle import next_launches
from core.traces.intervals import EMPTY, Intervals, overlap, subtract, union
from core.traces.labels import DEVICE_ACTIVITIES, title
from core.traces.records import Finding, Fix
from core.traces.rules.common import (
    CRITICAL,
    NOTE,
    WARNING,
    commonest_name,
    finding,
    longest,
    main_thread,
    percent,
)
from core.traces.rules.launch import TINY_KERNEL_US

FRAMES_PER_OPERATOR = 10
"""Python spans for each operator from which stacks weigh on the host (a rule of this project)."""
OUTLIER_SD, OUTLIER_RATIO = 3.0, 1.2
"""A step beyond mean + 3 standard deviations of the others (SageMaker Debugger's StepOutlier) and
at least 20 % above the median, for few steps have a small spread."""
_FEWEST_STEPS = 4

_QUEUE_FIX = Fix(
    "Look for other processes on the device; short gaps between queued kernels cannot be avoided.",
    "nvidia-smi",
)
_OVERHEAD_FIX = Fix(
    "Profile once more without stacks, shapes and memory, and compare the step time.",
    "profile(activities=[...], with_stack=False, record_shapes=False, profile_memory=False)",
)
_JITTER_FIX = Fix(
    "Look at that step in the timeline; profile more steps to see whether it comes back.",
    "schedule=torch.profiler.schedule(wait=1, warmup=2, active=20, repeat=1)",
)


def cold_start_finding(case: Case) -> list[Finding]:
    """Q1: start-up takes 20 % of the window: module loading, first allocations, lazy launches.

    With several steps such calls must fall into the first one (80 % of them); with one step,
    allocations count unless memory is freed as well, which is churn. Launch calls beyond 1 ms
    (usually 3 to 12 µs) load their kernel's code.
    """
    trace, window = case.trace, case.window
    calls = case.rows(Category.RUNTIME)
    if case.pieces is None or not calls.size:
        return []
    slow = case.named(calls, n.LAUNCH)
    loads = np.union1d(case.named(calls, n.LOAD_MODULE), slow[trace.duration[slow] > 1e3]).astype(
        np.int64
    )
    allocs = case.named(calls, n.ALLOCATE)
    freed = case.named(allocs, n.FREE).size
    if window.steps > 1 or 10 * freed <= allocs.size:
        loads = np.union1d(loads, allocs).astype(np.int64)
    idle = overlap(union(trace.start[loads], trace.end[loads]), case.pieces.gaps)
    if idle.measure < CRITICAL * case.total_us:
        return []
    early = idle.clip(window.start_us, window.step_start[1]) if window.steps > 1 else idle
    if early.measure < 0.8 * idle.measure:
        return []
    return [
        finding(
            case,
            "Q1",
            "The profile caught start-up",
            idle.measure,
            where=f"{main_thread(case)}, {commonest_name(case, loads)}",
            evidence=[
                f"{percent(idle.measure / case.total_us)} of the window is loading code and first "
                "allocations; a longer run pays this once."
            ],
            ranges=longest(idle),
            fix=Fix(
                "Let the profiler skip and warm up before it records.",
                "schedule=torch.profiler.schedule(wait=1, warmup=2, active=5, repeat=1)",
            ),
            speedup=None,
        )
    ]


def queue_finding(case: Case) -> list[Finding]:
    """Q2: gaps of 10 µs or more between queued operations, 5 % of the window in all; those inside
    CUDA graphs do not count."""
    if case.pieces is None:
        return []
    queued = subtract(case.pieces.of("device-queue"), inside_graphs(case))
    wide = queued.end - queued.start >= TINY_KERNEL_US
    holes = union(queued.start[wide], queued.end[wide])
    if holes.measure < NOTE * case.total_us:
        return []
    return [
        finding(
            case,
            "Q2",
            "The device leaves gaps though work is queued",
            holes.measure,
            where=f"device {case.device}",
            evidence=[
                f"{len(holes)} gaps of 10 µs or more, {percent(holes.measure / case.total_us)} of "
                "the window; the trace cannot say why (untraced kernels, a shared device)."
            ],
            ranges=longest(holes),
            fix=_QUEUE_FIX,
            speedup=None,
            level="note",
        )
    ]


def overhead_finding(case: Case) -> list[Finding]:
    """Q3: the profiler itself: its own spans (buffer flushes) fill 5 % of the window, or Python
    stacks outnumber operators ten to one where Python is what the step waits for (10 %)."""
    trace = case.trace
    rows = case.rows(Category.OVERHEAD)
    flush = union(trace.start[rows], trace.end[rows]).clip(case.window.start_us, case.window.end_us)
    frames, operators = case.rows(Category.PYTHON).size, case.rows(Category.CPU_OP).size
    python = case.pieces.of("python-bound") if case.pieces is not None else union([], [])
    many = frames > FRAMES_PER_OPERATOR * max(operators, 1)
    heavy = many and python.measure >= WARNING * case.total_us
    if flush.measure < NOTE * case.total_us and not heavy:
        return []
    cost = flush if flush.measure >= NOTE * case.total_us else python
    evidence = [f"{percent(flush.measure / case.total_us)} of the window is the profiler's work."]
    if heavy:
        evidence.append(
            f"{frames:,} Python spans for {operators:,} operators were recorded; each costs the "
            "host time that an ordinary run does not spend."
        )
    return [
        finding(
            case,
            "Q3",
            "The profiler itself slows this run",
            cost.measure,
            where=commonest_name(case, rows) or "Python stacks (with_stack=True)",
            evidence=evidence,
            ranges=longest(cost),
            fix=_OVERHEAD_FIX,
            speedup=None,
            level="note",
        )
    ]


def jitter_finding(case: Case) -> list[Finding]:
    """P1: a step longer than the others (``OUTLIER_SD``, ``OUTLIER_RATIO``), four steps or more;
    the cost is what it takes beyond the median, from 5 % of the window."""
    window = case.window
    if window.steps < _FEWEST_STEPS:
        return []
    start, end = window.step_start, np.append(window.step_start[1:], window.end_us)
    length = end - start
    at = int(length.argmax())
    others = np.delete(length, at)
    median = float(np.median(length))
    beyond = float(length[at]) - median
    high = float(others.mean() + OUTLIER_SD * others.std())
    if length[at] < max(high, OUTLIER_RATIO * median) or beyond < NOTE * case.total_us:
        return []
    parts = case.breakdown_us(start, end)
    grown = parts[at] - np.median(np.delete(parts, at, axis=0), axis=0)
    cause = int(grown.argmax())
    if at == length.size - 1 and case.keys[cause] in DEVICE_ACTIVITIES[:3]:
        return []  # the host has run ahead, and the device catches up after the last step
    first = " It is the first one, so it may be warm-up." if at == 0 else ""
    return [
        finding(
            case,
            "P1",
            "One step takes much longer than the others",
            beyond,
            where=f"step {int(window.step_number[at])}",
            evidence=[
                f"{length[at] / 1e3:,.1f} ms, where the median step takes {median / 1e3:,.1f} ms."
                f"{first}",
                f"What grew most is “{title(case.keys[cause])}”, by {grown[cause] / 1e3:,.1f} ms.",
            ],
            ranges=((float(start[at]), float(end[at])),),
            fix=_JITTER_FIX,
            speedup=None,
            level="note",
        )
    ]


def inside_graphs(case: Case) -> Intervals:
    """Gaps between operations of one CUDA graph. The profiler slows the replay of graphs, so that
    they may not be there without it (TraceLens, pull request 728)."""
    graphs = n.matching(case.trace.names, n.GRAPH_LAUNCH)
    if case.pieces is None or case.device is None or not graphs.any():
        return EMPTY
    trace, gaps = case.trace, case.pieces.gaps
    launch = next_launches(trace, gaps, case.device)
    graph = graphs[trace.name[np.maximum(launch, 0)]]
    mine: NDArray[np.bool_] = (launch >= 0) & graph & (trace.start[launch] <= gaps.start)
    return union(gaps.start[mine], gaps.end[mine])
