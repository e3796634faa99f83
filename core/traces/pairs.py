"""Spans that a trace writes as a begin and an end (phases B and E) instead of a whole (phase X)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WHOLE, BEGIN, END = 0, 1, 2


def pair_up(
    mark: NDArray[np.int8], thread: NDArray[np.int32], start: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pair each begin with the end that closes it on its thread.

    Ends close the latest open begin, as the trace event format says. A begin that nothing closes
    lasts until the last time stamp of the trace; an end that closes nothing is dropped.

    Args:
        mark: WHOLE, BEGIN or END for each row, rows in the order of the file.
        thread: codes.
        start: time stamps in µs; those of whole spans may be NaN.

    Returns:
        The rows of the begins, and the duration in µs of each.
    """
    rows = np.flatnonzero(mark != WHOLE)
    rows = rows[np.lexsort((start[rows], thread[rows]))]
    begins = mark[rows] == BEGIN
    level = _levels(begins, thread[rows])
    order = np.lexsort((np.arange(rows.size), level, thread[rows]))
    rows, begins, level = rows[order], begins[order], level[order]
    follows = np.zeros(rows.size, bool)
    follows[:-1] = (
        begins[:-1]
        & ~begins[1:]
        & (level[1:] == level[:-1])
        & (thread[rows[1:]] == thread[rows[:-1]])
    )
    last = np.max(start, initial=-np.inf, where=np.isfinite(start))
    end = np.where(follows, start[np.roll(rows, -1)], last)
    return rows[begins], (end - start[rows])[begins]


def _levels(begins: NDArray[np.bool_], thread: NDArray[np.int32]) -> NDArray[np.int64]:
    """int64: depth of each begin, and of the begin that each end closes; −1 for stray ends.

    A stray end makes a new minimum of the running sum; what is above the minimum is open.
    """
    step = np.where(begins, 1, -1)
    total = np.cumsum(step)
    first = np.flatnonzero(np.r_[True, thread[1:] != thread[:-1]][: thread.size])
    count = np.diff(np.r_[first, thread.size])
    total -= np.repeat(total[first] - step[first], count)
    # The running minimum of each thread alone: each is moved below everything of the one before.
    apart = np.repeat(np.arange(first.size) * (2 * thread.size + 2), count)
    lowest = np.minimum(np.minimum.accumulate(total - apart) + apart, 0)
    earlier = np.r_[0, lowest[:-1]][: lowest.size]
    earlier[first] = 0
    level = total - lowest
    return np.where(begins, level - 1, np.where(lowest < earlier, -1, level))
