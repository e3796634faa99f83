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
        return union(np.clip(self.start, low, high), np.clip(self.end, low, high))


def union(start: ArrayLike, end: ArrayLike) -> Intervals:
    """Union of any intervals (µs, unsorted, overlapping); those with end <= start are dropped."""
    starts = np.asarray(start, np.float64).ravel()
    ends = np.asarray(end, np.float64).ravel()
    keep = ends > starts
    starts, ends = starts[keep], ends[keep]
    if not starts.size:
        return EMPTY
    if (starts[1:] < starts[:-1]).any():
        order = np.argsort(starts, kind="stable")
        starts, ends = starts[order], ends[order]
    reach = np.maximum.accumulate(ends)
    first = np.flatnonzero(np.r_[True, starts[1:] > reach[:-1]])
    last = np.r_[first[1:] - 1, starts.size - 1]
    return _disjoint(starts[first], reach[last])


def subtract(one: Intervals, other: Intervals) -> Intervals:
    """What of ``one`` is not in ``other``."""
    return _combine(one, other, keep_inside_other=False)


def overlap(one: Intervals, other: Intervals) -> Intervals:
    """What is in both."""
    return _combine(one, other, keep_inside_other=True)


def gaps(busy: Intervals, low: float, high: float) -> Intervals:
    """What of [low, high) is not covered by ``busy``."""
    return subtract(union([low], [high]), busy)


def _combine(one: Intervals, other: Intervals, *, keep_inside_other: bool) -> Intervals:
    points = distinct(np.concatenate([one.start, one.end, other.start, other.end]))
    if points.size < 2:
        return EMPTY
    keep = _covered(points, one)[:-1]
    keep &= _covered(points, other)[:-1] == keep_inside_other
    return union(points[:-1][keep], points[1:][keep])


def _covered(points: Floats, where: Intervals) -> NDArray[np.bool_]:
    """Which of the points, ascending, lie inside; all ends of the intervals are among them.

    A boundary is looked up among the points and not each point among the boundaries: there are
    many layers of few intervals each.
    """
    change = np.zeros(points.size, np.int8)
    change[np.searchsorted(points, where.start)] = 1
    change[np.searchsorted(points, where.end)] -= 1
    return np.cumsum(change, dtype=np.int8) > 0


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """The values, ascending, each once.

    By sorting: numpy's own ``unique`` hashes first, which takes 20 times as long on numbers that
    are nearly in order already.
    """
    ordered = np.sort(values, kind="stable")
    return ordered[np.r_[True, ordered[1:] != ordered[:-1]][: ordered.size]]


def _disjoint(start: Floats, end: Floats) -> Intervals:
    return Intervals(start, end, np.concatenate([[0.0], np.cumsum(end - start)]))


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
        owner = np.repeat(np.arange(low.size), count)
        rank = np.arange(owner.size) - np.repeat(np.cumsum(count) - count, count)
        index = first[owner] + rank
        padded = np.r_[-np.inf, self.points, np.inf]
        start = np.maximum(padded[index], low[owner])
        end = np.minimum(padded[index + 1], high[owner])
        return start, end, self.label[index], owner


def paint(layers: list[tuple[int, Intervals]], background: int) -> Partition:
    """Paint layers over each other, the first at the bottom, and return what shows.

    Args:
        layers: (label, where) pairs; a later layer hides an earlier one.
        background: label where no layer lies.
    """
    used = [(label, where) for label, where in layers if len(where)]
    ends = [side for _, where in used for side in (where.start, where.end)]
    points = distinct(np.concatenate(ends)) if ends else np.empty(0)
    label = np.full(points.size + 1, background, np.int64)
    inner = label[1:]
    for code, where in used:
        inner[_covered(points, where)] = code
    change = label[1:] != label[:-1]
    return Partition(points[change], label[np.r_[True, change]])
