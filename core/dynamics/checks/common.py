"""What the checks share: the finite points, the latest level, accuracies, swings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.dynamics.evidence import onto
from core.dynamics.records import Curve, LossPair
from core.dynamics.smoothing import MAD_TO_SD

WINDOW = 5


def finite(curve: Curve | None) -> NDArray[np.float64]:
    """The finite values of a curve, none for None."""
    return np.empty(0) if curve is None else curve.finite().values


def latest(curve: Curve | None, count: int = 3) -> float | None:
    """Median of the last ``count`` finite values."""
    values = finite(curve)
    return float(np.median(values[-count:])) if len(values) else None


def accuracy(pair: LossPair, split: str) -> Curve | None:
    """The accuracy of a split as a share of 1, where one was logged.

    A metric called accuracy whose values lie outside 0 to 100 is none.
    """
    curve = pair.signals.get(f"{split}_accuracy")
    values = finite(curve)
    if curve is None or not len(values) or values.min() < 0 or values.max() > 100:
        return None
    return Curve(curve.steps, curve.values / (100 if values.max() > 1 else 1))


def last_losses(pair: LossPair, train: Curve | None = None) -> tuple[float, float] | None:
    """(train, val): typical losses over the last three validation points.

    Args:
        pair: the curves.
        train: to be compared instead of the training loss.
    """
    train = pair.train if train is None else train
    if train is None or pair.val is None:
        return None
    val = pair.val.finite()
    aligned = onto(val.steps, train.finite())
    if not len(val) or aligned is None:
        return None
    return float(np.median(aligned[-3:])), float(np.median(val.values[-3:]))


def swings(values: NDArray[np.float64]) -> tuple[float, float]:
    """(share of the last 50 points where the direction turns, noise relative to the level)."""
    recent = values[-50:]
    moves = np.sign(np.diff(recent))
    turns = float((moves[1:] * moves[:-1] < 0).mean())
    noise = MAD_TO_SD * float(np.median(np.abs(np.diff(recent, n=2)))) / np.sqrt(6)
    return turns, noise / scale(values, float(np.median(recent)))


def scale(values: NDArray[np.float64], level: float) -> float:
    """What 100 % is: the level, but at least a tenth of the range, so that losses near zero do
    not turn noise into large percentages."""
    return max(abs(level), 0.1 * float(np.ptp(values)), 1e-12)
