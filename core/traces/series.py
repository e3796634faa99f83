"""Spans of one kind in one lane, sorted by start, with what finds the long ones among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK = 64


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A stretch of the columns of :class:`core.traces.lanes.Lanes`.

    Attributes:
        lane: index of its lane.
        kind: code of its kind.
        first, last: its rows are [first, last).
        longest: float64[blocks] µs, the longest duration of every 64 spans.
        latest: float64[blocks] µs, their latest end.
    """

    lane: int
    kind: int
    first: int
    last: int
    longest: NDArray[np.float64]
    latest: NDArray[np.float64]

    def entering(self, end: NDArray[np.float64], row: int, low: float) -> NDArray[np.int64]:
        """Rows before ``row`` that end after ``low`` (µs).

        Args:
            end: the whole column of ends.
            row: first row that starts at or after ``low``.
            low: where a view begins.
        """
        blocks = -(-(row - self.first) // _BLOCK)
        rows = self._rows(np.flatnonzero(self.latest[:blocks] > low), self.first, row)
        return rows[end[rows] > low]

    def lasting(
        self,
        start: NDArray[np.float64],
        end: NDArray[np.float64],
        rows: tuple[int, int],
        least: float,
    ) -> NDArray[np.int64]:
        """Rows of [rows[0], rows[1]) whose spans last at least so many µs.

        Args:
            start, end: the whole columns.
            rows: where to look.
            least: duration in µs.
        """
        low, high = ((row - self.first) for row in rows)
        begin, stop = low // _BLOCK, -(-high // _BLOCK)
        found = begin + np.flatnonzero(self.longest[begin:stop] >= least)
        among = self._rows(found, *rows)
        return among[end[among] - start[among] >= least]

    def _rows(self, blocks: NDArray[np.int64], low: int, high: int) -> NDArray[np.int64]:
        rows = (self.first + blocks[:, None] * _BLOCK + np.arange(_BLOCK)).ravel()
        return rows[(rows >= low) & (rows < high)]


def make_series(
    lane: int, kind: int, first: int, start: NDArray[np.float64], end: NDArray[np.float64]
) -> Series:
    """A series of these spans (µs, sorted by start), which are put at row ``first``."""
    blocks = np.arange(0, start.size, _BLOCK)
    longest = np.maximum.reduceat(end - start, blocks)
    latest = np.maximum.reduceat(end, blocks)
    return Series(lane, kind, first, first + start.size, longest, latest)
