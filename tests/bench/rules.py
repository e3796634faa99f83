"""Rules in the field that call a whole history overfitting: what the detector is compared with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from core.dynamics.peers import patience_stop

Values = NDArray[np.float64]
Rule = Callable[[Values, Values], int | None]
"""(train, val), finite and of equal length, to the index at which the rule fires, or None."""


def _first(hit: NDArray[np.bool_]) -> int | None:
    return int(np.argmax(hit)) if hit.any() else None


def sagemaker(train: Values, val: Values) -> int | None:
    """Amazon SageMaker Debugger, Overfit: (val - train) / train > 0.1."""
    return _first((val - train) / np.maximum(np.abs(train), 1e-12) > 0.1)


def sagemaker_at_end(train: Values, val: Values) -> int | None:
    """The same rule held against the last epoch only, which is kinder to it."""
    last = len(val) - 1
    return last if len(val) and sagemaker(train[-1:], val[-1:]) is not None else None


def umlaut(train: Values, val: Values) -> int | None:
    """UMLAUT: validation up and training not up within one epoch."""
    at = _first((np.diff(val) > 0) & (np.diff(train) <= 0))
    return None if at is None else at + 1


def patience_10(train: Values, val: Values) -> int | None:
    """EarlyStopping with patience 10 stops."""
    return patience_stop(val, 10) if len(val) else None


def spearman(train: Values, val: Values) -> int | None:
    """Rank correlation of the two losses below 0 (a baseline of OverfitGuard, 2024)."""
    return len(val) - 1 if _correlation(train, val) < 0 else None


def spearman_late(train: Values, val: Values) -> int | None:
    """Rank correlation of validation loss and epoch above 0 over the last half."""
    half = val[len(val) // 2 :]
    return len(val) - 1 if _correlation(half, np.arange(len(half), dtype=float)) > 0 else None


def _correlation(first: Values, second: Values) -> float:
    if len(first) < 3 or not np.ptp(first) or not np.ptp(second):
        return 0.0
    return float(np.asarray(spearmanr(first, second))[0])


def five_percent(train: Values, val: Values) -> int | None:
    """Last validation loss over its minimum more than 5 %."""
    if not len(val) or val[-1] <= val.min() + 0.05 * abs(val.min()):
        return None
    inside = np.flatnonzero(val <= val.min() + 0.05 * abs(val.min()))
    return int(inside[-1]) + 1


RULES: dict[str, Rule] = {
    "SageMaker Overfit": sagemaker,
    "SageMaker at end": sagemaker_at_end,
    "UMLAUT": umlaut,
    "patience 10": patience_10,
    "Spearman(train, val) < 0": spearman,
    "Spearman(val, epoch) late": spearman_late,
    "last/min - 1 > 5 %": five_percent,
}
