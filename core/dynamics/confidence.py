"""How sure a verdict is: the probability that the figure it hangs on is on its side of the limit.

Every verdict compares an estimate with a limit; under a normal error the probability that the true
value is on the same side is Phi(distance / error). The error is the measured standard error and
what the curve cannot show: the validation set is a sample, the future is extrapolated. A verdict
that hangs on several figures is as sure as all of them together (the product). The bench prints
how often verdicts of each confidence are right.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from core.dynamics.detector import ENOUGH_POINTS, FAILED, GAIN, LITTLE, NOT_LEARNED, STILL
from core.dynamics.evidence import RISE, SAMPLE, Evidence
from core.dynamics.records import VerdictName

GAIN_ERROR = (0.03, 0.5)
"""Error of the extrapolated gain: absolute, and per gain (development histories: 68 % of the real
gains lie within 0.014 of a predicted gain below 2 %, 0.044 at 2 to 5 %, 0.16 at 10 to 20 %)."""

LEVEL_ERROR = 0.10
"""Below which share of its start a loss counts as learned is a convention; this is its width."""

SHORT = 0.5
"""Curves too short to measure the noise start from even odds and gain with every point."""


def confidence(verdict: VerdictName, evidence: Evidence | None, nonfinite: bool) -> float:
    """Between 0 and 1; 0 where the verdict is that nothing can be said.

    Args:
        verdict: what was decided.
        evidence: what it was decided on, None with fewer than two finite validation points.
        nonfinite: a loss ended in NaN or infinity, which leaves no doubt.
    """
    if nonfinite:
        return 1.0
    if evidence is None or verdict in ("noisy", "too-short", "no-validation"):
        return 0.0
    sure = _sure(verdict, evidence)
    points = len(evidence.values)
    if points < ENOUGH_POINTS:
        sure *= SHORT + (1 - SHORT) * points / ENOUGH_POINTS
    return float(np.clip(sure, 0.0, 1.0))


def _sure(verdict: VerdictName, evidence: Evidence) -> float:
    if verdict == "overfitting":
        return _risen(evidence)
    if verdict == "underfitting":
        return max(_improving(evidence), _little(evidence))
    if verdict == "not-learning":
        return _phi(NOT_LEARNED - evidence.learned, SAMPLE)
    if verdict == "diverged":
        if evidence.learned < FAILED:
            return max(_phi(FAILED - evidence.learned, FAILED / 2), _risen(evidence))
        return _risen(evidence) * _phi(evidence.train_change + STILL, SAMPLE)
    return (1 - _risen(evidence)) * (1 - _improving(evidence)) * (1 - _little(evidence))


def _risen(evidence: Evidence) -> float:
    return _phi(evidence.rise - RISE, float(np.hypot(evidence.uncertainty, SAMPLE)))


def _improving(evidence: Evidence) -> float:
    fixed, share = GAIN_ERROR
    error = float(np.hypot(fixed + share * evidence.gain, evidence.uncertainty))
    return _phi(evidence.gain - GAIN, error) * _phi(-evidence.falling_t, 1.0)


def _little(evidence: Evidence) -> float:
    return _phi(evidence.level - LITTLE, LEVEL_ERROR)


def _phi(distance: float, error: float) -> float:
    return float(ndtr(distance / max(error, 1e-12))) if np.isfinite(distance) else 0.5
