"""What the dynamics room takes in and gives out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Phase = Literal["underfitting", "optimal", "overfitting"]
VerdictName = Literal[
    "underfitting",
    "optimal",
    "overfitting",
    "diverged",
    "not-learning",
    "noisy",
    "too-short",
    "no-validation",
]
Status = Literal["ok", "warning", "fail", "unknown"]

PHASES: tuple[Phase, ...] = ("underfitting", "optimal", "overfitting")


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One logged quantity over training.

    Attributes:
        steps: int64[n], strictly increasing (epochs or optimiser steps, as they were logged).
        values: float64[n]; NaN and infinities are kept.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)

    def until(self, step: int | None) -> Curve:
        """The points up to and including ``step`` (all of them for None)."""
        if step is None:
            return self
        keep = int(np.searchsorted(self.steps, step, side="right"))
        return Curve(self.steps[:keep], self.values[:keep])

    def finite(self) -> Curve:
        """The points whose value is finite."""
        keep = np.isfinite(self.values)
        return Curve(self.steps[keep], self.values[keep])

    def at(self, step: int) -> float:
        """The value logged last at or before ``step``; NaN before the first point."""
        index = int(np.searchsorted(self.steps, step, side="right")) - 1
        return float(self.values[index]) if index >= 0 else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class LossPair:
    """Training and validation loss of one run, and what else helps to judge it.

    Attributes:
        run: key of the run; for sub-runs (``train/``, ``validation/``) that of their parent.
        train_tag, val_tag: tags the curves come from, "" where there is none.
        train, val: the curves, None where there is none.
        restarts: how often the step count jumped back; only the last training is kept.
        negated: the curves are of a metric where higher is better: of an accuracy a, whole - a.
        whole: the highest that such a metric goes, 1 for a share and 100 for per cent.
        signals: further curves by name, see :mod:`core.dynamics.signals`. A fact that was logged
            once, such as the number of classes, is a curve of one point.
    """

    run: str
    train_tag: str
    val_tag: str
    train: Curve | None
    val: Curve | None
    restarts: int = 0
    negated: bool = False
    whole: float = 1.0
    signals: Mapping[str, Curve] = field(default_factory=dict)

    @property
    def quantity(self) -> str:
        """What the curves are of: "loss", or "error" where they were made of accuracies."""
        return "error" if self.negated else "loss"

    @property
    def formula(self) -> str:
        """How an error was made of an accuracy, "" for losses: they are as they were logged."""
        return f"{self.whole:g} − accuracy" if self.negated else ""

    @property
    def meaning(self) -> str:
        """The quantity with what an error is: "error (1 − accuracy)"."""
        return f"{self.quantity} ({self.formula})" if self.negated else self.quantity

    def until(self, step: int | None) -> LossPair:
        """The pair as it would have been known at ``step``."""
        return replace(
            self,
            train=None if self.train is None else self.train.until(step),
            val=None if self.val is None else self.val.until(step),
            signals={name: curve.until(step) for name, curve in self.signals.items()},
        )

    def step_range(self) -> tuple[int, int] | None:
        """First and last step of either curve, None when both are empty."""
        curves = [curve for curve in (self.train, self.val) if curve is not None and len(curve)]
        if not curves:
            return None
        return (
            min(int(curve.steps[0]) for curve in curves),
            max(int(curve.steps[-1]) for curve in curves),
        )


@dataclass(frozen=True, slots=True)
class Zone:
    """A stretch of steps in one phase, both ends included; the next zone starts one step on."""

    phase: Phase
    start_step: int
    end_step: int


@dataclass(frozen=True, slots=True)
class Check:
    """One health check with its result in words.

    Attributes:
        name: what is checked.
        status: "unknown" where what it needs was not logged.
        detail: the result with its evidence.
        action: what to do about it, "" where nothing is to be done.
    """

    name: str
    status: Status
    detail: str
    action: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do next.

    Attributes:
        title: an imperative of a few words.
        text: one or two sentences with the reason.
        overrides: parameters for a relaunch that does it (empty: nothing to relaunch).
    """

    title: str
    text: str
    overrides: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """The diagnosis of one run, as it would have been known at its last point.

    Attributes:
        run, train_tag, val_tag: what was judged.
        points: number of validation points seen (of training points without validation).
        verdict: the one word.
        best_step, best_value: lowest validation loss seen, None without one.
        overfit_step: first step of the overfitting zone, None when there is none.
        zones: phases that tile the steps from the first point to the last without gaps.
        checks, advice: health checks and what to do.
        summary: one sentence with the evidence and its uncertainty.
        noise: standard deviation of the validation loss from point to point.
        best_band: first and last step of the equally good stretch around the best checkpoint.
        onset_interval: earliest and latest plausible step at which overfitting began, None
            without overfitting.
        confidence: 0 to 1, the probability that the figures the verdict hangs on are on its side
            of their limits (:mod:`core.dynamics.confidence`); 0 where nothing can be said.
        stop_step: first step at which the stop advice would have said stop, None: not yet.
        diverged_step: first step of the stretch in which the run has diverged, None without one.
            The zones, which know three phases, go back to underfitting there: from this step on
            they tell nothing.
        pair: the points that were judged.
    """

    run: str
    train_tag: str
    val_tag: str
    points: int
    verdict: VerdictName
    best_step: int | None
    best_value: float | None
    overfit_step: int | None
    zones: tuple[Zone, ...]
    checks: tuple[Check, ...]
    advice: tuple[Advice, ...]
    summary: str
    noise: float
    pair: LossPair = field(repr=False)
    best_band: tuple[int, int] | None = None
    onset_interval: tuple[int, int] | None = None
    confidence: float = 0.0
    stop_step: int | None = None
    diverged_step: int | None = None

    def phase_at(self, step: int) -> Phase | None:
        """The phase at ``step``, None outside the zones."""
        for zone in self.zones:
            if zone.start_step <= step <= zone.end_step:
                return zone.phase
        return None

    def gap_at(self, step: int) -> float | None:
        """Validation minus training loss, each as last logged at or before ``step``."""
        if self.pair.train is None or self.pair.val is None:
            return None
        gap = self.pair.val.at(step) - self.pair.train.at(step)
        return gap if np.isfinite(gap) else None

    @property
    def last_gap(self) -> float | None:
        """The same at the last step with a validation loss."""
        val = self.pair.val
        return None if val is None or not len(val) else self.gap_at(int(val.steps[-1]))

    def to_json(self) -> dict[str, Any]:
        """The record that ``python -m core dynamics --json`` prints; non-finite becomes None."""
        return {
            "run": self.run,
            "train_tag": self.train_tag,
            "val_tag": self.val_tag,
            "quantity": self.pair.meaning,
            "points": self.points,
            "verdict": self.verdict,
            "best_step": self.best_step,
            "best_value": self.best_value,
            "overfit_step": self.overfit_step,
            "best_band": None if self.best_band is None else list(self.best_band),
            "onset_interval": None if self.onset_interval is None else list(self.onset_interval),
            "confidence": round(self.confidence, 3),
            "stop_step": self.stop_step,
            "diverged_step": self.diverged_step,
            "zones": [
                {"phase": z.phase, "start_step": z.start_step, "end_step": z.end_step}
                for z in self.zones
            ],
            "checks": [
                {"name": c.name, "status": c.status, "detail": c.detail, "action": c.action}
                for c in self.checks
            ],
            "advice": [
                {"title": a.title, "text": a.text, "overrides": dict(a.overrides)}
                for a in self.advice
            ],
            "summary": self.summary,
        }
