"""Verdicts as a page tells them: in hindsight, by need for attention, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.dynamics.diagnose import diagnose
from core.dynamics.records import Curve, LossPair, Verdict, VerdictName
from core.dynamics.smoothing import smooth

Level = Literal["low", "medium", "high"]

NEED: tuple[VerdictName, ...] = (
    "diverged",
    "not-learning",
    "overfitting",
    "noisy",
    "underfitting",
    "optimal",
    "too-short",
    "no-validation",
)
"""Verdicts by need for attention, the most urgent first."""

CANNOT_TELL: frozenset[str] = frozenset({"noisy", "too-short", "no-validation"})
"""Verdicts that say that nothing can be said: there is no confidence in them to show."""

SURE, LIKELY = 0.9, 0.7
"""Confidence from which on a verdict is called sure, or likely."""

NO_NOISE, QUIET, RESTLESS = 1e-4, 0.01, 0.05
"""Noise as a share of the best loss: below these it is none, hardly any, some; above it is much.
The last is the rise that counts as overfitting, which such noise hides from epoch to epoch."""


@dataclass(frozen=True, slots=True)
class Hindsight:
    """What a verdict at an earlier step would have said, without the curves behind it."""

    verdict: VerdictName
    summary: str
    confidence: float
    stop: bool


def hindsight(pair: LossPair, step: int) -> Hindsight:
    """The verdict as it would have been known at ``step``."""
    then = diagnose(pair, at=step)
    stop = then.stop_step is not None and then.stop_step <= step
    return Hindsight(then.verdict, then.summary, then.confidence, stop)


def need(verdict: str) -> int:
    """Rank of a verdict by need for attention, 0 the most urgent; an unknown word comes last."""
    return NEED.index(verdict) if verdict in NEED else len(NEED)  # pyright: ignore[reportArgumentType]


def confidence_level(verdict: str, confidence: float) -> Level | None:
    """How sure a verdict is; None for one that tells nothing, or that came without confidence."""
    if verdict in CANNOT_TELL or not confidence > 0:
        return None
    return "high" if confidence >= SURE else "medium" if confidence >= LIKELY else "low"


def noise_level(verdict: Verdict) -> Level | None:
    """How much the validation loss swings from point to point; None where it does not, or where
    that is not known.
    """
    if verdict.best_value is None or not verdict.noise > 0:
        return None
    share = verdict.noise / max(abs(verdict.best_value), 1e-12)
    if share < NO_NOISE:
        return None
    return "low" if share < QUIET else "medium" if share < RESTLESS else "high"


def trend_of(curve: Curve) -> Curve:
    """The trend that the detector sees in a curve, at its finite points."""
    finite = curve.finite()
    return Curve(finite.steps, smooth(finite.values).values) if len(finite) else finite
