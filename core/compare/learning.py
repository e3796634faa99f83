"""Whether two runs learned equally well: their losses against each other."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

import numpy as np

from core.dynamics import Curve, Verdict, trend_of
from core.dynamics.smoothing import noise_level

_NOISES = 2.0
"""Losses closer than so many standard deviations of their noise are the same."""
_FEWEST = 5
"""Points from which on a curve tells its noise, as for :func:`core.dynamics.smoothing.smooth`."""

UNCHANGED, BETTER, WORSE, UNTOLD = "unchanged", "better", "worse", "too few points to tell"
_UNITED = "train and validation {what} {word}"


@dataclass(frozen=True, slots=True)
class LossChange:
    """One loss of two runs.

    Attributes:
        split: ``train`` or ``validation``.
        quantity: "loss", or "error" where it was made of accuracies.
        a, b: the values that are compared.
        at: the step where both were taken; None for the best of each.
        noise: standard deviation of their difference; 0 where it is not known.
        word: ``unchanged``, ``better``, ``worse`` or ``too few points to tell``.
    """

    split: str
    quantity: str
    a: float
    b: float
    at: int | None
    noise: float
    word: str

    def to_json(self) -> dict[str, object]:
        """Plain types for the command line."""
        return {
            "split": self.split,
            "quantity": self.quantity,
            "a": round(self.a, 6),
            "b": round(self.b, 6),
            "at_step": self.at,
            "noise": round(self.noise, 6),
            "verdict": self.word,
        }


def loss_changes(a: Verdict | None, b: Verdict | None) -> tuple[LossChange, ...]:
    """Train and validation loss of two runs; of each only where both logged the same thing.

    The best validation losses are compared, for their checkpoints are what is kept; of the training
    losses the trends at the last step that both runs reached.
    """
    if a is None or b is None or a.pair.negated != b.pair.negated:
        return ()
    train = _train(a, b) if a.train_tag == b.train_tag else None
    val = _validation(a, b) if a.val_tag == b.val_tag else None
    return tuple(each for each in (train, val) if each is not None)


def _train(a: Verdict, b: Verdict) -> LossChange | None:
    one, two = _finite(a.pair.train), _finite(b.pair.train)
    if one is None or two is None:
        return None
    at = int(min(one.steps[-1], two.steps[-1]))
    values = trend_of(one).at(at), trend_of(two).at(at)
    if not np.isfinite(values).all():
        return None
    noise = hypot(noise_level(one.values), noise_level(two.values))
    few = min(len(one), len(two)) < _FEWEST
    return _change("train", a, values, at, noise, few=few)


def _finite(curve: Curve | None) -> Curve | None:
    finite = None if curve is None else curve.finite()
    return finite if finite is not None and len(finite) else None


def _validation(a: Verdict, b: Verdict) -> LossChange | None:
    if a.best_value is None or b.best_value is None:
        return None
    few = min(a.points, b.points) < _FEWEST
    noise = hypot(a.noise, b.noise)
    return _change("validation", a, (a.best_value, b.best_value), None, noise, few=few)


def _change(
    split: str, of: Verdict, values: tuple[float, float], at: int | None, noise: float, *, few: bool
) -> LossChange:
    difference = values[1] - values[0]
    if abs(difference) <= _NOISES * noise or difference == 0:
        word = UNCHANGED
    elif few:
        word = UNTOLD
    else:
        word = BETTER if difference < 0 else WORSE
    return LossChange(split, of.pair.quantity, *values, at, noise, word)


def losses_in_short(changes: tuple[LossChange, ...]) -> str:
    """``train and validation losses unchanged``; "" where there is nothing to tell."""
    if len({each.word for each in changes}) == 1 and len(changes) > 1:
        what = "errors" if changes[0].quantity == "error" else "losses"
        figures = "" if changes[0].word == UNCHANGED else f" ({_figures(changes)})"
        return _UNITED.format(what=what, word=changes[0].word) + figures
    return ", ".join(
        f"{each.split} {each.quantity} {each.word}"
        + ("" if each.word == UNCHANGED else f" ({_figures((each,))})")
        for each in changes
    )


def _figures(changes: tuple[LossChange, ...]) -> str:
    return ", ".join(f"{each.a:.4g} → {each.b:.4g}" for each in changes)


def loss_sentence(a: Verdict | None, b: Verdict | None) -> str:
    """Whether B learned as well as A, by their best validation losses and noise."""
    if a is None or b is None or a.best_value is None or b.best_value is None:
        return ""
    if (a.val_tag, a.pair.negated) != (b.val_tag, b.pair.negated):
        return f"Their validation losses are not the same: {a.val_tag} in A, {b.val_tag} in B."
    both = (
        f"best validation loss {b.best_value:.4g} at step {b.best_step:,} in B, "
        f"{a.best_value:.4g} at step {a.best_step:,} in A"
    )
    found = _validation(a, b)
    if found is None or found.word == UNTOLD:
        return f"Too few points to tell which learns better: {both}."
    if found.word == UNCHANGED:
        noise = _NOISES * found.noise
        return f"They learn equally well: {both}, no more apart than their noise (±{noise:.2g})."
    return f"B learns {found.word}: {both}."


def verdict_json(found: Verdict | None) -> dict[str, object] | None:
    """The verdict in short."""
    if found is None:
        return None
    keys = ("train_tag", "val_tag", "points", "verdict", "best_step", "best_value",
            "overfit_step", "confidence", "summary")  # fmt: skip
    record = found.to_json()
    return {key: record[key] for key in keys}
