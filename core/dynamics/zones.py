"""Phases of a run: a list of zones that tiles its steps."""

from __future__ import annotations

import numpy as np

from core.dynamics.detector import NOT_LEARNED
from core.dynamics.evidence import BAND, RISE, SAMPLE, Evidence, Z
from core.dynamics.records import Curve, Phase, VerdictName, Zone
from core.dynamics.smoothing import smooth


def learned(evidence: Evidence, verdict: VerdictName) -> bool:
    """Whether the run ever became better than it began: without that no stretch of it is good.

    A diverged run did where its best loss lies below its start by more than NOT_LEARNED.
    """
    if verdict == "diverged":
        return evidence.level < 1 - NOT_LEARNED
    return verdict != "not-learning"


def bounds(evidence: Evidence, verdict: VerdictName) -> tuple[int, int, int]:
    """(first index of the optimal zone, index of the best point, first index after the zone).

    The best point is the lowest logged loss, as a checkpoint would have it. Only an overfitting
    or diverged run leaves the optimal zone; the best point lies before that by construction.
    """
    count = len(evidence.values)
    if verdict not in ("overfitting", "diverged"):
        return min(evidence.optimal_from, evidence.raw_best), evidence.raw_best, count
    # Overfitting was established over the last points, so at least the last one is in its zone.
    latest = count - 1 if verdict == "overfitting" else count
    after = min(max(evidence.onset, evidence.raw_best + 1), latest)
    best = int(np.argmin(evidence.values[:after]))
    return min(evidence.optimal_from, best), best, after


def best_band(evidence: Evidence, verdict: VerdictName) -> tuple[int, int]:
    """First and last index of the equally good stretch around the best point."""
    start, best, after = bounds(evidence, verdict)
    level = evidence.trend.values
    outside = np.flatnonzero(level > level[evidence.best] + evidence.band)
    beyond = outside[outside > max(best, evidence.best)]
    last = int(beyond[0]) - 1 if len(beyond) else len(level) - 1
    return start, max(best, min(last, after - 1))


def onset_interval(evidence: Evidence) -> tuple[int, int]:
    """Earliest and latest plausible index of the onset in an overfitting run.

    The earliest is where the trend leaves its minimum with Z standard errors in favour of that,
    the latest where it leaves a rise of RISE with as many against it: limits of 2 and of 5 % are
    both in use, and the interval covers both. The error is that of the trend and that of the
    validation set as a sample. On the development histories it holds the true onset in 77 % (74 %
    with 5 % noise) at a median width of 5 epochs; in the others the validation set has its minimum
    elsewhere than the clean test set.
    """
    _, best, onset = bounds(evidence, "overfitting")
    level = evidence.trend.values
    measured = evidence.trend.standard_error(min(onset, len(level) - 1))
    error = Z * float(np.hypot(measured, SAMPLE * evidence.scale))
    above = level - level[evidence.best]
    early = np.flatnonzero(above <= max(evidence.band - error, 0.0))
    late = np.flatnonzero(above <= max(evidence.band, RISE * evidence.scale) + error)
    earliest = max(int(early[-1]) + 1, best + 1)
    latest = min(int(late[-1]) + 1, len(level) - 1)
    return min(earliest, onset), max(latest, onset)


def tile(span: tuple[int, int], starts: list[tuple[Phase, int]]) -> tuple[Zone, ...]:
    """Zones over ``span`` (both ends included) from the first step of each phase.

    The first zone is stretched to the first step of the run, one that would start where the next
    does is left out, and each ends one step before the next begins.
    """
    kept: list[tuple[Phase, int]] = []
    for phase, start in starts:
        if not kept:
            kept.append((phase, span[0]))
        elif start <= kept[-1][1]:
            kept[-1] = (phase, kept[-1][1])
        elif phase != kept[-1][0]:
            kept.append((phase, start))
    ends = [start - 1 for _, start in kept[1:]] + [span[1]]
    return tuple(Zone(phase, start, end) for (phase, start), end in zip(kept, ends, strict=True))


def zones_of(evidence: Evidence, verdict: VerdictName, span: tuple[int, int]) -> tuple[Zone, ...]:
    """The phases of a run with validation loss.

    A run that only improves, or never did, is underfitting throughout. A diverged one goes back to
    underfitting, since it then fits the training data no better than at its start; where that
    begins is ``Verdict.diverged_step``.
    """
    if verdict == "underfitting" or not learned(evidence, verdict):
        return tile(span, [("underfitting", span[0])])
    start, _, after = bounds(evidence, verdict)
    steps = evidence.steps
    marks: list[tuple[Phase, int]] = []
    if start > 0:
        marks.append(("underfitting", span[0]))
    marks.append(("optimal", int(steps[start])))
    if after < len(steps):
        last: Phase = "overfitting" if verdict == "overfitting" else "underfitting"
        marks.append((last, int(steps[after])))
    return tile(span, marks)


def zones_without_validation(train: Curve | None, span: tuple[int, int]) -> tuple[Zone, ...]:
    """Underfitting until the training loss comes within the band of its minimum, then optimal.

    Without validation loss overfitting cannot be seen, so it is never claimed.
    """
    if train is None or len(train) < 3:
        return tile(span, [("underfitting", span[0])])
    level = smooth(train.values).values
    scale = max(abs(float(level.min())), 0.1 * float(np.ptp(level)), 1e-12)
    settled = int(np.argmax(level <= level.min() + BAND * scale))
    return tile(span, [("underfitting", span[0]), ("optimal", int(train.steps[settled]))])
