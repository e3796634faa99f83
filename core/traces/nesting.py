"""Which span encloses which, on every thread, without a loop over spans."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.traces.columns import Trace
from core.traces.numbers import narrowed


@dataclass(frozen=True, slots=True, eq=False)
class Nesting:
    """Spans of one or more threads as a forest.

    Attributes:
        rows: int64[n], rows of the trace, by thread and then start.
        depth: int64[n], 0 for outermost spans.
        parent: int64[n], index into ``rows`` of the enclosing span, −1 for outermost ones.
        first: thread code -> first index of that thread in ``rows``.
        levels: for each depth from 1 on, the indices of its spans and those of their parents.
    """

    rows: NDArray[np.int64]
    depth: NDArray[np.int64]
    parent: NDArray[np.int64]
    first: dict[int, int]
    levels: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]

    def self_us(self, trace: Trace) -> NDArray[np.float64]:
        """float64[n] µs: duration less that of the direct children, never negative."""
        duration = trace.duration[self.rows]
        child = self.parent >= 0
        inner = np.bincount(self.parent[child], duration[child], minlength=self.rows.size)
        return np.maximum(duration - inner, 0.0)

    def enclosing(
        self, trace: Trace, thread: NDArray[np.int32], at: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """int64: index into ``rows`` of the innermost span around each ``at`` (µs), or −1."""
        found = np.full(at.size, -1, np.int64)
        starts, ends = trace.start[self.rows], trace.end[self.rows]
        threads = trace.thread[self.rows]
        for code, low in self.first.items():
            mine = np.flatnonzero(thread == code)
            high = low + int(np.count_nonzero(threads == code))
            found[mine] = low + np.searchsorted(starts[low:high], at[mine], side="right") - 1
            found[mine[found[mine] < low]] = -1
        while True:
            left = np.flatnonzero((found >= 0) & (ends[np.maximum(found, 0)] <= at))
            if not left.size:
                return found
            found[left] = self.parent[found[left]]


def nest(trace: Trace, rows: NDArray[np.int64]) -> Nesting:
    """Nest the given rows (time order) within each thread.

    The profiler's host spans are properly nested: a span that starts inside another ends there.
    Depth is then the number of spans begun minus the number ended before a span starts.
    """
    thread = trace.thread[rows]
    rows = rows[np.argsort(narrowed(thread, len(trace.threads)), kind="stable")]
    count = np.bincount(thread, minlength=1)
    codes = np.flatnonzero(count)
    count = count[codes]
    first = np.cumsum(count) - count
    depth = np.empty(rows.size, np.int64)
    parent = np.full(rows.size, -1, np.int64)
    for low, size in zip(first.tolist(), count.tolist(), strict=True):
        mine = slice(low, low + size)
        depth[mine] = _depth(trace.start[rows[mine]], trace.end[rows[mine]])
        parent[mine] = _parents(depth[mine], low)
    begins = dict(zip(codes.tolist(), first.tolist(), strict=True))
    return Nesting(rows, depth, parent, begins, _levels(depth, parent))


def _levels(
    depth: NDArray[np.int64], parent: NDArray[np.int64]
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]:
    below = np.flatnonzero(parent >= 0)
    levels = int(depth.max(initial=0)) + 1
    below = below[np.argsort(narrowed(depth[below], levels), kind="stable")]
    edges = np.searchsorted(depth[below], np.arange(1, levels + 1))
    parts = [below[low:high] for low, high in pairwise(edges.tolist())]
    return tuple((part, parent[part]) for part in parts)


def _depth(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.int64]:
    """Spans without length end where they start, so they count as ended only after it."""
    closing = np.sort(np.maximum(end, np.nextafter(start, np.inf)))
    depth = np.arange(start.size) - np.searchsorted(closing, start, side="right")
    return np.maximum(depth, 0)


def _parents(depth: NDArray[np.int64], offset: int) -> NDArray[np.int64]:
    """The last span one level up that began before; level by level, as levels are few."""
    parent = np.full(depth.size, -1, np.int64)
    above = np.flatnonzero(depth == 0)
    for level in range(1, int(depth.max(initial=0)) + 1):
        here = np.flatnonzero(depth == level)
        at = np.searchsorted(above, here) - 1
        known = at >= 0
        parent[here[known]] = above[at[known]] + offset
        if here.size:
            above = here
    return parent
