"""Algebra of half-open time intervals [start, end) in µs, vectorised.

Every figure of the diagnosis is a measure of such a set, so that parts which are disjoint by
construction add up to the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Sorted, disjoint, non-empty intervals; touching ones are merged.

    Attributes:
        start: float64[n] in µs, ascending.
        end: float64[n] in µs, each greater than its start, each smaller than the next start.
        before: float64[n + 1], measure of the intervals before each one; the last is the total.
    """

    start: Floats
    end: Floats
    before: Floats

    def __len__(self) -> int:
        return int(self.start.size)

    @property
    def measure(self) -> float:
        """Total length in µs."""
        return float(self.before[-1])

    def contains(self, times: ArrayLike) -> NDArray[np.bool_]:
        """Which of ``times`` (µs, any shape) lie inside an interval."""
        at = np.asarray(times, np.float64)
        if not len(self):
            return np.zeros(at.shape, bool)
        index = np.searchsorted(self.start, at, side="right") - 1
        return (index >= 0) & (at < self.end[np.maximum(index, 0)])

    def up_to(self, times: ArrayLike) -> Floats:
        """Measure in µs of the part before each of ``times`` (µs, any shape)."""
        at = np.asarray(times, np.float64)
        if not len(self):
            return np.zeros(at.shape)
        index = np.searchsorted(self.start, at, side="right") - 1
        safe = np.maximum(index, 0)
        inside = np.minimum(at, self.end[safe]) - self.start[safe]
        return np.where(index < 0, 0.0, self.before[safe] + inside)

    def within(self, low: ArrayLike, high: ArrayLike) -> Floats:
        """Measure in µs of the part inside each [low, high); 0 where high <= low."""
        return np.maximum(self.up_to(high) - self.up_to(low), 0.0)

    def clip(self, low: float, high: float) -> Intervals:
        """The part inside [low, high)."""
        first = int(np.searchsorted(self.end, low, side="right"))
        last = int(np.searchsorted(self.start, high, side="left"))
        if not low < high or last <= first:
            return EMPTY
        start, end = self.start[first:last].copy(), self.end[first:last].copy()
        start[0], end[-1] = max(start[0], low), min(end[-1], high)
        return _disjoint(start, end)


def union(start: ArrayLike, end: ArrayLike) -> Intervals:
    """Union of any intervals (µs, unsorted, overlapping); those with end <= start are dropped."""
    starts = np.asarray(start, np.float64).ravel()
    ends = np.asarray(end, np.float64).ravel()
    keep = ends > starts
    if not keep.all():
        starts, ends = starts[keep], ends[keep]
    if not starts.size:
        return EMPTY
    if (starts[1:] < starts[:-1]).any():
        order = np.argsort(starts, kind="stable")
        starts, ends = starts[order], ends[order]
    reach = np.maximum.accumulate(ends)
    begins = np.flatnonzero(starts[1:] > reach[:-1])
    return _disjoint(
        np.concatenate([starts[:1], starts[begins + 1]]),
        np.concatenate([reach[begins], reach[-1:]]),
    )


def subtract(one: Intervals, other: Intervals) -> Intervals:
    """What of ``one`` is not in ``other``."""
    if not len(one) or not len(other):
        return one
    start = np.concatenate([[-np.inf], other.end])
    end = np.concatenate([other.start, [np.inf]])
    return _common(one.start, one.end, start, end)


def overlap(one: Intervals, other: Intervals) -> Intervals:
    """What is in both."""
    return _common(one.start, one.end, other.start, other.end)


def gaps(busy: Intervals, low: float, high: float) -> Intervals:
    """What of [low, high) is not covered by ``busy``."""
    return subtract(union([low], [high]), busy)


def _common(start: Floats, end: Floats, starts: Floats, ends: Floats) -> Intervals:
    """What two sets of sorted, disjoint intervals have in common.

    The fewer intervals are looked up among the more, each with all that it meets: most often one
    set is small. What two intervals share touches no other such piece, for neither set has
    intervals that touch.
    """
    if start.size > starts.size:
        start, end, starts, ends = starts, ends, start, end
    first = np.searchsorted(ends, start, side="right")
    count = np.searchsorted(starts, end, side="left") - first
    mine, index = _spread(first, count)
    return _disjoint(np.maximum(start[mine], starts[index]), np.minimum(end[mine], ends[index]))


def _spread(
    first: NDArray[np.int64], count: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Owner and number of all members of the ranges ``first`` to ``first + count``."""
    before = np.cumsum(count) - count
    owner = np.repeat(np.arange(count.size), count)
    return owner, np.arange(owner.size) + np.repeat(first - before, count)


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """The values, ascending, each once.

    By sorting: numpy's own ``unique`` hashes first, which takes 20 times as long on numbers that
    are nearly in order already.
    """
    ordered = np.sort(values, kind="stable")
    return ordered[np.r_[True, ordered[1:] != ordered[:-1]][: ordered.size]]


def _disjoint(start: Floats, end: Floats) -> Intervals:
    before = np.zeros(start.size + 1)
    np.cumsum(end - start, out=before[1:])
    return Intervals(start, end, before)


EMPTY = _disjoint(np.empty(0), np.empty(0))


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """A whole time axis cut into labelled pieces: what a thread was doing at any moment.

    Attributes:
        points: float64[n], ascending boundaries in µs.
        label: int[n + 1]; ``label[i]`` holds from ``points[i - 1]`` to ``points[i]``.
    """

    points: Floats
    label: NDArray[np.int64]

    def cut(self, low: Floats, high: Floats) -> tuple[Floats, Floats, NDArray[np.int64], NDArray]:
        """Cut each [low, high) at the boundaries inside it.

        Returns:
            start, end (µs), label, and the index of the interval each piece came from; the pieces
            of an interval tile it exactly, in order.
        """
        first = np.searchsorted(self.points, low, side="right")
        last = np.searchsorted(self.points, high, side="left")
        count = last - first + 1
        owner, index = _spread(first, count)
        padded = np.r_[-np.inf, self.points, np.inf]
        start = np.maximum(padded[index], low[owner])
        end = np.minimum(padded[index + 1], high[owner])
        return start, end, self.label[index], owner


def paint(layers: list[tuple[int, Intervals]], background: int) -> Partition:
    """Paint layers over each other, the first at the bottom, and return what shows.

    Args:
        layers: (label, where) pairs, at most 50; a later layer hides an earlier one.
        background: label where no layer lies.
    """
    used = [(label, where) for label, where in layers if len(where)]
    ends = [side for _, where in used for side in (where.start, where.end)]
    points = distinct(np.concatenate(ends)) if ends else np.empty(0)
    # A bit for each layer that lies at a point; every boundary of a layer turns its bit over.
    turned = np.zeros(points.size + 1, np.int64)
    for number, (_, where) in enumerate(used):
        for side in (where.start, where.end):
            turned[1:][np.searchsorted(points, side)] ^= 1 << number
    _, topmost = np.frexp(np.bitwise_xor.accumulate(turned).astype(np.float64))
    label = np.array([background, *(code for code, _ in used)], np.int64)[topmost]
    change = label[1:] != label[:-1]
    return Partition(points[change], label[np.r_[True, change]])
