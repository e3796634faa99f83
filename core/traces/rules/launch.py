"""Rules on a host that feeds its device too slowly, and on what is odd: L1, F1, F2, Q1, Q2, G1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.case import Case
from core.traces.columns import Category
from core.traces.idle import CODE, IdlePieces
from core.traces.intervals import Intervals, distinct, overlap, union
from core.traces.records import Finding, Fix
from core.traces.rules.common import (
    CRITICAL,
    NOTE,
    WARNING,
    at_line,
    commonest_name,
    finding,
    gain,
    longest,
    main_thread,
    percent,
)
from core.traces.stacks import commonest_frame
from core.traces.window import launch_rows

TINY_KERNEL_US = 10.0
"""TraceLens calls kernels below 10 µs small; a launch itself takes 3 to 12 µs."""
LOW_USE = 0.5
"""torch-tb-profiler and nsys' ``gpu_time_util`` warn below 50 %."""

_LAUNCH_FIX = Fix(
    "Give the device more work per launch: compile to CUDA graphs, fuse the optimizer, or use a "
    "larger batch.",
    'model = torch.compile(model, mode="reduce-overhead")\n'
    "optimizer = torch.optim.AdamW(model.parameters(), fused=True)",
)
_OPERATOR_FIX = Fix(
    "Run fewer operators on the host: compile the model, use fused layers and optimizers.",
    "model = torch.compile(model)",
)
_PYTHON_FIX = Fix(
    "Move Python work out of the step, or compile it away; record stacks to see the line.",
    "with profile(..., with_stack=True) as prof: ...\nmodel = torch.compile(model)",
    {"with_stack": True},
)
_NONE = Fix("Read the findings beside it: this is the symptom, they are the causes.", "")
_QUEUE_FIX = Fix(
    "Look for other processes on the device; short gaps between queued kernels cannot be avoided.",
    "nvidia-smi",
)


def launch_findings(case: Case) -> list[Finding]:
    """L1 (many tiny kernels) or F1 (operators on the host), and F2 (Python), from 10 %.

    L1 when the median kernel is under 10 µs, or half of the kernels start on an empty queue.
    """
    pieces = case.pieces
    if pieces is None:
        return []
    rows = case.device_rows(Category.KERNEL)
    median = float(np.median(case.trace.duration[rows])) if rows.size else 0.0
    starved = min(_empty_queue(pieces) / max(rows.size, 1), 1.0)
    tiny = rows.size > 0 and (median < TINY_KERNEL_US or starved >= 0.5)
    late = pieces.of("launch-bound", "host-bound")
    found = []
    if late.measure >= WARNING * case.total_us:
        evidence = [
            f"{percent(late.measure / case.total_us)} of the window the device waits for the host "
            "to launch its next kernel.",
            f"{rows.size / case.steps:,.0f} kernels a step, median {median:.1f} µs; "
            f"{percent(starved)} of them start on an empty queue.",
        ]
        found.append(
            finding(
                case,
                "L1" if tiny else "F1",
                "The device waits for the launch of many small kernels"
                if tiny
                else "The device waits for operators on the host",
                late.measure,
                where=f"{main_thread(case)}{at_line(_frame(case))}",
                evidence=evidence,
                ranges=longest(late),
                fix=_LAUNCH_FIX if tiny else _OPERATOR_FIX,
                speedup=gain(case, late.measure, 0.5, "Low: half is saved. High: all of it."),
                edit="launches" if tiny else "operators",
            )
        )
    return found + _python_finding(case)


def _empty_queue(pieces: IdlePieces) -> int:
    """Gaps in which the next operation had not been launched yet."""
    return int(distinct(pieces.gap[pieces.cause != CODE["device-queue"]]).size)


def _frame(case: Case) -> str:
    if case.pieces is None:
        return ""
    late = case.pieces.of("launch-bound", "host-bound", "python-bound", "unattributed")
    return commonest_frame(case.trace, case.window.main_thread, late)


def _python_finding(case: Case) -> list[Finding]:
    if case.pieces is None:
        return []
    python = case.pieces.of("python-bound")
    silent = case.pieces.of("unattributed")
    cost = python.measure + silent.measure
    if cost < WARNING * case.total_us:
        return []
    return [
        finding(
            case,
            "F2",
            "The device waits for Python"
            if python.measure >= silent.measure
            else "The device waits while the trace records nothing (most often Python)",
            cost,
            where=f"{main_thread(case)}{at_line(_frame(case))}",
            evidence=[
                f"{percent(python.measure / case.total_us)} of the window in recorded Python, "
                f"{percent(silent.measure / case.total_us)} with nothing recorded.",
                "Recording stacks slows Python itself, so its share is an upper bound.",
            ],
            ranges=longest(union(*_sides(python, silent))),
            fix=_PYTHON_FIX,
            speedup=gain(case, cost, 1.0, "Low: the operators need the time. High: all is saved."),
            edit="python",
        )
    ]


def _sides(one: Intervals, other: Intervals) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.r_[one.start, other.start], np.r_[one.end, other.end]


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
    """Q2: gaps of 10 µs or more between queued operations, 5 % of the window in all."""
    if case.pieces is None:
        return []
    queued = case.pieces.of("device-queue")
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


def low_use_finding(case: Case, others: list[Finding]) -> list[Finding]:
    """G1: busy less than half of the window, where no other rule explains it."""
    explained = any(other.severity != "note" for other in others)
    if case.pieces is None or explained or case.busy.measure >= LOW_USE * case.total_us:
        return []
    idle = case.total_us - case.busy.measure
    return [
        finding(
            case,
            "G1",
            "The device is busy less than half of the time",
            idle,
            where=f"device {case.device}",
            evidence=[f"Idle {percent(idle / case.total_us)} of the window, for many causes."],
            ranges=longest(case.pieces.gaps),
            fix=_NONE,
            speedup=None,
            level="warning",
        )
    ]


def launched_pct(case: Case) -> float:
    """Share of the device's work (%) whose launching call is in the trace."""
    rows = case.device_rows(Category.KERNEL, Category.MEMCPY, Category.MEMSET)
    known = launch_rows(case.trace)[rows] >= 0
    total = float(case.trace.duration[rows].sum())
    return 100 * float(case.trace.duration[rows[known]].sum()) / total if total else 100.0
