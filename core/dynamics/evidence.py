"""What a pair of loss curves shows, as numbers; :mod:`core.dynamics.detector` decides on them.

All positions here are indices into the finite validation points; the training curve is brought
onto them, so that training loss logged every step and validation loss once an epoch compare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.dynamics.records import Curve
from core.dynamics.smoothing import MAD_TO_SD, Trend, fall_t, smooth

RISE = 0.05
"""Relative rise of the validation loss above its minimum that counts as overfitting: the 5 %
rule, which alone has macro-F1 .933 on OverfitGuard's 40 real histories, but only .473 of it is
left at 5 % noise; hence Z as a second condition."""

Z = 2.5
"""Standard errors that a rise or fall must exceed (one-sided p of 0.6 %)."""

BAND = 0.02
"""Epochs within 2 % (or Z standard errors) of the minimum count as equally good."""

SAMPLE = 0.02
"""Standard deviation of the measured rise around that of a large clean test set, relative to the
minimum: within 0.028 in 90 % and 0.051 in 95 % of the development histories below a 20 % rise."""

SCALE_FLOOR = 0.10
"""Relative figures refer to the minimum, but at least to a tenth of the total fall, so that
losses near zero, or negative ones, do not turn noise into large percentages."""

MEDIAN_VARIANCE = float(np.pi / 2)  # of a median of n, in units of variance / n


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Measured facts about one run.

    Attributes:
        steps: int64[n] steps of the finite validation points.
        values: float64[n] validation loss there.
        trend: smoothed validation loss.
        best: index of the smoothed minimum.
        raw_best: index of the lowest logged value.
        scale: what 100 % of a relative change means.
        rise, rise_z: how far the last points lie above the minimum: relative, in standard errors.
        lasting: points after the minimum.
        band: half-width, in loss units, within which points count as equally good as the best.
        optimal_from: first index of the equally good stretch around the minimum.
        onset: first index of the last stretch above the band, n when it ends inside.
        gain: relative fall still to be expected over as many points again, 0 if not falling.
        learned: share of the early training (else validation) loss that was shed; NaN unknown.
        falling_t: t statistic of the slope over the last quarter of the validation loss.
        level: minimum as a share of the starting loss (the higher of training and validation).
        left: minimum plus noise as a share of the starting loss: what is left to learn or to swing.
        train_change: relative change of the training loss from the minimum to the end.
        train_since_best: the same between the raw values at the lowest validation loss and at the
            end, for curves too short to be smoothed.
        train_rising: training loss at the end lies significantly above that at the minimum.
        uncertainty: standard error of ``rise``.
        above_start: the last points lie above the first one.
        ratio: the last points over the minimum, 0 where the minimum is not positive.
        gap_ratio: last validation over last training loss, 0 where either is not positive.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    trend: Trend
    best: int
    raw_best: int
    scale: float
    rise: float
    rise_z: float
    lasting: int
    band: float
    optimal_from: int
    onset: int
    gain: float
    learned: float
    falling_t: float
    level: float
    left: float
    train_change: float
    train_since_best: float
    train_rising: bool
    uncertainty: float
    above_start: bool
    ratio: float
    gap_ratio: float


def onto(steps: NDArray[np.int64], train: Curve | None) -> NDArray[np.float64] | None:
    """Training loss at the validation steps: the mean of the points since the previous one.

    Where no training point lies between two validation points, the curve is interpolated.

    Args:
        steps: int64[n], where the validation loss was taken.
        train: finite points of the training loss.

    Returns:
        float64[n], or None with fewer than two training points.
    """
    if train is None or len(train) < 2:
        return None
    right = np.searchsorted(train.steps, steps, side="right")
    left = np.concatenate(([0], right[:-1]))
    sums = np.concatenate(([0.0], np.cumsum(train.values)))
    counts = right - left
    means = (sums[right] - sums[left]) / np.maximum(counts, 1)
    return np.where(counts > 0, means, np.interp(steps, train.steps, train.values))


def gather(val: Curve, train: Curve | None, *, counted: bool = False) -> Evidence:
    """Measure one run.

    Args:
        val: at least 2 finite points.
        train: finite points, or None.
        counted: the values are shares of wrong answers, each a whole number of samples.
    """
    values, count = val.values, len(val)
    trend = smooth(values)
    level = trend.values
    best = int(np.argmin(level))
    tail = tail_length(count)
    early = max(1, count // 10)
    drop = max(float(level[:early].max() - level[best]), 0.0)
    scale = relative_scale(float(level[best]), drop)
    best_error = trend.standard_error(best)
    rise, error = _rise(values, trend, best, tail, best_error)
    if counted and rise > 0:
        error = float(np.hypot(error, np.sqrt(rise * _one_sample(values))))
    band = max(BAND * scale, Z * best_error if trend.smoothed else 0.0)
    outside = np.flatnonzero(level > level[best] + band)
    before = outside[outside < best]
    inside = np.flatnonzero(level <= level[best] + band)
    raw_best = int(np.argmin(values))
    aligned = onto(val.steps, train)
    change, rising, learned = _train(aligned, best, early, tail)
    if aligned is None:
        learned = float(values[0] - level[best]) / max(abs(float(values[0])), 1e-12)
    last = float(level[best]) + rise
    start = max(float(values[0]), float(aligned[0]) if aligned is not None else -np.inf)
    return Evidence(
        steps=val.steps,
        values=values,
        trend=trend,
        best=best,
        raw_best=raw_best,
        scale=scale,
        rise=rise / scale,
        rise_z=rise / error if error > 0 else float(np.sign(rise)) * 1e6,
        lasting=count - 1 - best,
        band=band,
        optimal_from=int(before[-1]) + 1 if len(before) else 0,
        onset=int(inside[-1]) + 1,
        gain=_gain(level, scale),
        learned=learned,
        falling_t=fall_t(values[-max(5, count // 4) :]),
        level=float(level[best]) / start if start > 0 else 0.0,
        left=(abs(float(level[best])) + trend.noise) / start if start > 0 else np.inf,
        train_change=change,
        train_since_best=_since(aligned, raw_best),
        train_rising=rising,
        uncertainty=error / scale,
        above_start=last > float(values[0]),
        ratio=last / float(level[best]) if level[best] > 0 else 0.0,
        gap_ratio=_gap(values, aligned),
    )


def tail_length(count: int) -> int:
    """Points at the end that are compared with the minimum: a tenth, at least 3, at most 15."""
    return int(np.clip(round(0.1 * count), 3, 15))


def relative_scale(minimum: float, drop: float) -> float:
    """What 100 % of a relative change means, in loss units (see SCALE_FLOOR).

    Args:
        minimum: the lowest loss.
        drop: how far the loss has fallen to it from its start.
    """
    if minimum <= 0:
        return max(drop, 1e-12)
    return max(minimum, SCALE_FLOOR * drop, 1e-12)


def _rise(
    values: NDArray[np.float64], trend: Trend, best: int, tail: int, best_error: float
) -> tuple[float, float]:
    """Median of the last points minus the minimum of the trend, and its standard error."""
    count = len(values)
    residual = (values - trend.values)[min(best, count - tail) :]
    noise = trend.noise
    if trend.smoothed:  # a run may grow noisier after its minimum
        noise = max(noise, MAD_TO_SD * float(np.median(np.abs(residual))))
    last = max(1, min(tail, count - best))
    rise = float(np.median(values[-last:]) - trend.values[best])
    return rise, float(np.sqrt(noise**2 * MEDIAN_VARIANCE / last + best_error**2))


def _one_sample(values: NDArray[np.float64]) -> float:
    """What one wrong answer more adds to an error: its smallest step, 0 where there is none.

    Two looks at the same n samples that differ by k answers net differ in k of them or more, so
    the variance of their difference is at least k / n^2 (McNemar 1947), the rise times this.
    Float32 leaves steps of its own, far below those of any validation set.
    """
    steps = np.diff(np.unique(np.round(values / max(float(np.abs(values).max()), 1e-12), 6)))
    return float(steps.min()) * float(np.abs(values).max()) if len(steps) else 0.0


def _gain(level: NDArray[np.float64], scale: float) -> float:
    """Relative fall over as many points again, from two extrapolations of the last stretch.

    Both continue the fall of the last window by the ratio of the two windows before the end: one
    over halves of the last quarter (sees a recent slow-down), one over octaves of the whole run
    (sees the power law that losses follow). Their geometric mean was the better predictor of the
    real further gain on the development curves.
    """
    count = len(level)
    half = max(2, max(5, count // 4) // 2)
    if count < 2 * half + 1:
        return 0.0
    recent = float(level[-1 - half] - level[-1])
    earlier = float(level[-1 - 2 * half] - level[-1 - half])
    ratio = _ratio(recent, earlier, 0.98)
    terms = count / half
    by_windows = max(recent, 0.0) * ratio * (1 - ratio**terms) / (1 - ratio)
    last_half = float(level[count // 2] - level[-1])
    octave_before = float(level[count // 4] - level[count // 2])
    quarter = float(level[-1 - count // 4] - level[-1])
    by_octaves = max(quarter, 0.0) * _ratio(last_half, octave_before, 1.0)
    return float(np.sqrt(by_windows * by_octaves)) / scale


def _ratio(later: float, earlier: float, most: float) -> float:
    if earlier <= 0:
        return most if later > 0 else 0.0
    return float(np.clip(later / earlier, 0.0, most))


def _train(
    train: NDArray[np.float64] | None, best: int, early: int, tail: int
) -> tuple[float, bool, float]:
    """(relative change from the best epoch to the end, rising?, share of early loss shed)."""
    if train is None:
        return float("nan"), False, float("nan")
    trend = smooth(train)
    level = trend.values
    last = float(np.median(train[-max(1, min(tail, len(train) - best)) :]))
    start = float(train[0])  # not the early maximum: a spike is no level to have learned from
    drop = max(float(level[:early].max() - level.min()), 1e-12)
    reference = max(abs(float(level[best])), SCALE_FLOOR * drop, 1e-12)
    risen = last - float(level[best])
    rising = risen > 0.25 * drop + 3 * trend.noise or last > float(level[0]) + 3 * trend.noise
    return risen / reference, bool(rising), (start - last) / max(abs(start), 1e-12)


def _since(train: NDArray[np.float64] | None, best: int) -> float:
    """Relative change of the training loss from one point to the last, NaN without training."""
    if train is None:
        return float("nan")
    drop = float(train[0] - train.min())
    return float(train[-1] - train[best]) / relative_scale(float(train[best]), drop)


def _gap(values: NDArray[np.float64], train: NDArray[np.float64] | None) -> float:
    if train is None or train[-1] <= 0 or values[-1] <= 0:
        return 0.0
    return float(values[-1]) / max(float(train[-1]), 1e-300)
