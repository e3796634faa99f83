"""Stop or go on: advice that sees only the past, cheap enough to be asked after every epoch.

The rule: stop once the validation loss has not been lower for a while and its last points lie
above that minimum by more than a relevant amount *and* by more than the noise explains, given that
a minimum is picked from noisy points; or once a loss stays non-finite.

On the 360 development histories it keeps a checkpoint within 1 % of the lowest validation loss of
the whole history in 98.6 % (patience 20: 96.7 %) and takes 76 % of the epochs (patience 20: 83 %).
A false alarm, a stop before a validation loss lower by over 1 %, happened in 1.4 % of the
histories; with 2 % of relative noise added in 4.4 % (patience 20: 9.4 %). ``python -m tests.bench
dynamics`` measures these again. A second fall long after the first (double descent) is not
foreseen: the advice says that nothing is being gained now, not that nothing ever would be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from core.dynamics.evidence import BAND, MEDIAN_VARIANCE, RISE, Z, relative_scale, tail_length
from core.dynamics.records import Curve, LossPair
from core.dynamics.smoothing import noise_level
from core.dynamics.words import percent

PATIENCE = 5
"""Points after the minimum before a stop: below five the noise of a curve cannot be measured."""

WAIT_SHARE = 0.25
"""And a quarter of all points so far: slow runs have long bumps. Any value between 0 and 0.33 gives
the same kept checkpoints on the development curves to within 0.3 %."""

EVERY_POINT = 200
GROWTH = 1.01
"""Beyond 200 points the question is asked anew with every 1 % more points, not with every one."""

NOISE_WINDOW = 1000
"""Points at the end from which the noise is measured."""

LASTING_NONFINITE = 2
"""Points in a row: one NaN may be a single bad batch."""


@dataclass(frozen=True, slots=True)
class StopAdvice:
    """Whether to stop now.

    Attributes:
        stop: the advice.
        reason: one sentence with its evidence.
        best_step: step of the lowest validation loss so far, None without one.
        since_step: step since which the validation loss has been worse than its best by more than
            the optimal band, or a loss non-finite; None while there is no reason to stop.
    """

    stop: bool
    reason: str
    best_step: int | None
    since_step: int | None


def stop_advice(pair: LossPair) -> StopAdvice:
    """Advice at the end of ``pair``, which holds what is known so far."""
    val = None if pair.val is None else pair.val.finite()
    best = None if val is None or not len(val) else int(val.steps[np.argmin(val.values)])
    for label, curve in (("training", pair.train), ("validation", pair.val)):
        if curve is not None and _ends_nonfinite(curve):
            since = int(curve.steps[len(curve) - LASTING_NONFINITE])
            reason = f"The {label} loss is no longer finite."
            return StopAdvice(True, reason, best, since)
    if val is None or not len(val):
        return StopAdvice(False, "There is no validation loss to judge by.", best, None)
    count = _asked(len(val))
    rise = _risen(val.values[:count])
    if rise is None:
        return StopAdvice(
            False, "The validation loss is not clearly above its minimum.", best, None
        )
    lowest = int(np.argmin(val.values[:count]))
    reason = (
        f"The validation loss has not been below that of step {val.steps[lowest]} for "
        f"{count - 1 - lowest} points and now lies {percent(rise)} above it, more than its noise "
        "explains."
    )
    return StopAdvice(True, reason, best, int(val.steps[_left(val.values[:count])]))


def first_stop(pair: LossPair) -> int | None:
    """The first step at which :func:`stop_advice` would have said stop, None: not yet."""
    found = [_first_nonfinite(curve) for curve in (pair.train, pair.val) if curve is not None]
    if pair.val is not None:
        found.append(_first_rise(pair.val.finite()))
    return min((step for step in found if step is not None), default=None)


def _first_rise(val: Curve) -> int | None:
    """First step at which the validation loss (finite points) has risen for certain."""
    values, count = val.values, len(val)
    if count <= PATIENCE:
        return None
    index = np.arange(count)
    lowest = np.minimum.accumulate(values)
    new = np.concatenate(([True], values[1:] < lowest[:-1]))
    waited = index - np.maximum.accumulate(np.where(new, index, 0))
    ready = (waited >= PATIENCE) & (waited >= WAIT_SHARE * (index + 1))
    for length in _lengths(count):
        if ready[length - 1] and _risen(values[:length]) is not None:
            return int(val.steps[length - 1])
    return None


def _risen(values: NDArray[np.float64]) -> float | None:
    """Relative rise above the minimum if it is lasting, relevant and certain, else None.

    The minimum of n noisy points lies below their level by the expected minimum of n normal draws
    (Blom 1958), so a rise is certain where it exceeds that plus Z standard errors of the median
    of the last points.
    """
    count = len(values)
    if count <= PATIENCE:
        return None
    best = int(np.argmin(values))
    waited = count - 1 - best
    if waited < PATIENCE or waited < WAIT_SHARE * count:
        return None
    last = min(tail_length(count), waited)
    lowest = float(values[best])
    drop = float(values[: max(1, count // 10)].max()) - lowest
    scale = relative_scale(lowest, drop)
    rise = float(np.median(values[-last:])) - lowest
    if rise <= RISE * scale:
        return None
    luck = float(ndtri((count - 0.375) / (count + 0.25)))
    limit = luck + Z * float(np.sqrt(MEDIAN_VARIANCE / last))
    return rise / scale if rise > limit * noise_level(values[-NOISE_WINDOW:]) else None


def _left(values: NDArray[np.float64]) -> int:
    """Index at which the last stretch above the optimal band begins."""
    lowest = float(values.min())
    scale = relative_scale(lowest, float(values[: max(1, len(values) // 10)].max()) - lowest)
    inside = np.flatnonzero(values <= lowest + BAND * scale)
    return min(int(inside[-1]) + 1, len(values) - 1)


def _lengths(count: int) -> list[int]:
    """Numbers of points at which the question is asked, up to ``count``."""
    asked = list(range(1, min(count, EVERY_POINT) + 1))
    following = int(EVERY_POINT * GROWTH)
    while following <= count:
        asked.append(following)
        following = int(following * GROWTH)
    return asked


def _asked(count: int) -> int:
    """The largest number of points up to ``count`` at which the question is asked."""
    return _lengths(count)[-1]


def _ends_nonfinite(curve: Curve) -> bool:
    end = curve.values[-LASTING_NONFINITE:]
    return len(end) == LASTING_NONFINITE and not np.isfinite(end).any()


def _first_nonfinite(curve: Curve) -> int | None:
    bad = ~np.isfinite(curve.values)
    both = bad[1:] & bad[:-1]
    return int(curve.steps[int(np.argmax(both)) + 1]) if both.any() else None
