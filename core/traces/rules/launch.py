"""Rules on a host that feeds its device too slowly: L1, F1, F2, G1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.traces.case import Case
from core.traces.columns import Category
from core.traces.idle import CODE, IdlePieces
from core.traces.intervals import Intervals, distinct, subtract, union
from core.traces.records import Finding, Fix
from core.traces.rules.common import (
    WARNING,
    at_line,
    finding,
    gain,
    longest,
    main_thread,
    percent,
)
from core.traces.rules.preparing import preparing
from core.traces.stacks import commonest_frame

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
                _title(tiny, median),
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


def _title(tiny: bool, median_us: float) -> str:
    if not tiny:
        return "The device waits for operators on the host"
    if median_us < TINY_KERNEL_US:
        return "The device waits for the launch of many small kernels"
    return "The device waits for each launch: its queue is empty"


def _empty_queue(pieces: IdlePieces) -> int:
    """Gaps in which the next operation had not been launched yet."""
    return int(distinct(pieces.gap[pieces.cause != CODE["device-queue"]]).size)


def _frame(case: Case) -> str:
    if case.pieces is None:
        return ""
    late = case.pieces.of("launch-bound", "host-bound", "python-bound", "unattributed")
    return commonest_frame(case.trace, case.window.main_thread, late)


def _python_finding(case: Case) -> list[Finding]:
    """F2: Python or nothing recorded, without what D4 counts."""
    if case.pieces is None:
        return []
    elsewhere = preparing(case)
    python = subtract(case.pieces.of("python-bound"), elsewhere)
    silent = subtract(case.pieces.of("unattributed"), elsewhere)
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
                _limit(case),
            ],
            ranges=longest(union(*_sides(python, silent))),
            fix=_PYTHON_FIX,
            speedup=gain(case, cost, 1.0, "Low: the operators need the time. High: all is saved."),
            edit="python",
        )
    ]


def _limit(case: Case) -> str:
    """What keeps the trace from saying more."""
    categories = case.trace.category
    if (categories == Category.PYTHON).any():
        return "Recording stacks slows Python itself, so its share is an upper bound."
    if not np.isin(categories, (Category.RUNTIME, Category.CPU_OP, Category.ANNOTATION)).any():
        return "No host activity was recorded: profile with ProfilerActivity.CPU as well."
    return "The trace has no Python stacks (with_stack=True), so it cannot say which line."


def _sides(one: Intervals, other: Intervals) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.r_[one.start, other.start], np.r_[one.end, other.end]


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
