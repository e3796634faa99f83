"""A trace as lanes of coloured spans: what the timeline shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.case import Case, make_case
from core.traces.columns import Category, Trace
from core.traces.host import loader_mask
from core.traces.labels import ACTIVITIES, CAUSE_KEYS, HOST_ACTIVITIES
from core.traces.nesting import nest
from core.traces.series import Series, make_series

MAX_THREADS, MAX_STREAMS, OPERATOR_DEPTH = 3, 4, 2

STEP_TITLE = "Step"
_OWN = {
    "step": (STEP_TITLE, "#5B7B9A"),
    "step-odd": (STEP_TITLE, "#8AA4BD"),
    "kernel": ("Kernel", "#0072B2"),
    "collective": ("Communication kernel", "#009E73"),
    "copy": ("Copy", "#56B4E9"),
    "fill": ("Fill", "#A6C8DD"),
    "operator": ("Operator", "#4C8CBF"),
    "backward-operator": ("Autograd operator", "#7B8FD4"),
    "loader": ("DataLoader", "#D55E00"),
    "optimizer-span": ("Optimizer", "#8FBC5A"),
    "annotation": ("Annotation", "#B59A7A"),
    "launch-call": ("Launch call", "#B2182B"),
    "copy-call": ("Copy call", "#E69F00"),
    "sync-call": ("Synchronising call", "#CC79A7"),
    "allocator-call": ("Allocator call", "#8C510A"),
    "call": ("Other runtime call", "#A9B4BD"),
}

COLOURS: dict[str, tuple[str, str]] = {
    **_OWN,
    **{key: (label.title, label.colour) for key, label in ACTIVITIES.items()},
}
"""Kind of span -> (words, hex): kinds of the timeline, and every activity of the breakdown."""

KINDS: tuple[str, ...] = tuple(COLOURS)
_CODE = {kind: code for code, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True, eq=False)
class Lanes:
    """Spans to draw, in series: all spans of one kind in one lane, sorted by start.

    What a view needs is looked up in a series without touching its spans: how many begin before a
    moment by bisection, how long they last together by a running sum, and the few long ones by
    the longest of each block.

    Attributes:
        labels: text of every lane, from the top.
        emphasis: which lanes are drawn taller (idle time, activity).
        series: what is where in the columns.
        start, end: float64 µs.
        name: int32 index into ``names``.
        before: float64[n + 1], µs of all spans before each one, over the whole column.
        names: what the tooltip says.
        low, high: extent in µs.
    """

    labels: tuple[str, ...]
    emphasis: tuple[bool, ...]
    series: tuple[Series, ...]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    name: NDArray[np.int32]
    before: NDArray[np.float64]
    names: tuple[str, ...]
    low: float
    high: float


class _Builder:
    """Collects lanes from the top down."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.labels: list[str] = []
        self.emphasis: list[bool] = []
        self.series: list[Series] = []
        self.parts: list[tuple[NDArray, NDArray, NDArray]] = []
        self.count = 0
        self.names = list(trace.names)

    def add(
        self,
        label: str,
        start: NDArray[np.float64],
        end: NDArray[np.float64],
        kind: NDArray[np.int64],
        name: NDArray[np.int64] | NDArray[np.int32],
        *,
        emphasis: bool = False,
    ) -> None:
        if not start.size:
            return
        order = np.arange(start.size)
        if (np.diff(start) < 0).any():
            order = np.argsort(start, kind="stable")
        for code in np.flatnonzero(np.bincount(kind)).tolist():
            rows = order[kind[order] == code]
            begin, stop = start[rows], np.maximum(end[rows], start[rows])
            self.series.append(make_series(len(self.labels), code, self.count, begin, stop))
            self.parts.append((begin, stop, name[rows].astype(np.int32)))
            self.count += rows.size
        self.labels.append(label)
        self.emphasis.append(emphasis)

    def add_rows(self, label: str, rows: NDArray[np.int64], kind: NDArray[np.int64]) -> None:
        trace = self.trace
        self.add(label, trace.start[rows], trace.end[rows], kind, trace.name[rows])

    def add_words(
        self,
        label: str,
        start: NDArray[np.float64],
        end: NDArray[np.float64],
        keys: tuple[str, ...],
        code: NDArray[np.int64],
    ) -> None:
        """Spans that are no rows of the trace: each is called as its activity."""
        offset = len(self.names)
        self.names += [ACTIVITIES[key].title for key in keys]
        kinds = np.array([_CODE[key] for key in keys])
        self.add(label, start, end, kinds[code], offset + code, emphasis=True)

    def lanes(self, low: float, high: float) -> Lanes:
        start, end, name = (np.concatenate(column) for column in zip(*self.parts, strict=True))
        return Lanes(
            tuple(self.labels),
            tuple(self.emphasis),
            tuple(self.series),
            start,
            end,
            name,
            np.concatenate([[0.0], np.cumsum(end - start)]),
            tuple(self.names),
            low,
            high,
        )


def build_lanes(trace: Trace, case: Case | None = None) -> Lanes:
    """Lanes of a trace: steps; per device its idle time by cause and its streams; host threads.

    Args:
        trace: a loaded trace.
        case: its facts where they are at hand; gathered anew otherwise.

    Raises:
        Unreadable: the trace spans no time.
    """
    case = case or make_case(trace)
    builder = _Builder(trace)
    _add_steps(builder, case)
    if case.device is None:
        _add_activity(builder, case)
    for device in trace.device_ids:
        _add_device(builder, case if device == case.device else make_case(trace, device), device)
    for thread in _busiest_threads(case):
        _add_thread(builder, case, thread)
    return builder.lanes(case.window.start_us, case.window.end_us)


def _add_steps(builder: _Builder, case: Case) -> None:
    window = case.window
    offset = len(builder.names)
    builder.names += [f"Step {number}" for number in window.step_number]
    count = np.arange(window.steps)
    kinds = np.where(count % 2 == 0, _CODE["step"], _CODE["step-odd"])
    builder.add("Steps", window.step_start, window.step_end, kinds, offset + count)


def _add_activity(builder: _Builder, case: Case) -> None:
    if case.activity is None:
        return
    low, high = np.array([case.window.start_us]), np.array([case.window.end_us])
    start, end, code, _ = case.activity.cut(low, high)
    builder.add_words("Main thread by activity", start, end, HOST_ACTIVITIES, code)


def _add_device(builder: _Builder, case: Case, device: int) -> None:
    trace, pieces = case.trace, case.pieces
    if pieces is not None:
        label = f"GPU {device} idle, by cause"
        builder.add_words(label, pieces.start, pieces.end, CAUSE_KEYS, pieces.cause)
    rows = np.flatnonzero(trace.on_device & (trace.device == device))
    kind = np.array([_CODE["kernel"], _CODE["copy"], _CODE["fill"]])[trace.category[rows]]
    talks = n.matching(trace.names, n.COLLECTIVE)[trace.name[rows]]
    kind = np.where(talks & (trace.category[rows] == Category.KERNEL), _CODE["collective"], kind)
    streams, counts = np.unique(trace.stream[rows], return_counts=True)
    for stream in np.sort(streams[np.argsort(-counts)[:MAX_STREAMS]]):
        mine = trace.stream[rows] == stream
        builder.add_rows(f"GPU {device} stream {stream}", rows[mine], kind[mine])


def _busiest_threads(case: Case) -> list[int]:
    """The main thread, then the others by number of operators and calls."""
    rows = case.rows(Category.CPU_OP, Category.RUNTIME)
    counts = np.bincount(case.trace.thread[rows], minlength=1)
    counts[min(case.window.main_thread, counts.size - 1)] = 0
    others = np.argsort(-counts, kind="stable")[: MAX_THREADS - 1]
    return [case.window.main_thread, *(int(code) for code in others if counts[code])]


def _add_thread(builder: _Builder, case: Case, thread: int) -> None:
    trace = case.trace
    is_main = thread == case.window.main_thread
    who = "Main" if is_main else f"Thread {trace.threads[thread].thread}"
    mine = trace.thread == thread
    steps = n.matching(trace.names, n.STEP)[trace.name]
    noted = np.flatnonzero(mine & (trace.category == Category.ANNOTATION) & ~steps)
    builder.add_rows(f"{who}: spans", noted, _annotation_kinds(trace, noted))
    nesting = nest(trace, np.flatnonzero(mine & (trace.category == Category.CPU_OP)))
    back = n.matching(trace.names, n.BACKWARD)
    for depth in range(OPERATOR_DEPTH):
        rows = nesting.rows[nesting.depth == depth]
        kinds = np.where(back[trace.name[rows]], _CODE["backward-operator"], _CODE["operator"])
        builder.add_rows(f"{who}: inner operators" if depth else f"{who}: operators", rows, kinds)
    calls = np.flatnonzero(mine & (trace.category == Category.RUNTIME))
    builder.add_rows(f"{who}: runtime calls", calls, _call_kinds(trace, calls))


def _annotation_kinds(trace: Trace, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    kind = np.full(rows.size, _CODE["annotation"])
    kind[n.matching(trace.names, n.OPTIMIZER)[trace.name[rows]]] = _CODE["optimizer-span"]
    kind[n.matching(trace.names, n.HOST_COLLECTIVE)[trace.name[rows]]] = _CODE["collective"]
    kind[loader_mask(trace)[rows]] = _CODE["loader"]
    return kind


def _call_kinds(trace: Trace, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    kind = np.full(rows.size, _CODE["call"])
    for pattern, key in (
        (n.LAUNCH, "launch-call"),
        (n.COPY_CALL, "copy-call"),
        (n.ALLOCATE, "allocator-call"),
        (n.SYNC, "sync-call"),
    ):
        kind[n.matching(trace.names, pattern)[trace.name[rows]]] = _CODE[key]
    return kind
