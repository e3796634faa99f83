"""How many times as fast, and how sure that is, from the times of single steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from core.compare.records import Speedup
from core.traces import Diagnosis

CONFIDENCE = 0.95
RESAMPLES = 20_000
_BLOCK = 2_000_000
"""Values drawn at once: bounds memory."""
APART = 0.1
"""Means and medians that tell speed-ups this far apart are worth a note."""


def step_times_ms(found: Diagnosis) -> NDArray[np.float64]:
    """float64[steps] ms from each step's start to the next one's, the last to the window's end.

    They sum to the window; without steps the window is the only one.
    """
    window = found.window
    start = window.step_start if window.steps else np.array([window.start_us])
    return np.diff(np.append(start, window.end_us)) / 1e3


def speedup(a_ms: ArrayLike, b_ms: ArrayLike) -> Speedup:
    """Ratio of mean step times with a bootstrap interval.

    Means, because throughput is what counts: with workers that are too slow one step in
    ``num_workers`` waits for all of them, which a median does not see. The interval is Hesterberg's
    expanded percentile one ("What Teachers Should Know About the Bootstrap", 2015): the plain one
    is too narrow for the handful of steps that a profile holds.

    Args:
        a_ms, b_ms: times of single steps; not empty, positive.
    """
    a, b = np.asarray(a_ms, np.float64), np.asarray(b_ms, np.float64)
    value = float(a.mean() / b.mean())
    of_medians = float(np.median(a) / np.median(b))
    counts = (a.size, b.size)
    if min(counts) < 2:
        why = "one step each" if counts == (1, 1) else f"one step in {'AB'[int(b.size == 1)]}"
        return Speedup(value, None, None, of_medians, counts, why)
    random = np.random.default_rng(0)
    ratios = _resampled(random, a) / _resampled(random, b)
    tail = _tail(min(counts))
    low, high = np.quantile(ratios, [tail, 1 - tail])
    # Resampled means of equal steps differ from their mean by rounding alone.
    return Speedup(value, min(float(low), value), max(float(high), value), of_medians, counts)


def mean_interval(times_ms: ArrayLike) -> tuple[float, float] | None:
    """95 % interval of the mean step, by the same bootstrap; None for a single step."""
    times = np.asarray(times_ms, np.float64)
    if times.size < 2:
        return None
    means, tail = _resampled(np.random.default_rng(0), times), _tail(times.size)
    low, high = np.quantile(means, [tail, 1 - tail])
    mean = float(times.mean())
    return min(float(low), mean), max(float(high), mean)


def _tail(n: int) -> float:
    """Share of the resampled values to leave out at either end."""
    t = stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1)
    return float(stats.norm.cdf(-np.sqrt(n / (n - 1)) * t))


def _resampled(random: np.random.Generator, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[RESAMPLES]: means of as many values drawn with replacement."""
    means = np.empty(RESAMPLES)
    rows = max(1, _BLOCK // values.size)
    for first in range(0, RESAMPLES, rows):
        count = min(rows, RESAMPLES - first)
        drawn = random.integers(0, values.size, (count, values.size))
        means[first : first + count] = values[drawn].mean(axis=1)
    return means


def uneven(found: Speedup) -> str:
    """A sentence where a few long steps decide; "" otherwise."""
    if abs(found.of_medians / found.value - 1) < APART:
        return ""
    return (
        f"By their middle steps B is {found.of_medians:.2f} times as fast: a few long steps make "
        "the difference. Profile more steps to see whether they belong to it."
    )
