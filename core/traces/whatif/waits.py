"""Calls in which the host waits for the device, and what each of them waits for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.case import Case
from core.traces.columns import Category, Trace
from core.traces.idle import blocking_calls
from core.traces.whatif.device import AGREE_US, DeviceWork

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CALL_US = 5.0
"""What such a call takes by itself when there is nothing left to wait for."""
QUEUE_DEPTH = 512
"""Launch calls block while about a thousand launches are pending; half of that counts as deep."""
SLOW_LAUNCH_US = 200.0
"""A launch call this long over a deep queue was blocked by it (usual are 3 to 12 µs)."""


class Kind(IntEnum):
    """Why a call waits, and with it which edit lets it go on."""

    SYNC = 0
    UPLOAD = 1
    FREE = 2
    QUEUE = 3


@dataclass(frozen=True, slots=True, eq=False)
class Waits:
    """Waiting calls, sorted by end; all arrays share their index.

    Attributes:
        start, end: float64 µs.
        kind: int64 codes of :class:`Kind`.
        target: int64, index into :class:`DeviceWork` of what must end first.
        tail: float64 µs from that end to the call's end.
        own: float64 µs the call takes at least.
    """

    start: Floats
    end: Floats
    kind: Ints
    target: Ints
    tail: Floats
    own: Floats

    def __len__(self) -> int:
        return int(self.start.size)


def find_waits(case: Case, work: DeviceWork, threads: Ints, uploads: NDArray[np.bool_]) -> Waits:
    """The waits of the given threads inside the window; ``uploads`` marks pageable copy calls."""
    trace = case.trace
    call, kind = _candidates(case, work, uploads)
    keep = np.isin(trace.thread[call], threads)
    call, kind = call[keep], kind[keep]
    end = np.minimum(trace.end[call], case.window.end_us)
    target = _targets(trace, work, call, end, kind)
    # Nobody waits for what is launched later: clocks that disagree, or a damaged trace.
    known = target >= 0
    known[known] = work.launch[target[known]] < end[known]
    keep = np.flatnonzero(known)[np.argsort(end[known], kind="stable")]
    start, end, kind, target = trace.start[call[keep]], end[keep], kind[keep], target[keep]
    reached = work.end[target]
    waited = reached > start
    tail = np.where(waited, end - reached, np.minimum(end - reached, AGREE_US))
    short = np.minimum(end - start, CALL_US)
    own = np.where(kind == Kind.FREE, np.clip(tail, 0, end - start), short)
    return Waits(start, end, kind, target, tail, np.where(waited, own, end - start))


def _candidates(case: Case, work: DeviceWork, uploads: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Rows of the calls that may have waited, with their kind."""
    trace = case.trace
    calls = case.rows(Category.RUNTIME)
    blocking = blocking_calls(trace, case.window)
    frees = case.named(calls, n.FREE_SYNC)
    queued = _queued(case, work, calls)
    rows = np.concatenate([blocking, frees, queued])
    kind = np.repeat([Kind.SYNC, Kind.FREE, Kind.QUEUE], [blocking.size, frees.size, queued.size])
    kind[: blocking.size][uploads[blocking]] = Kind.UPLOAD
    return rows, kind.astype(np.int64)


def _queued(case: Case, work: DeviceWork, calls: Ints) -> Ints:
    """Launch calls that were blocked because the device's queue was full."""
    trace = case.trace
    slow = case.named(calls, n.LAUNCH)
    slow = slow[trace.duration[slow] > SLOW_LAUNCH_US]
    if not slow.size:
        return slow
    at = trace.start[slow]
    launched = np.searchsorted(np.sort(work.launch), at, side="right")
    started = np.searchsorted(np.sort(work.start), at, side="right")
    return slow[launched - started >= QUEUE_DEPTH]


def _targets(trace: Trace, work: DeviceWork, call: Ints, end: Floats, kind: Ints) -> Ints:
    """What each call waits for: its own copy; else the last operation that its thread launched
    before it, if that had ended by then; else the last that ended before the call did."""
    if not len(work):
        return np.full(call.size, -1, np.int64)
    start = trace.start[call]
    by_end = np.argsort(work.end, kind="stable")
    at = np.searchsorted(work.end[by_end], end + AGREE_US, side="right") - 1
    latest = by_end[np.maximum(at, 0)]
    target = np.where((at >= 0) & (work.end[latest] > start), latest, -1)
    last = _last_launched(trace, work, call)
    usable = (last >= 0) & (work.end[last] <= end + AGREE_US) & (kind != Kind.QUEUE)
    fresh = usable & ((work.end[last] > start) | (target < 0))
    target = np.where(fresh, last, target)
    # A blocked launch waits for others than the kernel it launches.
    own = np.where(kind == Kind.QUEUE, -1, _own_copy(work, call))
    return np.where(own >= 0, own, target)


def _last_launched(trace: Trace, work: DeviceWork, call: Ints) -> Ints:
    """Index of the last operation that the call's own thread launched before it, or −1."""
    found = np.full(call.size, -1, np.int64)
    launched = np.flatnonzero(work.call >= 0)
    thread = trace.thread[work.call[launched]]
    for code in np.unique(trace.thread[call]):
        mine = launched[thread == code]
        mine = mine[np.lexsort((work.end[mine], work.launch[mine]))]
        asks = np.flatnonzero(trace.thread[call] == code)
        at = np.searchsorted(work.launch[mine], trace.start[call[asks]], side="left") - 1
        if mine.size:
            found[asks] = np.where(at >= 0, mine[np.maximum(at, 0)], -1)
    return found


def _own_copy(work: DeviceWork, call: Ints) -> Ints:
    """Index of the operation that the call itself launched, or −1."""
    if not call.size:
        return call
    order = np.argsort(work.call, kind="stable")
    at = np.searchsorted(work.call[order], call, side="right") - 1
    hit = (at >= 0) & (work.call[order[np.maximum(at, 0)]] == call)
    return np.where(hit, order[np.maximum(at, 0)], -1)
