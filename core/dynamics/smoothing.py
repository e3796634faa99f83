"""Noise level and trend of a logged curve, robust to spikes and to steps in the learning rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

# 1 / Phi^-1(3/4): turns a median absolute deviation into a standard deviation.
MAD_TO_SD = 1.4826
_SECOND_DIFFERENCE_NORM = np.sqrt(6.0)  # (1, -2, 1) has squared norm 6
_HUBER = 2.5
# Points at the start that the trend misses by more than this many standard deviations belong to a
# steep fall; smoothed as strongly as the plateau after it, it would vanish.
_STEEP = 5.0
_STEEP_PENALTY = 0.01
# The smoother may not average over more than a 16th of the curve (its bandwidth grows with
# lambda^(1/4)), else a minimum early in a long run would be smoothed away.
_BANDWIDTH_SHARE = 16.0
_LARGEST_LOG_LAMBDA = 5.0
_SMALLEST_LOG_LAMBDA = -1.0


@dataclass(frozen=True, slots=True, eq=False)
class Trend:
    """A smoothed curve.

    Attributes:
        values: float64[n], the trend at every point.
        noise: standard deviation of one point around the trend.
        penalty: float64[n - 2], the smoother's lambda at each second difference; empty where the
            curve was left as it is.
        weights: float64[n] in (0, 1], how much each point counted.
    """

    values: NDArray[np.float64]
    noise: float
    penalty: NDArray[np.float64]
    weights: NDArray[np.float64]

    @property
    def smoothed(self) -> bool:
        """Whether the trend differs from the logged values at all."""
        return len(self.penalty) > 0

    def standard_error(self, index: int) -> float:
        """Standard error of the trend at one point, from its row of the hat matrix."""
        if not self.smoothed:
            return self.noise
        unit = np.zeros(len(self.values))
        unit[index] = 1.0
        row = _solve(unit, self.penalty, self.weights) * self.weights
        return self.noise * float(np.sqrt(row @ row))


def noise_level(values: NDArray[np.float64]) -> float:
    """Standard deviation of the noise, from the MAD of second differences.

    Second differences remove any locally straight trend, and the median ignores the few that
    span a drop of the learning rate (Rousseeuw & Croux 1993 for the MAD). 0 below 5 points.
    """
    if len(values) < 5:
        return 0.0
    second = np.diff(values, 2)
    deviation = float(np.median(np.abs(second - np.median(second))))
    return MAD_TO_SD * deviation / float(_SECOND_DIFFERENCE_NORM)


def smooth(values: NDArray[np.float64]) -> Trend:
    """Whittaker smoother with Huber weights, as smooth as the measured noise allows.

    Eilers 2003, "A perfect smoother"; the penalty is the largest whose residuals do not exceed
    the noise (Morozov's discrepancy principle). It works on the order of the points: losses are
    logged at regular steps, and on a warped axis it stays a smoother.

    Args:
        values: float64[n], finite.
    """
    count = len(values)
    noise = noise_level(values)
    weights = np.ones(count)
    if count < 5 or noise <= 1e-9 * max(float(np.ptp(values)), 1e-300):
        return Trend(values.copy(), noise, np.empty(0), weights)
    strength = _strength(values, noise)
    if strength == 0:
        return Trend(values.copy(), noise, np.empty(0), weights)
    penalty = np.full(count - 2, strength)
    trend = _solve(values, penalty, weights)
    steep = _steep(values - trend, noise)
    penalty[:steep] = min(_STEEP_PENALTY, strength)
    trend = _solve(values, penalty, weights)
    for _ in range(2):
        residual = np.abs(values - trend)
        weights = 1 / np.maximum(1.0, residual / (_HUBER * noise))
        weights[:steep] = 1.0
        trend = _solve(weights * values, penalty, weights)
    return Trend(trend, noise, penalty, weights)


def _strength(values: NDArray[np.float64], noise: float) -> float:
    """The largest penalty whose residuals do not exceed the noise, 0 if there is none."""
    ones = np.ones(len(values))
    top = min(_LARGEST_LOG_LAMBDA, 4 * np.log10(max(len(values) / _BANDWIDTH_SHARE, 1e-9)))
    for exponent in np.arange(top, _SMALLEST_LOG_LAMBDA - 0.01, -0.5):
        trend = _solve(values, np.full(len(values) - 2, 10.0**exponent), ones)
        if MAD_TO_SD * float(np.median(np.abs(values - trend))) <= noise:
            return float(10.0**exponent)
    return 0.0


def _steep(residual: NDArray[np.float64], noise: float) -> int:
    """Points before the trend first fits three points in a row.

    0 where that is not within the first eighth: then it is no steep start but a restless curve.
    """
    fits = np.abs(residual) <= _STEEP * noise
    three = fits[:-2] & fits[1:-1] & fits[2:]
    end = int(np.argmax(three)) if three.any() else len(residual)
    return end if end <= len(residual) // 8 else 0


def _solve(
    right: NDArray[np.float64], penalty: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Solve (W + D' diag(penalty) D) x = right, D the second difference, in O(n)."""
    count = len(right)
    difference = (1.0, -2.0, 1.0)
    bands = np.zeros((3, count))
    bands[2] = weights
    for i, first in enumerate(difference):
        for j in range(i, 3):
            bands[2 - (j - i), j : count - 2 + j] += penalty * first * difference[j]
    return solveh_banded(bands, right)


def fall_t(values: NDArray[np.float64]) -> float:
    """t statistic of the least-squares slope; negative for a falling curve, 0 below 3 points."""
    count = len(values)
    if count < 3:
        return 0.0
    x = np.arange(count) - (count - 1) / 2
    slope = float(x @ values) / float(x @ x)
    residual = values - values.mean() - slope * x
    error = float(np.sqrt((residual @ residual) / (count - 2) / (x @ x)))
    if error <= 1e-12 * abs(slope):
        return float(np.sign(slope) * 1e6)
    return slope / error
