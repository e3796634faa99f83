"""Short spans as cells of a lane and a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.traces.series import Series


class Rectangles(NamedTuple):
    """Columns of :class:`core.traces.timeline.TimelineView`."""

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    lane: NDArray[np.int64]
    kind: NDArray[np.int64]
    share: NDArray[np.float64]
    count: NDArray[np.int64]
    name: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Short spans summed by lane and pixel: int or float [lanes, pixels].

    Attributes:
        count: spans.
        busy: µs of all kinds.
        most: µs of the kind that fills most; −1 in empty cells.
        kind: that kind.
    """

    count: NDArray[np.int64]
    busy: NDArray[np.float64]
    most: NDArray[np.float64]
    kind: NDArray[np.int64]

    @classmethod
    def empty(cls, lanes: int, pixels: int) -> Cells:
        """No spans yet."""
        shape = (lanes, pixels)
        zeros = np.zeros(shape, np.int64)
        return cls(zeros, np.zeros(shape), np.full(shape, -1.0), zeros.copy())

    def add(self, series: Series, count: NDArray[np.int64], busy: NDArray[np.float64]) -> None:
        """Add the spans (count and µs, each a pixel) of one kind in one lane."""
        lane = series.lane
        self.count[lane] += count
        self.busy[lane] += busy
        more = (count > 0) & (busy > self.most[lane])
        self.most[lane, more] = busy[more]
        self.kind[lane, more] = series.kind

    def joined(self, low: float, pixel: float) -> Rectangles:
        """One rectangle for neighbours of one kind and like share."""
        lane, column = np.nonzero(self.count)
        kind, count = self.kind[lane, column], self.count[lane, column]
        share = np.clip(self.busy[lane, column] / pixel, 1 / 255, 1.0)
        level = np.ceil(8 * share)
        joins = (np.diff(column) == 1) & (np.diff(lane) == 0)
        joins &= (np.diff(kind) == 0) & (np.diff(level) == 0)
        head = np.flatnonzero(np.r_[True, ~joins][: lane.size])
        tail = np.r_[head[1:], lane.size] - 1
        if not head.size:
            head = tail = np.empty(0, np.int64)
        return Rectangles(
            np.asarray(low + column[head] * pixel, np.float64),
            np.asarray(low + (column[tail] + 1) * pixel, np.float64),
            lane[head],
            kind[head],
            _sum(share, head) / (tail - head + 1),
            _sum(count, head),
            np.full(head.size, -1, np.int32),
        )


def _sum(values: NDArray[Any], head: NDArray[np.int64]) -> NDArray[Any]:
    return np.add.reduceat(values, head) if head.size else values
