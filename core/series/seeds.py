"""Repetitions of one experiment as one line: the mean over seeds and how far they scatter."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from core.series.names import strip_seed

MAX_PLACES = 1_000
"""Places at which the runs of a group are averaged."""


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """The mean of several curves.

    Attributes:
        x: float64[m], rising.
        mean: float64[m], over the curves that reach this x.
        sd: float64[m], sample standard deviation (n - 1); 0 where only one curve is left.
        n: int64[m], how many curves reach this x.
    """

    x: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    n: np.ndarray


def group_runs(names: Iterable[str], pattern: re.Pattern[str] | None = None) -> dict[str, str]:
    """Run -> experiment; a run that repeats nothing is its own experiment.

    Args:
        names: of the runs.
        pattern: see :func:`core.series.names.strip_seed`.
    """
    return {name: strip_seed(name, pattern) for name in names}


def average(curves: list[tuple[np.ndarray, np.ndarray]]) -> Band:
    """Average curves that need not have the same x.

    Every curve is interpolated linearly between its own points, never beyond them; where one
    ends, the mean goes on with those left, and ``n`` says so. Non-finite points are left out.

    Args:
        curves: (x float64[n], rising; y float64[n]) of each.
    """
    clean = [(x[np.isfinite(y)], y[np.isfinite(y)]) for x, y in curves]
    clean = [(x, y) for x, y in clean if len(x)]
    if not clean:
        empty = np.zeros(0)
        return Band(empty, empty, empty, np.zeros(0, np.int64))
    grid = np.unique(np.concatenate([x for x, _ in clean]))
    if len(grid) > MAX_PLACES:
        grid = grid[np.linspace(0, len(grid) - 1, MAX_PLACES).astype(np.int64)]
    values = np.stack([np.interp(grid, x, y, left=np.nan, right=np.nan) for x, y in clean])
    there = ~np.isnan(values)
    n = there.sum(axis=0)
    grid, values, there, n = grid[n > 0], values[:, n > 0], there[:, n > 0], n[n > 0]
    mean = np.where(there, values, 0.0).sum(axis=0) / n
    squares = np.where(there, (values - mean) ** 2, 0.0).sum(axis=0)
    return Band(grid, mean, np.sqrt(squares / np.maximum(n - 1, 1)), n)
