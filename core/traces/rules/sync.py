"""S1 and S2: the host waits for the device, by the operator that makes it wait."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.calltree import Operators
from core.traces.case import Case
from core.traces.columns import Category
from core.traces.idle import CODE, IdlePieces, blocking_calls
from core.traces.intervals import union
from core.traces.records import Finding, Fix
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
from core.traces.stacks import frame_of
from core.traces.window import launch_rows

EXPLICIT = "a synchronise call"
_SHOWN = 4
_NOT_ITS_FAULT = ("input-wait", "allocator", "communication")
"""Idle time after a wait in which the host then did something with a cure of its own."""

READ_FIX = Fix(
    "Add losses up on the device and read them once every N steps; copy back without blocking.",
    "total += loss.detach()          # on the device\n"
    "if step % 100 == 0:\n"
    "    log(total.item() / 100); total.zero_()",
    {"sync_every_step": False},
)
_MASK_FIX = Fix(
    "Keep shapes fixed: the host must know how many elements a mask selects. Use torch.where or "
    "multiply by the mask.",
    "loss = torch.where(mask, loss, 0.0).sum() / mask.sum()   # instead of loss[mask].mean()",
)
_UPLOAD_FIX = Fix(
    "Copy from pinned memory without blocking, so that the host goes on.",
    "loader = DataLoader(dataset, ..., pin_memory=True)\nx = x.to(device, non_blocking=True)",
    {"pin_memory": True},
)
_EXPLICIT_FIX = Fix(
    "Remove the call from the step; synchronise only where you time or read something.",
    "# torch.cuda.synchronize()   # not in every step\n"
    "start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))",
    {"sync_every_step": False},
)


def sync_findings(case: Case, operators: Operators) -> list[Finding]:
    """S1 (hidden in an operator) and S2 (explicit): at least one call a step, from 5 % of the
    window each (TraceML's smallest severity; torch-tb-profiler's DataLoader limit).

    The length of a synchronising call is never its cost (on a device-bound trace removing it saves
    nothing). The cost is the idle time of gaps that such a call had drained the device before,
    without what the host then spent waiting for data, memory or other ranks, and in each gap at
    most the length of the call, for the host cannot be earlier than that without it.
    """
    pieces = case.pieces
    calls = blocking_calls(case.trace, case.window)
    if pieces is None or calls.size < case.steps:
        return []
    culprit = _culprits(case, operators, calls)
    cost = _cost_us(case, pieces, calls)
    found = []
    for rule, mine in (("S1", culprit != EXPLICIT), ("S2", culprit == EXPLICIT)):
        if mine.sum() >= case.steps and cost[mine].sum() >= NOTE * case.total_us:
            found.append(_finding(case, operators, rule, calls[mine], culprit[mine], cost[mine]))
    return found


def _culprits(case: Case, operators: Operators, calls: NDArray[np.int64]) -> NDArray[np.str_]:
    """Name of the operator that makes each call wait; ``EXPLICIT`` outside all operators."""
    trace = case.trace
    around = operators.around(calls)
    is_operator = trace.category[operators.rows] == Category.CPU_OP
    known = operators.nearest(is_operator & operators.named(n.READ_BACK), outermost=True)
    outer = operators.nearest(is_operator & operators.named(n.ATEN), outermost=True)
    inner = operators.nearest(is_operator)
    best = np.where(known >= 0, known, np.where(outer >= 0, outer, inner))
    index = np.where(around >= 0, best[np.maximum(around, 0)], -1) if best.size else around
    rows = operators.rows[np.maximum(index, 0)] if operators.rows.size else calls
    code = np.where(index >= 0, trace.name[rows], trace.name[calls])
    words = np.array([trace.names[c] for c in code.tolist()], dtype=object)
    uploads = np.isin(calls, _uploading(case, operators, calls))
    words[uploads] = words[uploads] + " (copy to the device)"
    # Copy calls outside operators belong to other libraries and keep their own name.
    explicit = (index < 0) & ~n.matching(trace.names, n.COPY_CALL)[trace.name[calls]]
    words[explicit] = EXPLICIT
    return words


def _uploading(case: Case, operators: Operators, calls: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of the calls that wait for a copy to the device, or in the operator of one."""
    trace = case.trace
    copies = case.named(case.rows(Category.MEMCPY), n.UPLOAD)
    launch = launch_rows(trace)[copies]
    launch = launch[launch >= 0]
    copying = np.unique(operators.around(launch))
    inside = np.isin(operators.around(calls), copying[copying >= 0])
    return calls[inside | np.isin(calls, launch)]


def _cost_us(case: Case, pieces: IdlePieces, calls: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64[calls] µs: idle time that each call is behind."""
    fault = ~np.isin(pieces.cause, [CODE[key] for key in _NOT_ITS_FAULT])
    idle = np.bincount(
        pieces.gap[fault], (pieces.end - pieces.start)[fault], minlength=len(pieces.gaps)
    )
    drainer = pieces.drainer
    # After the last operation nothing waits to be launched: profilers synchronise when they stop.
    last = pieces.gaps.end >= case.window.end_us
    gaps = np.flatnonzero(np.isin(drainer, calls) & ~last)
    at = np.searchsorted(calls, drainer[gaps])
    bound = np.minimum(idle[gaps], case.trace.duration[drainer[gaps]])
    return np.bincount(at, bound, minlength=calls.size).astype(np.float64)


def _finding(
    case: Case,
    operators: Operators,
    rule: str,
    calls: NDArray[np.int64],
    culprit: NDArray[np.str_],
    cost: NDArray[np.float64],
) -> Finding:
    kinds, which = np.unique(culprit.astype(str), return_inverse=True)
    spent = np.bincount(which, cost, minlength=kinds.size)
    order = np.argsort(-spent, kind="stable")[:_SHOWN]
    frames = [_frame(case, operators, calls[(which == i) & (cost > 0)]) for i in order]
    evidence = [
        f"{kinds[i]}{at_line(frame)}: {np.sum(which == i) / case.steps:.1f} waits a step of "
        f"{milliseconds(float(np.median(case.trace.duration[calls[which == i]])))} (median), "
        f"behind {percent(float(spent[i]) / case.total_us)} of the window."
        for i, frame in zip(order, frames, strict=True)
    ]
    worst = str(kinds[order[0]])
    total = float(cost.sum())
    pieces = case.pieces
    where = union([], [])
    if pieces is not None:
        mine = np.isin(pieces.drainer, calls[cost > 0])
        where = union(pieces.gaps.start[mine], pieces.gaps.end[mine])
    return finding(
        case,
        rule,
        f"The host waits for the device in every step ({worst})",
        total,
        where=f"{main_thread(case)}, {worst}{at_line(frames[0])}",
        evidence=[
            *evidence,
            "The device then idles until the host has caught up; counted is that idle time, never "
            "the length of the wait.",
        ],
        ranges=longest(where),
        fix=_fix(worst),
        speedup=gain(case, total, 1.0, "Low: the host is the limit anyway. High: it runs ahead."),
        edit="sync",
    )


def _frame(case: Case, operators: Operators, calls: NDArray[np.int64]) -> str:
    """The user's line behind the calls: of the call itself, or of the operator around it."""
    frame = frame_of(case.trace, calls)
    around = operators.around(calls[:16])
    return frame or frame_of(case.trace, operators.rows[around[around >= 0]])


def _fix(culprit: str) -> Fix:
    if culprit == EXPLICIT:
        return _EXPLICIT_FIX
    if culprit.endswith("(copy to the device)"):
        return _UPLOAD_FIX
    return _MASK_FIX if n.MASK_OPERATOR.search(culprit) else READ_FIX
