"""Why the device idles: every gap cut into pieces, each with one cause.

A gap ends with an operation; that operation was launched by a host call. What of the gap lies
before the launch is charged to what the launching thread was doing, and where that thread has
nothing recorded (autograd hands over to its own threads) to what the main thread was doing.
The pieces tile the idle time, so the causes add up to it by construction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.columns import Category, Trace, among
from core.traces.intervals import Intervals, gaps, paint, union
from core.traces.labels import CAUSE_KEYS
from core.traces.window import Window, launch_rows

CODE = {key: code for code, key in enumerate(CAUSE_KEYS)}

_LAYERS: tuple[tuple[str, tuple[Category, ...], str], ...] = (
    # From the weakest claim to the strongest: a later layer hides an earlier one.
    ("python", (Category.PYTHON,), "python-bound"),
    ("optimizer", (Category.ANNOTATION,), "host-bound"),
    ("operator", (Category.CPU_OP,), "host-bound"),
    ("other call", (Category.RUNTIME,), "host-bound"),
    ("launch", (Category.RUNTIME,), "launch-bound"),
    ("copy", (Category.RUNTIME,), "copy-wait"),
    ("loader", (Category.ANNOTATION, Category.CPU_OP), "input-wait"),
    ("communication", (Category.ANNOTATION, Category.CPU_OP), "communication"),
    ("allocate", (Category.RUNTIME,), "allocator"),
    ("sync", (Category.RUNTIME,), "host-sync"),
)
_BIT = {kind: np.int16(1 << number) for number, (kind, _, _) in enumerate(_LAYERS)}


@dataclass(frozen=True, slots=True, eq=False)
class IdlePieces:
    """Idle device time in pieces, in time order.

    Attributes:
        start, end: float64 µs.
        cause: int64 codes into ``labels.CAUSE_KEYS``.
        gap: int64, which gap of the device each piece belongs to.
        gaps: the gaps themselves.
        drainer: int64[gaps], row of the synchronising call, or copy call that waited for its own
            copy, that was in progress when the gap began and ended before the next launch; or −1.
    """

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    cause: NDArray[np.int64]
    gap: NDArray[np.int64]
    gaps: Intervals
    drainer: NDArray[np.int64]

    @property
    def drained(self) -> NDArray[np.bool_]:
        """bool[gaps]: which gaps a call of the host had emptied the device before."""
        return self.drainer >= 0

    def by_cause_us(self) -> dict[str, float]:
        """Idle µs of every cause, in the order of the causes; they sum to the idle time."""
        total = np.bincount(self.cause, self.end - self.start, minlength=len(CAUSE_KEYS))
        return dict(zip(CAUSE_KEYS, total.tolist(), strict=True))

    def of(self, *causes: str) -> Intervals:
        """Where the device idles for the given causes."""
        rows = np.flatnonzero(among(self.cause, [CODE[cause] for cause in causes]))
        return union(self.start[rows], self.end[rows])

    def worst(self, *causes: str, count: int = 5) -> tuple[tuple[float, float], ...]:
        """The longest ranges (µs) of the given causes, longest first: the evidence."""
        where = self.of(*causes)
        longest = np.argsort(where.start - where.end, kind="stable")[:count]
        return tuple((float(where.start[i]), float(where.end[i])) for i in longest)


def device_busy(trace: Trace, window: Window, device: int) -> Intervals:
    """When the device runs kernels, copies or fills, inside the window."""
    rows = np.flatnonzero(trace.on_device & (trace.device == device))
    busy = union(trace.start[rows], trace.end[rows])
    return busy.clip(window.start_us, window.end_us)


def idle_pieces(
    trace: Trace, window: Window, device: int, busy: Intervals | None = None
) -> IdlePieces:
    """Attribute the idle time of one device (see the module's docstring)."""
    busy = device_busy(trace, window, device) if busy is None else busy
    idle = gaps(busy, window.start_us, window.end_us)
    launch = next_launches(trace, idle, device)
    call = np.maximum(launch, 0)
    at = np.where(launch >= 0, trace.start[call], np.inf)
    queued = at <= idle.start
    # Host-late part: up to the launch, or the whole gap where no launch is known (the trailing
    # gap, and operations launched before the profile began).
    host_end = np.where(queued, idle.start, np.minimum(at, idle.end))
    thread = np.where(launch >= 0, trace.thread[call], window.main_thread)
    parts = [_host_pieces(trace, window, idle.start, host_end, thread)]
    rest_cause = np.where(queued, CODE["device-queue"], CODE["launch-bound"])
    late = np.flatnonzero(idle.end > host_end)
    parts.append((host_end[late], idle.end[late], rest_cause[late], late))
    start, end, cause, gap = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(start, kind="stable")
    drainer = _drainer(trace, idle, np.minimum(at, idle.end))
    return IdlePieces(start[order], end[order], cause[order], gap[order], idle, drainer)


def next_rows(trace: Trace, idle: Intervals, device: int) -> NDArray[np.int64]:
    """int64[gaps]: row of the device operation that ends each gap, or −1."""
    rows = np.flatnonzero(trace.on_device & (trace.device == device))
    if not rows.size:
        return np.full(len(idle), -1, np.int64)
    at = np.searchsorted(trace.start[rows], idle.end, side="left")
    row = rows[np.minimum(at, rows.size - 1)]
    follows = (at < rows.size) & (trace.start[row] == idle.end)
    return np.where(follows, row, -1)


def next_launches(trace: Trace, idle: Intervals, device: int) -> NDArray[np.int64]:
    """int64[gaps]: row of the call that launched the operation that ends each gap, or −1."""
    row = next_rows(trace, idle, device)
    return np.where(row >= 0, launch_rows(trace)[row], -1)


def _host_pieces(
    trace: Trace,
    window: Window,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    thread: NDArray[np.int64],
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    late = np.flatnonzero(high > low)
    parts = []
    layers = _common_layers(trace, window)
    for code in np.flatnonzero(np.bincount(thread[late])).tolist():
        mine = late[thread[late] == code]
        own = [] if code == window.main_thread else _layers(trace, code, frames=False)
        state = paint([*layers, *own], CODE["unattributed"])
        start, end, cause, owner = state.cut(low[mine], high[mine])
        parts.append((start, end, cause, mine[owner]))
    if not parts:
        empty = np.empty(0)
        return empty, empty, np.empty(0, np.int64), np.empty(0, np.int64)
    start, end, cause, gap = (np.concatenate(column) for column in zip(*parts, strict=True))
    return start, end, cause, gap


Layers = list[tuple[int, Intervals]]
"""Cause codes and where they hold; a later layer hides an earlier one."""


def _common_layers(trace: Trace, window: Window) -> Layers:
    """What holds wherever a launching thread has nothing recorded.

    Order of precedence on each thread: synchronising call, allocator, host communication,
    DataLoader, copy call, launch call, other runtime call, operator, optimizer span, Python,
    nothing. Where the thread has nothing, the main thread's state holds, and where that has
    nothing either, host communication on any thread (gloo works on threads of its own).
    """
    talking = np.flatnonzero(claiming(trace, "communication"))
    anywhere = (CODE["communication"], _spans(trace, talking))
    return [anywhere, *_layers(trace, window.main_thread, frames=True)]


def _layers(trace: Trace, thread: int, *, frames: bool) -> Layers:
    """What one thread does. Python frames of helper threads (a waiting ``_bootstrap``) hide what
    the main one does, so they are left out by ``frames``."""
    claims = claimed(trace)
    rows = np.flatnonzero((trace.thread == thread) & (claims != 0))
    mine = claims[rows]
    return [
        (CODE[cause], _spans(trace, rows[(mine & _BIT[kind]) != 0]))
        for kind, _, cause in _LAYERS
        if frames or kind != "python"
    ]


def claimed(trace: Trace) -> NDArray[np.int16]:
    """int16[rows]: which layers each span belongs to, as bits; by its category and name."""
    return trace.once("claims", lambda: _claims(trace))


def claiming(trace: Trace, kind: str) -> NDArray[np.bool_]:
    """bool[rows]: which spans belong to a layer."""
    return (claimed(trace) & _BIT[kind]) != 0


def _claims(trace: Trace) -> NDArray[np.int16]:
    table = np.zeros((len(Category), len(trace.names)), np.int16)
    for kind, categories, _ in _LAYERS:
        named = _named(trace, kind)
        for category in categories:
            table[category, named] |= _BIT[kind]
    return table[trace.category, trace.name]


def _spans(trace: Trace, rows: NDArray[np.int64]) -> Intervals:
    return union(trace.start[rows], trace.end[rows])


def _named(trace: Trace, kind: str) -> NDArray[np.bool_]:
    pattern = {
        "optimizer": n.OPTIMIZER,
        "launch": n.LAUNCH,
        "copy": n.COPY_CALL,
        "loader": n.LOADER,
        "communication": n.HOST_COLLECTIVE,
        "allocate": n.ALLOCATE,
        "sync": n.SYNC,
    }.get(kind)
    if pattern is None:
        return np.ones(len(trace.names), bool)
    return n.matching(trace.names, pattern)


def blocking_calls(trace: Trace, window: Window | None = None) -> NDArray[np.int64]:
    """Rows of the calls that waited for the device: synchronising ones, and copy calls that
    returned only after their own copy had ended (within 1 µs, the clocks' agreement).

    Args:
        trace: whose calls.
        window: only those that start inside it, where it is given.
    """
    rows = trace.once("blocking", lambda: _blocking_calls(trace))
    if window is None:
        return rows
    first, last = np.searchsorted(rows, window.rows(trace))
    return rows[first:last]


def _blocking_calls(trace: Trace) -> NDArray[np.int64]:
    found = claiming(trace, "sync")
    copies = np.flatnonzero(trace.category == Category.MEMCPY)
    launch = launch_rows(trace)[copies]
    copies, launch = copies[launch >= 0], launch[launch >= 0]
    found[launch[trace.end[launch] >= trace.end[copies] - 1.0]] = True
    return np.flatnonzero(found)


def _drainer(trace: Trace, idle: Intervals, until: NDArray[np.float64]) -> NDArray[np.int64]:
    calls = blocking_calls(trace)
    if not calls.size or not len(idle):
        return np.full(len(idle), -1, np.int64)
    last = np.searchsorted(trace.start[calls], idle.start, side="left") - 1
    call = calls[np.maximum(last, 0)]
    call_end = trace.end[call]
    hit = (last >= 0) & (call_end >= idle.start - 1.0) & (call_end <= until)
    return np.where(hit, call, -1)
