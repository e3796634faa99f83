"""One curve as arrays, and what is done to it before it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core import events
from core.series.names import split_of

AXES = ("step", "relative", "wall")
"""Horizontal axes: step; seconds since the curve's first point; seconds since the epoch."""


MAX_POINTS = 1_500
"""Points drawn of one curve: about two for each pixel column of a chart."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The points of one tag of one run, in the order they were written.

    Attributes:
        run: what the run is called on screen.
        folder: of the event file, below the run ("." for the run itself).
        tag: as logged.
        split: train, validation, test or "".
        step: int64[n].
        time: float64[n], wall time in seconds since the epoch (UTC).
        value: float64[n]; NaN and infinities as logged.
    """

    run: str
    folder: str
    tag: str
    split: str
    step: np.ndarray
    time: np.ndarray
    value: np.ndarray

    def take(self, index: np.ndarray) -> Curve:
        """The points of an index or mask."""
        return Curve(
            self.run, self.folder, self.tag, self.split,
            self.step[index], self.time[index], self.value[index],
        )  # fmt: skip


def cut(scalars: pd.DataFrame, run: str) -> list[Curve]:
    """The curves of a Scalars frame (rows sorted by run and tag, in file order within).

    Args:
        scalars: run (folder), tag, step, wall_time (s), value.
        run: what the run is called on screen.
    """
    if scalars.empty:
        return []
    folders, tags = (scalars[name].astype("category").cat for name in ("run", "tag"))
    edges = np.flatnonzero(_changes(folders.codes) | _changes(tags.codes)) + 1
    starts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(scalars)]])
    step = scalars["step"].to_numpy(np.int64)
    time = scalars["wall_time"].to_numpy(np.float64)
    value = scalars["value"].to_numpy(np.float64)
    found = []
    for start, end in zip(starts, ends, strict=True):
        folder = str(folders.categories[folders.codes.iloc[start]])
        tag = str(tags.categories[tags.codes.iloc[start]])
        part = slice(start, end)
        split = split_of(tag, folder)
        found.append(Curve(run, folder, tag, split, step[part], time[part], value[part]))
    return found


def _changes(codes: pd.Series) -> np.ndarray:
    """Where a column differs from its next row: bool[n - 1]."""
    column = codes.to_numpy()
    return column[1:] != column[:-1]


def by_restart(curve: Curve) -> tuple[Curve, list[Curve], np.ndarray]:
    """What a curve finally did, what was superseded, and where it was started again.

    A writer that never gave a step (all steps equal) numbers its points by their order.

    Returns:
        (the points that count, with steps that never fall; the superseded points, one curve for
        each interrupted attempt; int64[restarts], the steps that training went back to).
    """
    steps = curve.step
    if len(steps) > 1 and (steps == steps[0]).all():
        numbered = np.arange(len(steps), dtype=np.int64)
        return _with_steps(curve, numbered), [], np.zeros(0, np.int64)
    back = np.diff(steps) < 0
    if not back.any():
        return curve, [], np.zeros(0, np.int64)
    hidden = events.superseded(pd.DataFrame({"tag": curve.tag, "step": steps}))
    attempt = np.concatenate([[0], np.cumsum(back)])
    lost = [curve.take(hidden & (attempt == n)) for n in np.unique(attempt[hidden])]
    return curve.take(~hidden), lost, steps[1:][back]


def _with_steps(curve: Curve, steps: np.ndarray) -> Curve:
    return Curve(curve.run, curve.folder, curve.tag, curve.split, steps, curve.time, curve.value)


def positions(curve: Curve, axis: str, first_time: float | None = None) -> np.ndarray:
    """Where the points lie on an axis of :data:`AXES`.

    Args:
        curve: whose points.
        axis: one of :data:`AXES`.
        first_time: where relative time begins, s (default: the curve's earliest point).

    Returns:
        float64[n]: steps, or seconds.
    """
    if axis == "step":
        return curve.step.astype(np.float64)
    if axis == "wall" or not len(curve.time):
        return curve.time
    return curve.time - (curve.time.min() if first_time is None else first_time)


def smooth(values: np.ndarray, weight: float) -> np.ndarray:
    """Debiased exponential moving average, as TensorBoard's slider computes it.

    Args:
        values: float64[n]; non-finite values are passed through and do not enter the average.
        weight: 0 (none) to below 1.

    Returns:
        float64[n].
    """
    if weight <= 0 or len(values) < 2:
        return values
    smoothed = values.astype(float).copy()
    finite = np.flatnonzero(np.isfinite(values))
    average = pd.Series(values[finite]).ewm(alpha=1 - weight, adjust=True).mean()
    smoothed[finite] = average.to_numpy()
    return smoothed


def thin(y: np.ndarray, limit: int = MAX_POINTS) -> np.ndarray:
    """The points worth drawing: ends, and minimum and maximum of equal bins.

    Min-max per bin keeps every extreme that a screen could show (M4, Jugel et al. 2014, without
    the bins' ends). Non-finite values are left out: they are drawn as marks.

    Args:
        y: float64[n].
        limit: how many points may be kept; at least 4.

    Returns:
        int64[m], strictly increasing, m <= max(limit, 4).
    """
    finite = np.isfinite(y)
    if not finite.all():
        index = np.flatnonzero(finite)
        return index[thin(y[index], limit)]
    n = len(y)
    if n <= limit:
        return np.arange(n)
    bins = max((limit - 2) // 2, 1)
    width = -(-n // bins)
    whole = n // width
    head = y[: whole * width].reshape(whole, width)
    offset = np.arange(whole) * width
    kept = [np.array([0, n - 1]), head.argmin(axis=1) + offset, head.argmax(axis=1) + offset]
    if whole * width < n:
        tail = y[whole * width :]
        kept.append(np.array([tail.argmin(), tail.argmax()]) + whole * width)
    return np.unique(np.concatenate(kept))


def robust_range(values: np.ndarray) -> tuple[float, float] | None:
    """The range that ignores outliers: the 5th to the 95th percentile, with a margin.

    TensorBoard's scalar charts use the same percentiles.

    Args:
        values: float64[n] of all curves of a chart.

    Returns:
        (low, high) widened by a twentieth; None where there is nothing to span.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    low, high = np.percentile(finite, [5, 95])
    if low == high:
        return None
    margin = (high - low) / 20
    return float(low - margin), float(high + margin)


def outside(values: np.ndarray, limits: tuple[float, float] | None) -> int:
    """How many finite values lie outside of a range."""
    if limits is None:
        return 0
    finite = values[np.isfinite(values)]
    return int(((finite < limits[0]) | (finite > limits[1])).sum())


def value_at(x: np.ndarray, y: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """The latest value at or before each place of a grid.

    Args:
        x: float64[n], never falling.
        y: float64[n].
        grid: float64[m].

    Returns:
        float64[m]; NaN before the first and after the last point.
    """
    if not len(x):
        return np.full(len(grid), np.nan)
    index = np.searchsorted(x, grid, side="right") - 1
    found = y[np.clip(index, 0, None)]
    return np.where((index >= 0) & (grid <= x[-1]), found, np.nan)
