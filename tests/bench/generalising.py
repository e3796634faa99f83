"""How far the scores would carry to other histories: resampling, and constants moved by a fifth.

Neither sets anything: the intervals say what another sample of as many trainings may give, the
sensitivity which constant a score hangs on.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tests.bench import scores
from tests.bench.histories import CONDITIONS, History
from tests.bench.scores import OURS, Judged

Score = Callable[[Sequence[Judged]], float]

SCORES: dict[str, Score] = {
    "macro-F1, all": lambda judged: scores.macro_f1(judged, OURS),
    "three-phase macro-F1": scores.three_phases,
    "zone accuracy": scores.zone_accuracy,
    "divergence recall": lambda judged: scores.divergence(judged)[0],
}

CUTS = 3
"""Histories of one training that follow each other: a quarter, a half and all of it."""

DRAWS = 2000

CONSTANTS: tuple[tuple[str, str], ...] = (
    ("evidence", "RISE"), ("evidence", "Z"), ("evidence", "BAND"), ("evidence", "SCALE_FLOOR"),
    ("detector", "GAIN"), ("detector", "LITTLE"), ("detector", "LITTLE_TRAIN"),
    ("detector", "NOT_LEARNED"), ("detector", "FAILED"), ("detector", "STILL"),
    ("detector", "MEMORISED"), ("detector", "BLOWN"), ("detector", "ABOVE_START"),
    ("detector", "NOISY"), ("detector", "CONVERGED"), ("detector", "EVIDENT_RISE"),
    ("smoothing", "_HUBER"), ("smoothing", "_STEEP"), ("smoothing", "_BANDWIDTH_SHARE"),
)  # fmt: skip
"""(module of core.dynamics, name) of the main constants."""

NEAR_ONE = frozenset({"LITTLE", "MEMORISED"})
"""Shares of nearly all: their distance to 1 is moved."""

FIFTH = 0.2

CLIFF = 0.02
"""A score that loses so much by a fifth more or less of one constant hangs on that constant."""


def intervals(judged: Sequence[Judged], draws: int = DRAWS) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of the scores, over trainings drawn with replacement.

    The cuts of one training are not independent, so they are drawn together.
    """
    rng = np.random.default_rng(0)
    groups = [judged[start : start + CUTS] for start in range(0, len(judged), CUTS)]
    found: dict[str, list[float]] = {name: [] for name in SCORES}
    for _ in range(draws):
        drawn = [each for i in rng.integers(0, len(groups), len(groups)) for each in groups[i]]
        for name, score in SCORES.items():
            found[name].append(score(drawn))
    return {
        name: (float(np.percentile(values, 2.5)), float(np.percentile(values, 97.5)))
        for name, values in found.items()
    }


@contextlib.contextmanager
def moved(module: str, name: str, factor: float) -> Iterator[None]:
    """One constant of core.dynamics times ``factor``, wherever it was imported to.

    Of a share of nearly all the distance to 1 is multiplied.
    """
    home = sys.modules[f"core.dynamics.{module}"]
    before: Any = getattr(home, name)
    holders = [
        each
        for key, each in list(sys.modules.items())
        if key.startswith("core.dynamics") and getattr(each, name, None) is before
    ]
    value = 1 - (1 - before) * factor if name in NEAR_ONE else before * factor
    for each in holders:
        setattr(each, name, value)
    try:
        yield
    finally:
        for each in holders:
            setattr(each, name, before)


def sensitivity(
    histories: Sequence[History], constants: Sequence[tuple[str, str]] = CONSTANTS
) -> list[tuple[str, float, list[float]]]:
    """(constant, factor, how much each score changes) for a fifth less and a fifth more."""
    plain = scores.judge(histories, CONDITIONS[0], rules={})
    base = [score(plain) for score in SCORES.values()]
    rows = []
    for module, name in constants:
        for factor in (1 - FIFTH, 1 + FIFTH):
            with moved(module, name, factor):
                judged = scores.judge(histories, CONDITIONS[0], rules={})
            change = [score(judged) - was for score, was in zip(SCORES.values(), base, strict=True)]
            rows.append((name.lstrip("_"), factor, change))
    return rows
