"""From evidence to a verdict. Every threshold is named with its source."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.dynamics.evidence import RISE, Evidence, Z
from core.dynamics.records import Curve, VerdictName
from core.dynamics.smoothing import smooth

MIN_POINTS = 2
"""Below this nothing can be said."""

WIDE_GAP = 2.0
"""Two points: validation loss must also be twice the training loss. Without that 9 of 12 rises at
the second epoch of a development history went away; with it none of 101 did (histories as they
are and thinned to every 2nd, 5th and 10th epoch)."""

TWICE_FROM = 5
"""With five points or more the rise must be seen at two of them: a live run has its next point
soon. It costs nothing on the development histories, thinned ones included; without it a real
training of digits was called overfitting at its sixth epoch, with its best still to come."""

FALLING_POINTS = 4
"""A fall is seen in four points, not in fewer."""

ENOUGH_POINTS = 9
"""From here on the noise can be measured; below, only an evident case gets a verdict."""

EVIDENT_RISE = 0.10
EVIDENT_FALL = 0.10
"""Short curves: relative change to the last point that needs no noise estimate."""

FITTED = 0.05
"""Short curves: training loss that must have been shed meanwhile. With EVIDENT_RISE this names
54 to 57 of 64 overfitting histories thinned to 3 to 8 points, with no false alarm."""

GAIN = 0.05
"""Expected further fall that makes a run undertrained; mirrors RISE."""

LITTLE = 0.83
"""A best loss above 83 % of the starting level means that little was learned (the middle of the
plateau of the development scores, 75 to 90 %; beyond that they fall), if the training loss is high
as well."""

LITTLE_TRAIN = 0.6
"""Training loss that shed more than 60 % has learned, whatever its validation loss says."""

NOT_LEARNED = 0.02
STUCK = 0.005
"""Training loss that shed less than 2 % of its start and shows no downward trend is stuck; below
0.5 % of both losses even a trend is only drift (a classifier stuck at chance, ln(classes))."""

FAILED = 0.10
"""Validation loss up although the training loss shed less than 10 % of its start: the model does
not fit too well but not at all."""

STILL = 0.01
MEMORISED = 0.9
"""Overfitting is fitting the training data ever better: the training loss must have fallen by
1 % since the best epoch, or have shed 90 %, with nothing left to fit."""

BLOWN = 2.0
"""Validation loss above its start and at twice its minimum (TheDeepChecker's divergence), unless
the training loss is clearly better for it (by FAILED since the best epoch)."""

ABOVE_START = 0.05
"""Training loss that ends 5 % above its start has diverged, whatever the validation loss does."""

NOISY = 0.08
"""A standard error of the final rise beyond 8 %: a rise twice as large as RISE would go unseen."""

CONVERGED = 0.05
"""Best loss and noise together below 5 % of the start: what little is left may swing by its own
size, which is no reason to call a run that has learned nearly everything unclear. Proposed here;
no curve of the development set changes its verdict by it."""

LASTING = 3
"""Points above the band of the best before a rise counts: one epoch proves nothing."""

MOSTLY_NONFINITE = 0.2
"""Share of non-finite points above which a run counts as diverged even if the last is finite."""


def nonfinite(curve: Curve | None) -> bool:
    """Whether a curve ends in NaN or infinity, or mostly consists of it."""
    if curve is None or not len(curve):
        return False
    bad = ~np.isfinite(curve.values)
    return bool(bad[-1] or bad.mean() > MOSTLY_NONFINITE)


def lost_at(curve: Curve | None) -> int | None:
    """Index from which a curve is lost to NaN or infinity, None where it is not.

    That is the last stretch of them where a curve ends so; single ones before it were got over.
    """
    if curve is None or not nonfinite(curve):
        return None
    bad = ~np.isfinite(curve.values)
    good = np.flatnonzero(~bad)
    last = int(good[-1]) + 1 if len(good) else 0
    got_over = 0 < last < len(bad) and bad[:last].mean() <= MOSTLY_NONFINITE
    return last if got_over else int(np.argmax(bad))


def above_start(train: Curve) -> int | None:
    """First step of the last stretch in which the training loss lies above its start by
    ABOVE_START, None where it does not end so.

    Args:
        train: finite points.
    """
    level = smooth(train.values).values
    start = float(train.values[0])
    below = np.flatnonzero(level <= start + ABOVE_START * abs(start))
    first = int(below[-1]) + 1 if len(below) else 0
    return int(train.steps[first]) if first < len(train) else None


def decide(evidence: Evidence, has_train: bool) -> VerdictName:
    """The verdict on a run with finite curves and at least MIN_POINTS validation points."""
    if len(evidence.values) < ENOUGH_POINTS:
        return _decide_short(evidence, has_train)
    lasting = min(evidence.lasting, len(evidence.values) - evidence.onset)
    established = evidence.rise > RISE and evidence.rise_z > Z and lasting >= LASTING
    if established:
        return _decide_rise(evidence, has_train)
    if has_train and evidence.learned < -ABOVE_START:
        return "diverged"
    if _stuck(evidence):
        return "not-learning"
    falling = evidence.falling_t < -Z
    if falling and evidence.gain > GAIN:
        return "underfitting"
    if _little(evidence):
        return "underfitting"
    noisy = evidence.uncertainty > NOISY and evidence.trend.noise / evidence.scale > NOISY
    return "noisy" if noisy and evidence.left > CONVERGED else "optimal"


def _decide_rise(evidence: Evidence, has_train: bool) -> VerdictName:
    """Validation loss rose for certain; what the training loss did tells what that means."""
    if not has_train:
        return "overfitting"
    if evidence.learned < FAILED or (evidence.train_rising and evidence.rise > 2 * RISE):
        return "diverged"
    if evidence.above_start and evidence.ratio > BLOWN and evidence.train_change > -FAILED:
        return "diverged"
    if evidence.train_change > -STILL and evidence.learned < MEMORISED:
        return "diverged"
    return "overfitting"


def _stuck(evidence: Evidence) -> bool:
    if evidence.learned < STUCK and evidence.level > 1 - STUCK:
        return True
    return evidence.learned < NOT_LEARNED and evidence.falling_t > -Z


def _little(evidence: Evidence) -> bool:
    return evidence.level > LITTLE and evidence.learned < LITTLE_TRAIN


def _decide_short(evidence: Evidence, has_train: bool) -> VerdictName:
    """Only what is evident without a measure of the noise."""
    values, best = evidence.values, evidence.raw_best
    rise = float(values[-1] - values[best])
    if rise / evidence.scale > EVIDENT_RISE and rise > _against(values, best):
        if not has_train:
            climbing = len(values) - best > LASTING and bool((np.diff(values[best:]) > 0).all())
            return "overfitting" if climbing else "too-short"
        if evidence.train_since_best < -FITTED:
            wide = len(values) > MIN_POINTS or evidence.gap_ratio >= WIDE_GAP
            twice = len(values) < TWICE_FROM or len(values) - 1 - best >= 2
            return "overfitting" if wide and twice else "too-short"
        both = evidence.train_since_best > -STILL and len(values) > MIN_POINTS
        return "diverged" if both else "too-short"
    steady = len(values) >= FALLING_POINTS and bool((np.diff(values) < 0).all())
    if steady and (values[-3] - values[-1]) / evidence.scale > EVIDENT_FALL:
        return "underfitting"
    return "too-short"


def _against(values: NDArray[np.float64], best: int) -> float:
    """The largest move against a fall to the minimum and a climb after it, in loss units."""
    before = np.diff(values[: best + 1])
    after = -np.diff(values[best:])
    return max(0.0, *before, *after)
