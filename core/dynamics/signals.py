"""Which tags hold what the checks need besides the losses.

Names in :attr:`~core.dynamics.records.LossPair.signals`, all optional:

- ``train_accuracy``, ``val_accuracy``; ``lr``; ``wall_time`` (seconds, of the loss that is judged)
- ``grad_norm``, ``grad_norm_max`` (of all gradients together), ``grad_first``, ``grad_last`` (of
  the first and the last layer), ``nonfinite`` (steps of an epoch with a loss or gradient of NaN)
- ``update_ratio`` (of all weights together), ``update_ratio:LAYER``
- ``dead_units`` (share of all ReLU units), ``dead_units_worst`` (of the layer with most of them)
- ``train_eval``: training loss without dropout, at the same moment as the validation loss
- ``val_sem``: standard error of the validation loss
- facts, logged once: ``classes``, ``n_train``, ``n_val``, ``planned_epochs``, ``dropout``,
  ``weight_decay``, ``augmentation`` (0 or 1), ``constant_lr`` (0 or 1), ``expected_start`` (loss
  of a guess at chance)
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Literal

from core.dynamics.records import LossPair

FACTS = frozenset(
    {"classes", "n_train", "n_val", "planned_epochs", "dropout", "weight_decay", "augmentation"}
    | {"constant_lr", "expected_start"}
)
SETUP = "Setup/"
"""What a job logs once has tags that begin with this and end with one of FACTS."""

LAYER_RATIO = "update_ratio:"

_LAYER = re.compile(r"ratio/(\S+)$")
_GRADIENTS = frozenset({"grad", "grads", "gradient", "gradients"})


def signal_name(tag: str, tokens: Set[str], split: Literal["train", "val", ""]) -> str:
    """The name of the signal that a tag holds, "" for none.

    Args:
        tag: as it was logged.
        tokens: its words in lower case.
        split: which split it is of.
    """
    if tag.startswith(SETUP):
        name = tag.removeprefix(SETUP)
        return name if name in FACTS else ""
    if tokens & {"acc", "accuracy"} and split and "cls" not in tokens:
        return f"{split}_accuracy"
    if tokens & _GRADIENTS:
        return _gradient(tokens)
    if tokens & {"update", "updates"} and "ratio" in tokens:
        layer = _LAYER.search(tag)
        return f"{LAYER_RATIO}{layer[1]}" if layer else "update_ratio"
    if "lr" in tokens or {"learning", "rate"} <= tokens:
        return "lr"
    return _rare(tokens)


def _gradient(tokens: Set[str]) -> str:
    if "nonfinite" in tokens:
        return "nonfinite"
    if "norm" not in tokens:
        return ""
    for end in ("first", "last"):
        if {end, "layer"} <= tokens:
            return f"grad_{end}"
    return "grad_norm_max" if "max" in tokens else "grad_norm"


def _rare(tokens: Set[str]) -> str:
    if {"train", "eval", "mode"} <= tokens:
        return "train_eval"
    if "dead" in tokens:
        return "dead_units_worst" if tokens & {"worst", "max"} else "dead_units"
    if {"val", "sem"} <= tokens:
        return "val_sem"
    return "classes" if "classes" in tokens and tokens & {"n", "num", "number"} else ""


def fact(pair: LossPair, name: str) -> float | None:
    """The last finite value of a signal, None where there is none."""
    curve = pair.signals.get(name)
    values = None if curve is None else curve.finite().values
    return None if values is None or not len(values) else float(values[-1])
