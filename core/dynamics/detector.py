"""From evidence to a verdict. Every threshold is named with its source."""

from __future__ import annotations

import numpy as np

from core.dynamics.evidence import RISE, Evidence, Z
from core.dynamics.records import Curve, VerdictName

MIN_POINTS = 4
"""Below this nothing can be said."""

ENOUGH_POINTS = 9
"""From here on the noise can be measured; below, only an evident case gets a verdict."""

EVIDENT_RISE = 0.15
EVIDENT_FALL = 0.10
"""Short curves: relative change over the last points that needs no noise estimate."""

GAIN = 0.05
"""Expected further fall that makes a run undertrained; mirrors RISE."""

LITTLE = 0.87
"""A best loss above 87 % of the starting level means that little was learned (chosen on the
development curves, where optimal runs end below it), if the training loss is high as well."""

NOT_LEARNED = 0.02
STUCK = 0.005
"""Training loss that shed less than 2 % of its start and shows no downward trend is stuck; below
0.5 % of both losses even a trend is only drift (a classifier stuck at chance, ln(classes))."""

FAILED = 0.10
"""Validation loss up although the training loss shed less than 10 % of its start: the model does
not fit too well but not at all."""

STILL = 0.01
MEMORISED = 0.6
"""Overfitting is fitting the training data ever better: the training loss must have fallen by
1 % since the best epoch, or be so low already that there is nothing left to fit."""

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


def decide(evidence: Evidence, has_train: bool) -> VerdictName:
    """The verdict on a run with finite curves and at least MIN_POINTS validation points."""
    if len(evidence.values) < ENOUGH_POINTS:
        return _decide_short(evidence)
    lasting = min(evidence.lasting, len(evidence.values) - evidence.onset)
    established = evidence.rise > RISE and evidence.rise_z > Z and lasting >= LASTING
    if established:
        return _decide_rise(evidence, has_train)
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
    if evidence.train_change > -STILL and evidence.learned < MEMORISED:
        return "noisy"
    return "overfitting"


def _stuck(evidence: Evidence) -> bool:
    if evidence.learned < STUCK and evidence.level > 1 - STUCK:
        return True
    return evidence.learned < NOT_LEARNED and evidence.falling_t > -Z


def _little(evidence: Evidence) -> bool:
    return evidence.level > LITTLE and evidence.learned < MEMORISED


def _decide_short(evidence: Evidence) -> VerdictName:
    values = evidence.values
    best = evidence.raw_best
    if len(values) < MIN_POINTS:
        return "too-short"
    after = values[best:]
    climbing = len(after) > LASTING and bool((np.diff(after) > 0).all())
    if climbing and (after[-1] - after[0]) / evidence.scale > EVIDENT_RISE:
        return "diverged" if evidence.train_rising else "overfitting"
    steady = bool((np.diff(values) < 0).all())
    if steady and (values[-3] - values[-1]) / evidence.scale > EVIDENT_FALL:
        return "underfitting"
    return "too-short"
