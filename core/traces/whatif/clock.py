"""The host's clock: what the training threads do at any moment, and how fast an edit lets it pass.

Threads of one training process take turns (the main thread hands backward to autograd's and
waits), so that one clock for all of them orders their calls. An edit gives every kind of activity
a rate: 1 as observed, 0 removed. The new time of a moment is the integral of the rates up to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.case import Case
from core.traces.columns import Category, among
from core.traces.host import epoch_edges
from core.traces.idle import claiming
from core.traces.intervals import Intervals, union

Floats = NDArray[np.float64]


class Doing(IntEnum):
    """What the host does, from the weakest claim to the strongest (as in ``core.traces.idle``)."""

    PYTHON = 0
    TALKING_ELSEWHERE = 1
    OPERATOR = 2
    OTHER_CALL = 3
    LAUNCH = 4
    COPY = 5
    LOADER = 6
    TALKING = 7
    ALLOCATE = 8
    SYNC = 9


class Place(IntEnum):
    """Where it does it; edits may be confined to a place."""

    OPTIMIZER = 10
    UPLOAD = 11
    EPOCH_EDGE = 12


_BITS = 13
_KINDS = len(Doing)


def _strongest() -> NDArray[np.int64]:
    masks = np.arange(1 << _BITS) & ((1 << _KINDS) - 1)
    return np.where(masks > 1, np.floor(np.log2(np.maximum(masks, 1))), 0).astype(np.int64)


STRONGEST = _strongest()
"""int64[masks]: the :class:`Doing` that a set of open spans amounts to."""


MASKS = np.arange(1 << _BITS)
"""Every set of open spans."""


@cache
def doing(*kinds: Doing) -> NDArray[np.bool_]:
    """bool[masks], read-only: sets of open spans that amount to one of these activities."""
    found = among(STRONGEST, kinds)
    found.flags.writeable = False
    return found


def inside(place: Place) -> NDArray[np.bool_]:
    """bool[masks]: sets of open spans that lie in a place."""
    return (MASKS >> int(place)) & 1 == 1


@dataclass(frozen=True, slots=True, eq=False)
class HostClock:
    """Observed moments and what was open between them.

    Attributes:
        points: float64[n] µs, ascending; the first is the start of the window.
        mask: int16[n], bits of :class:`Doing` and :class:`Place`; ``mask[i]`` holds from
            ``points[i]`` to the next.
        length: float64[n - 1] µs, from each point to the next.
    """

    points: Floats
    mask: NDArray[np.int16]
    length: Floats

    def index(self, times: Floats) -> NDArray[np.int32]:
        """int32: the piece that each of ``times`` (µs, not before the window) lies in."""
        return np.maximum(np.searchsorted(self.points, times, side="right") - 1, 0).astype(np.int32)

    def warp(self, table: Floats, times: Floats, index: NDArray[np.int32]) -> Floats:
        """New time (µs after the window's start) of ``times``, whose pieces are ``index``."""
        rate = table[self.mask]
        new = np.zeros(self.points.size)
        np.cumsum(self.length * rate[:-1], out=new[1:])
        return new[index] + (times - self.points[index]) * rate[index]


def host_clock(case: Case, threads: NDArray[np.int64]) -> HostClock:
    """The clock of the given threads (codes), inside the window."""
    low, high = case.window.start_us, case.window.end_us
    times, bits = [np.array([low])], [np.zeros(1, np.int16)]
    for bit, where in _layers(case, threads):
        clipped = where.clip(low, high)
        for side in (clipped.start, clipped.end):
            times.append(side)
            bits.append(np.full(side.size, 1 << bit, np.int16))
    time, bit = np.concatenate(times), np.concatenate(bits)
    order = np.argsort(time, kind="stable")
    # The intervals of a layer are disjoint: every boundary turns its bit over.
    time, mask = time[order], np.bitwise_xor.accumulate(bit[order])
    last = np.flatnonzero(np.r_[time[1:] != time[:-1], True])  # of those at one moment
    time = time[last]
    return HostClock(time, mask[last], np.diff(time))


def _layers(case: Case, threads: NDArray[np.int64]) -> list[tuple[int, Intervals]]:
    trace, main = case.trace, case.trace.thread == case.window.main_thread
    known = np.zeros(len(trace.threads), bool)
    known[threads] = True
    mine = known[trace.thread]
    operator = trace.category == Category.CPU_OP
    noted = operator | (trace.category == Category.ANNOTATION)
    optimizer = n.matching(trace.names, n.OPTIMIZER)[trace.name]

    def called(kind: str) -> NDArray[np.bool_]:
        return claiming(trace, kind) & mine

    talks, copies = claiming(trace, "communication"), called("copy")
    masks = (
        (Doing.TALKING_ELSEWHERE, talks & ~main),
        (Doing.OPERATOR, operator & (mine if case.device is not None else True)),
        (Doing.OTHER_CALL, called("other call")),
        (Doing.LAUNCH, called("launch")),
        (Doing.COPY, copies),
        (Doing.LOADER, claiming(trace, "loader") & main),
        (Doing.TALKING, talks & main),
        (Doing.ALLOCATE, called("allocate")),
        (Doing.SYNC, called("sync")),
        (Place.OPTIMIZER, noted & main & optimizer),
        (Place.UPLOAD, uploads(case, copies)),
    )
    layers: list[tuple[int, Intervals]] = []
    for bit, mask in masks:
        rows = np.flatnonzero(mask)
        layers.append((int(bit), union(trace.start[rows], trace.end[rows])))
    return [*layers, (int(Place.EPOCH_EDGE), epoch_edges(trace, case.window))]


def uploads(case: Case, copies: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool[rows]: copy calls whose copy comes from pageable host memory."""
    trace = case.trace
    found = np.zeros(len(trace), bool)
    moved = case.named(case.device_rows(Category.MEMCPY), n.PAGEABLE_UPLOAD)
    if moved.size:
        found[copies] = np.isin(trace.correlation[copies], trace.correlation[moved])
    return found
