"""When the stopping rules in common use would have stopped, to compare with our advice.

Sources: EarlyStopping as PyTorch Lightning and Keras have it (``min_delta`` 0); GL, PQ and UP from
Prechelt 1998, "Early stopping - but when?", with his strips of 5 epochs and usual thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.dynamics.evidence import onto
from core.dynamics.records import LossPair

PATIENCES = (5, 10, 20)
GL_PERCENT = 5.0
PQ_QUOTIENT = 0.75
UP_STRIPS = 3
STRIP = 5
"""Points in one of Prechelt's strips."""


@dataclass(frozen=True, slots=True)
class PeerStop:
    """What one rule would have done.

    Attributes:
        rule: its name, with its parameter.
        step: step of the validation point at which it stops, None when it never does.
        best_step: step of the lowest validation loss it had seen by then.
    """

    rule: str
    step: int | None
    best_step: int | None


def stops(pair: LossPair) -> tuple[PeerStop, ...]:
    """Every rule on one run; a point is one look at the validation loss.

    A non-finite validation loss counts as no improvement. Without any finite one there is
    nothing to stop for: the tuple is empty.
    """
    if pair.val is None or not np.isfinite(pair.val.values).any():
        return ()
    steps = pair.val.steps
    values = np.where(np.isfinite(pair.val.values), pair.val.values, np.inf)
    train = onto(steps, None if pair.train is None else pair.train.finite())
    found: list[tuple[str, int | None]] = [
        (f"EarlyStopping {patience}", patience_stop(values, patience)) for patience in PATIENCES
    ]
    loss = generalisation_loss(values)
    found.append(("Prechelt GL 5", _first(loss > GL_PERCENT)))
    quotient = None if train is None else progress_stop(loss, train)
    found.append(("Prechelt PQ 0.75", quotient))
    found.append(("Prechelt UP 3", strips_stop(values)))
    return tuple(_peer(rule, at, steps, values) for rule, at in found)


def patience_stop(values: NDArray[np.float64], patience: int) -> int | None:
    """Index at which ``patience`` points in a row have not been the lowest yet.

    Args:
        values: float64[n], infinite where the loss was not finite.
    """
    lowest = np.minimum.accumulate(values)
    better = np.concatenate(([True], values[1:] < lowest[:-1]))
    index = np.arange(len(values))
    since = index - np.maximum.accumulate(np.where(better, index, 0))
    return _first(since >= patience)


def generalisation_loss(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Prechelt's GL, in per cent above the lowest so far; relative, so of its absolute value."""
    lowest = np.minimum.accumulate(values)
    floor = np.where(np.isfinite(lowest), np.maximum(np.abs(lowest), 1e-300), 1.0)
    above = np.where(np.isfinite(lowest), values - np.where(np.isfinite(lowest), lowest, 0), 0.0)
    with np.errstate(over="ignore"):
        return 100 * (above / floor)


def progress_stop(loss: NDArray[np.float64], train: NDArray[np.float64]) -> int | None:
    """Index at which GL over the training progress P_5 exceeds 0.75, at the ends of strips.

    Args:
        loss: float64[n], GL.
        train: float64[n], finite training loss at the same points.
    """
    ends = np.arange(STRIP - 1, len(loss), STRIP)
    strips = np.asarray(train)[: len(ends) * STRIP].reshape(-1, STRIP)
    lowest = np.maximum(np.abs(strips.min(axis=1)), 1e-300)
    with np.errstate(over="ignore"):
        progress = 1000 * ((strips - strips.min(axis=1, keepdims=True)).mean(axis=1) / lowest)
        hit = loss[ends] > PQ_QUOTIENT * np.maximum(progress, 1e-9)
    at = _first(hit)
    return None if at is None else int(ends[at])


def strips_stop(values: NDArray[np.float64]) -> int | None:
    """Index at which the ends of strips have been rising UP_STRIPS times in succession."""
    ends = np.arange(STRIP - 1, len(values), STRIP)
    up = values[ends][1:] > values[ends][:-1]
    run = np.convolve(up, np.ones(UP_STRIPS), "valid") if len(up) >= UP_STRIPS else np.empty(0)
    at = _first(run >= UP_STRIPS - 0.5)
    return None if at is None else int(ends[at + UP_STRIPS])


def _first(hit: NDArray[np.bool_]) -> int | None:
    return int(np.argmax(hit)) if hit.any() else None


def _peer(
    rule: str, at: int | None, steps: NDArray[np.int64], values: NDArray[np.float64]
) -> PeerStop:
    seen = values if at is None else values[: at + 1]
    best = int(steps[np.argmin(seen)]) if np.isfinite(seen).any() else None
    return PeerStop(rule, None if at is None else int(steps[at]), best)
