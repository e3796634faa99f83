"""Whether a live training should stop now, from what it has logged so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.dynamics.diagnose import diagnose
from core.dynamics.records import LossPair, Verdict
from core.dynamics.words import percent


@dataclass(frozen=True, slots=True)
class StopAdvice:
    """The advice after the last point of a history.

    Attributes:
        stop: whether to stop.
        reason: what speaks for that, "" where nothing does. Never that a run will not recover: a
            loss may fall a second time (double descent, grokking, a drop of the learning rate).
        best_step: step of the checkpoint to keep, None where there is none.
        since_step: where the rise or the divergence began, None where there is none.
    """

    stop: bool
    reason: str
    best_step: int | None
    since_step: int | None


def stop_advice(pair: LossPair) -> StopAdvice:
    """Stop once the verdict on the prefix is overfitting or diverged."""
    verdict = diagnose(pair)
    if verdict.verdict not in ("overfitting", "diverged"):
        return StopAdvice(False, "", verdict.best_step, None)
    since = verdict.overfit_step if verdict.verdict == "overfitting" else verdict.best_step
    return StopAdvice(True, _reason(verdict), verdict.best_step, since)


def _reason(verdict: Verdict) -> str:
    val = verdict.pair.val
    if verdict.verdict == "diverged" or val is None or verdict.best_value is None:
        return verdict.summary
    last = float(np.median(val.finite().values[-3:]))
    rise = (last - verdict.best_value) / max(abs(verdict.best_value), 1e-12)
    text = f"validation loss has risen {percent(rise)} since epoch {verdict.best_step}"
    error = verdict.noise * np.sqrt(np.pi / 2 / 3 + 1)
    return f"{text}, {(last - verdict.best_value) / error:.0f} standard errors" if error else text
