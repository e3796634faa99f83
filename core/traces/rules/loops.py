"""L2, L3, F3: many small operations where one would do."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.calltree import Operators
from core.traces.case import Case
from core.traces.columns import Category
from core.traces.host import loader_mask
from core.traces.intervals import Intervals, overlap, union
from core.traces.records import Finding, Fix
from core.traces.rules.common import (
    NOTE,
    WARNING,
    at_line,
    finding,
    gain,
    longest,
    main_thread,
    percent,
)
from core.traces.stacks import frame_of

LOOP_KERNELS = 20
"""Kernels in one ``Optimizer.step`` from which it must be a loop over parameters: a fused or
foreach optimizer needs a handful."""
SMALL_SHARE = 0.01
"""Filling gradients is worth a word from 1 % of the window (a rule of thumb of this project)."""
REPEATS = 10
"""Times that an indexing pattern repeats before it is a loop (torch's ForLoopIndexingPattern)."""
_LONGEST_BODY, _MOST_SELECTS = 8, 4
"""Operators in one round of a loop, and times that it may index (this project's rules of thumb)."""

_STEP = re.compile(r"^Optimizer\.step")
_ZERO_GRAD = re.compile(r"^Optimizer\.zero_grad|: zero_grad$")
_ZERO = re.compile(r"^aten::(?:zero_|_foreach_zero_)$")
_ZEROS = re.compile(r"^aten::(?:new_)?zeros")
_FUSED = re.compile(r"_foreach_|_fused_|multi_tensor_apply")
_SINGLE_TENSOR = re.compile(r"_single_tensor_")
_SELECT = re.compile(r"^aten::select$")

_OPTIMIZER_FIX = Fix(
    "Let the optimizer update all parameters in a few kernels.",
    "optimizer = torch.optim.AdamW(model.parameters(), fused=True)   # or foreach=True",
)
_ZERO_FIX = Fix(
    "Drop the gradients instead of filling them with zeros.",
    "optimizer.zero_grad(set_to_none=True)   # the default since PyTorch 2.0",
)
_LOOP_FIX = Fix(
    "Index once with a tensor or a slice instead of in a Python loop.",
    "y = x[index] * weight[:, None]   # instead of: for i in index: y[i] = x[i] * weight[i]",
)


def loop_findings(case: Case, operators: Operators) -> list[Finding]:
    """L2, L3 and F3."""
    return _optimizer(case, operators) + _zeroed(case, operators) + _indexing(case, operators)


def _behind(case: Case, operators: Operators, mask: NDArray[np.bool_]) -> Intervals:
    """Where the device idles until work launched inside the masked spans begins, without what has
    another cure; the spans themselves where there is no device."""
    rows = operators.rows[mask]
    spans = union(case.trace.start[rows], case.trace.end[rows])
    if case.pieces is None:
        return spans
    gaps = case.pieces.gaps
    begin = case.trace.start[operators.launched(mask)]
    mine = np.isin(gaps.end, begin)
    late = case.pieces.of("launch-bound", "host-bound", "python-bound", "device-queue")
    return overlap(union(gaps.start[mine], gaps.end[mine]), late)


def _optimizer(case: Case, operators: Operators) -> list[Finding]:
    """L2: the optimizer loops over parameters, and that costs 5 % of the window (10 % of the main
    thread's time where there is no device).

    A loop is known by 20 kernels (operators without a device) a step and no foreach or fused one
    among them, or by torch's own ``_single_tensor_`` frame (OptimizerSingleTensorPattern).
    """
    trace = case.trace
    steps = operators.named(_STEP)
    if not steps.any():
        return []
    inside = operators.nearest(steps) >= 0
    frames = n.matching(trace.names, _SINGLE_TENSOR)[trace.name[trace.of(Category.PYTHON)]]
    kernels = operators.launched(steps)
    kernels = kernels[trace.category[kernels] == Category.KERNEL]
    count = kernels.size if case.device is not None else int((inside & ~steps).sum())
    every = int(steps.sum())
    fused = n.matching(trace.names, _FUSED)
    is_fused = fused[trace.name[operators.rows[inside]]].any() or fused[trace.name[kernels]].any()
    if not frames.any() and (is_fused or count < LOOP_KERNELS * every):
        return []
    cost = _behind(case, operators, steps)
    if cost.measure < (NOTE if case.device is not None else WARNING) * case.total_us:
        return []
    rows = operators.rows[steps]
    spent = union(trace.start[rows], trace.end[rows])
    of_what = "kernels" if case.device is not None else "operators"
    median = float(np.median(trace.duration[kernels])) if kernels.size else 0.0
    small = f", median {median:.1f} µs" if kernels.size else ""
    return [
        finding(
            case,
            "L2",
            "The optimizer updates one parameter after the other",
            cost.measure,
            where=f"{main_thread(case)}, {trace.names[trace.name[rows[0]]]}"
            f"{at_line(frame_of(trace, rows))}",
            evidence=[
                f"{count / every:,.0f} {of_what} in one step of the optimizer{small}.",
                f"The optimizer takes {percent(spent.measure / case.total_us)} of the host's time.",
            ],
            ranges=longest(cost),
            fix=_OPTIMIZER_FIX,
            speedup=gain(case, cost.measure, 0.5, "Low: half is saved. High: all of it."),
            edit="optimizer",
        )
    ]


def _zeroed(case: Case, operators: Operators) -> list[Finding]:
    """L3: ``zero_grad`` fills gradients with zeros (torch's GradNotSetToNonePattern), from 1 %
    of the window: the fills on the device, and its idle time before them."""
    trace = case.trace
    span = operators.nearest(operators.named(_ZERO_GRAD)) >= 0
    called = np.zeros(span.size, bool)
    frames = trace.of(Category.PYTHON)
    frames = frames[n.matching(trace.names, _ZERO_GRAD)[trace.name[frames]]]
    for thread in np.unique(trace.thread[frames]).tolist():
        mine = frames[trace.thread[frames] == thread]
        where = union(trace.start[mine], trace.end[mine])
        called |= where.contains(trace.start[operators.rows]) & (
            trace.thread[operators.rows] == thread
        )
    fills = operators.named(_ZERO) & (span | called)
    fills &= operators.nearest(operators.named(_ZEROS)) < 0
    fills &= operators.nearest(fills, outermost=True) == np.arange(fills.size)
    if not fills.any():
        return []
    work = operators.launched(fills)
    late = _behind(case, operators, fills)
    busy = union(trace.start[work], trace.end[work]) if case.device is not None else union([], [])
    cost = busy.measure + late.measure
    if cost < SMALL_SHARE * case.total_us:
        return []
    rows = operators.rows[fills]
    return [
        finding(
            case,
            "L3",
            "Gradients are filled with zeros instead of dropped",
            cost,
            where=f"{main_thread(case)}, zero_grad{at_line(frame_of(trace, rows))}",
            evidence=[f"{rows.size / case.steps:,.0f} fills a step."],
            ranges=longest(union(np.r_[busy.start, late.start], np.r_[busy.end, late.end])),
            fix=_ZERO_FIX,
            speedup=gain(case, cost, 0.5, "Low: half is saved. High: all of it."),
            level=None if cost >= NOTE * case.total_us else "note",
        )
    ]


def _indexing(case: Case, operators: Operators) -> list[Finding]:
    """F3: a tensor is indexed in a Python loop: ``aten::select`` and the same operators after it
    at least ten times in a row (torch's ForLoopIndexingPattern), from 5 % of the window."""
    rows = operators.rows
    runs = _runs(case, operators)
    if runs is None:
        return []
    start, end, count = runs
    spans = union(start, end)
    cost = spans
    if case.pieces is not None:
        cost = overlap(spans, case.pieces.of("launch-bound", "host-bound", "python-bound"))
    if cost.measure < NOTE * case.total_us:
        return []
    first = rows[np.isin(case.trace.start[rows], start) & operators.named(_SELECT)]
    return [
        finding(
            case,
            "F3",
            "A tensor is indexed in a Python loop",
            cost.measure,
            where=f"{main_thread(case)}, aten::select{at_line(frame_of(case.trace, first))}",
            evidence=[
                f"{start.size} loops of {int(np.median(count))} rounds (median); they take "
                f"{percent(spans.measure / case.total_us)} of the host's time."
            ],
            ranges=longest(cost),
            fix=_LOOP_FIX,
            speedup=gain(case, cost.measure, 0.5, "Low: half is saved. High: all of it."),
        )
    ]


def _runs(
    case: Case, operators: Operators
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]] | None:
    """Start, end (µs) and rounds of every loop over ``aten::select``, outside the DataLoader."""
    trace, rows = case.trace, operators.rows
    inside = operators.nearest(loader_mask(trace)[rows]) >= 0 if rows.size else np.zeros(0, bool)
    use = np.flatnonzero((trace.category[rows] == Category.CPU_OP) & ~inside)
    select = n.matching(trace.names, _SELECT)
    if np.count_nonzero(select[trace.name[rows[use]]]) < REPEATS:
        return None
    # Siblings side by side, in order of start: what torch's pattern walks along.
    parent = operators.nesting.parent[use]
    order = np.lexsort((trace.start[rows[use]], trace.thread[rows[use]], parent))
    use, parent = use[order], parent[order]
    code, thread = trace.name[rows[use]], trace.thread[rows[use]]
    selects = np.flatnonzero(select[code])
    same = _Repeats(np.stack([code, parent, thread]))
    taken = np.zeros(use.size + 1, np.int64)
    found: list[NDArray[np.int64]] = []
    # A round may index more than once, as y[i] = x[i] * w[i] does; the fewest that repeat count.
    for period in range(1, _MOST_SELECTS + 1):
        for phase in range(period):
            loops = _loops(selects[phase::period], same)
            if not loops.size:
                continue
            before = np.r_[0, np.cumsum(np.cumsum(taken[:-1]))]
            loops = loops[:, before[loops[1] + 1] == before[loops[0]]]
            np.add.at(taken, loops[0], 1)
            np.add.at(taken, loops[1] + 1, -1)
            found.append(loops)
    if not found:
        return None
    first, last, rounds = np.concatenate(found, axis=1)
    return trace.start[rows[use[first]]], trace.end[rows[use[last]]], rounds


class _Repeats:
    """How far operators have their namesakes a fixed number of places later.

    Args:
        keys: what two operators must share, one row for each: name, parent, thread.
    """

    def __init__(self, keys: NDArray[np.integer]) -> None:
        self._keys = keys
        self._counts: dict[int, NDArray[np.int64]] = {}
        self.size = keys.shape[1]

    def after(self, width: int) -> NDArray[np.int64]:
        """For each place, how many operators before it have their namesake ``width`` later."""
        if width not in self._counts:
            same = (self._keys[:, width:] == self._keys[:, :-width]).all(axis=0)
            self._counts[width] = np.r_[0, np.cumsum(np.r_[same, np.zeros(width, bool)])]
        return self._counts[width]


def _loops(begins: NDArray[np.int64], same: _Repeats) -> NDArray[np.int64]:
    """First and last operator and number of rounds of every loop, shape (3, n).

    Args:
        begins: operators with which rounds may begin, ascending.
        same: the operators.
    """
    body = np.diff(begins)
    # A round is like the next when each of its operators has its namesake one body later.
    alike = np.zeros(body.size, bool)
    for width in np.unique(body[body <= _LONGEST_BODY]).tolist():
        before = same.after(width)
        at = np.flatnonzero(body == width)
        alike[at] = before[begins[at] + width] - before[begins[at]] == width
    edge = np.r_[True, ~alike[:-1] | (body[1:] != body[:-1])][: alike.size] & alike
    if not edge.any():
        return np.empty((3, 0), np.int64)
    first = begins[:-1][edge]
    rounds = np.bincount(np.cumsum(edge)[alike])[1:] + 1
    last = np.minimum(first + rounds * body[edge], same.size) - 1
    keep = rounds >= REPEATS
    return np.stack([first, last, rounds])[:, keep]
