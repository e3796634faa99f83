"""The labelled curves (../shared/curves): histories with their truth, and real event files."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.dynamics import Curve, LossPair, Phase, Verdict, diagnose, pair_losses
from core.events import load

SHARED = Path(__file__).parents[2].parent / "shared" / "curves"
DEVELOPMENT = SHARED / "dev.jsonl.gz"
EVENTS = SHARED / "events"

BAND = 0.02
"""Clean test loss within 2 % of its minimum: equally good."""

LEFT = 0.05
"""Clean test loss above its minimum by 5 %: past it."""

AMBIGUOUS = (0.03, 0.08)
"""True rises so near to 5 % that the label itself hangs on the definition."""

EXPECTED: dict[str, set[str]] = {
    "overfit": {"overfitting"},
    "overfit_mild": {"overfitting"},
    "plateau": {"optimal"},
    "healthy": {"optimal", "underfitting"},
    "underfit": {"underfitting"},
    "no_learning": {"not-learning"},
    "diverged_nan": {"diverged"},
    "train_only": {"no-validation"},
    "restart": {"no-validation"},
}
"""Verdicts that count as right for the labels of the event files ("unstable" apart)."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """One training of the development set.

    Attributes:
        pair: what a detector may see; steps are epochs.
        test: float64[epochs], clean test loss, for the truth alone.
        label: overfit, underfit, optimal, not-overfit (one of the last two) or diverged.
        rise: true relative rise of the test loss at the end, NaN unknown.
    """

    pair: LossPair
    test: NDArray[np.float64]
    label: str
    rise: float

    @property
    def ambiguous(self) -> bool:
        return AMBIGUOUS[0] < self.rise < AMBIGUOUS[1]

    def zones(self) -> list[set[Phase]] | None:
        """The phases that count as right at each epoch, None where there is no such truth.

        A run labelled underfit is underfitting throughout. Otherwise underfitting ends where the
        last stretch within BAND of the best test loss before the best epoch begins; overfitting,
        in a run labelled so, begins with the last stretch above LEFT; between is optimal, which
        "not-overfit" leaves open. Diverged runs have no truth of this kind.
        """
        count = len(self.test)
        if self.label == "diverged" or not np.isfinite(self.test).all():
            return None
        if self.label == "underfit":
            return [{"underfitting"} for _ in range(count)]
        best, lowest = int(np.argmin(self.test)), float(self.test.min())
        outside = np.flatnonzero(self.test[:best] > (1 + BAND) * lowest)
        start = int(outside[-1]) + 1 if len(outside) else 0
        middle: set[Phase] = {"optimal"}
        if self.label == "not-overfit":
            middle = {"optimal", "underfitting"}
        end = self.onset() if self.label == "overfit" else count
        names: list[set[Phase]] = [{"underfitting"}] * start
        return [*names, *[middle] * (end - start), *[{"overfitting"}] * (count - end)][:count]

    def onset(self) -> int:
        """First epoch of the last stretch of the test loss above LEFT."""
        inside = np.flatnonzero(self.test <= (1 + LEFT) * float(self.test.min()))
        return int(inside[-1]) + 1


@dataclass(frozen=True, slots=True)
class Condition:
    """How the histories are spoiled before they are judged.

    Attributes:
        noise: standard deviation of the relative noise on both losses.
        every: only every so manieth epoch is logged.
    """

    noise: float = 0.0
    every: int = 1

    @property
    def name(self) -> str:
        if self.noise:
            return f"noise {self.noise:g}"
        return f"every {self.every}th" if self.every > 1 else "as logged"

    def apply(self, pair: LossPair) -> LossPair:
        """The pair with seeded noise, or with every so manieth of its points."""
        rng = np.random.default_rng([int(pair.run.split("-")[1]), round(1000 * self.noise)])
        return LossPair(
            run=pair.run,
            train_tag=pair.train_tag,
            val_tag=pair.val_tag,
            train=self._curve(pair.train, rng),
            val=self._curve(pair.val, rng),
        )

    def _curve(self, curve: Curve | None, rng: np.random.Generator) -> Curve | None:
        if curve is None:
            return None
        values = curve.values * (1 + self.noise * rng.standard_normal(len(curve)))
        keep = curve.steps % self.every == self.every - 1
        return Curve(curve.steps[keep], values[keep])


CONDITIONS = (
    Condition(),
    *(Condition(noise=noise) for noise in (0.02, 0.05, 0.1)),
    *(Condition(every=every) for every in (5, 10)),
)


def development() -> list[History]:
    """The 360 histories."""
    with gzip.open(DEVELOPMENT, "rt") as lines:
        return [_history(json.loads(line)) for line in lines]


def _numbers(values: list[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], float)


def _history(record: dict[str, Any]) -> History:
    def curve(name: str) -> Curve:
        values = _numbers(record[name])
        return Curve(np.arange(len(values), dtype=np.int64), values)

    pair = LossPair(record["id"], "train_loss", "val_loss", curve("train_loss"), curve("val_loss"))
    (rise,) = _numbers([record["truth"]["rise"]])
    return History(pair, _numbers(record["test_loss"]), record["truth"]["label"], float(rise))


def labels() -> list[dict[str, str]]:
    """The rows of labels given by eye to the event files."""
    return list(csv.DictReader((EVENTS / "labels.csv").read_text().splitlines()))


def event_runs() -> Iterator[tuple[LossPair, Verdict, dict[str, str]]]:
    """(pair found by its own tags, verdict, row of labels) of every run of the event files."""
    rows = {row["id"]: row for row in labels()}
    for pair in pair_losses(load(EVENTS).scalars):
        yield pair, diagnose(pair), rows[pair.run.split("/")[0]]


def right(verdict: Verdict, row: dict[str, str]) -> bool:
    """Whether a verdict is one that counts for a label given by eye."""
    if row["label"] == "unstable":
        return verdict.verdict != "overfitting"
    return verdict.verdict in EXPECTED[row["label"]]
