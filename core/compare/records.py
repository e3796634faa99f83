"""What a comparison of two traces says, and its JSON."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from core.traces import Diagnosis, Finding

MAX_ROWS = 20
"""Kernels and operators in the JSON, those that changed most first."""


@dataclass(frozen=True, slots=True)
class Speedup:
    """How many times as fast B is as A (1 = unchanged).

    Attributes:
        value: mean step of A over mean step of B: the ratio of their throughputs.
        low, high: 95 % interval; None where it cannot be told.
        of_medians: the same ratio of the middle steps.
        steps: number of steps of A and of B that it stands on.
        why_none: why there is no interval, "" where there is one.
    """

    value: float
    low: float | None
    high: float | None
    of_medians: float
    steps: tuple[int, int]
    why_none: str = ""

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out 1: the change is more than the steps' scatter."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high

    @property
    def interval_in_words(self) -> str:
        """``95 % interval 1.10 to 1.40``, or why there is none."""
        if self.low is None or self.high is None:
            return f"{self.why_none}: no interval"
        return f"95 % interval {self.low:.2f} to {self.high:.2f}"


@dataclass(frozen=True, slots=True)
class Change:
    """One part of a step, before and after.

    Attributes:
        key: activity of the step breakdown, or cause of idle time.
        title: its words.
        a, b: ms a step.
    """

    key: str
    title: str
    a: float
    b: float

    @property
    def difference(self) -> float:
        """B less A, ms a step."""
        return self.b - self.a

    def to_json(self) -> dict[str, object]:
        """Plain types; nanoseconds are kept, so that the differences still add up."""
        return {
            "activity": self.key,
            "title": self.title,
            "a_ms": round(self.a, 6),
            "b_ms": round(self.b, 6),
            "difference_ms": round(self.difference, 6),
        }


@dataclass(frozen=True, slots=True)
class FindingChange:
    """A finding of A, of B or of both; those of both have one rule and one place.

    Attributes:
        state: ``resolved`` (of A alone), ``introduced`` (of B alone) or ``kept``.
        finding: the later of the two.
        a_ms, b_ms: what it costs a step; None where it was not found.
    """

    state: str
    finding: Finding
    a_ms: float | None
    b_ms: float | None

    def to_json(self) -> dict[str, object]:
        """Plain types for the command line."""
        return {
            "rule": self.finding.rule,
            "state": self.state,
            "title": self.finding.title,
            "where": self.finding.where,
            "a_ms": _rounded(self.a_ms),
            "b_ms": _rounded(self.b_ms),
        }


@dataclass(frozen=True, slots=True)
class Promise:
    """What was predicted for resolved findings, and what came of it.

    Attributes:
        rules: the findings it is about.
        title: in words.
        low, high: predicted speed-up.
        expected: the likeliest within them, None where there is none.
        measured: the speed-up of the step.
        verdict: ``within``, ``below`` or ``above`` the predicted range.
        sentence: all of it in one line.
    """

    rules: tuple[str, ...]
    title: str
    low: float
    high: float
    expected: float | None
    measured: float
    verdict: str
    sentence: str

    def to_json(self) -> dict[str, object]:
        """Plain types for the command line."""
        return {
            "rules": list(self.rules),
            "title": self.title,
            "low": round(self.low, 3),
            "expected": None if self.expected is None else round(self.expected, 3),
            "high": round(self.high, 3),
            "measured": round(self.measured, 3),
            "verdict": self.verdict,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True, eq=False)
class TraceComparison:
    """Two traces side by side.

    Attributes:
        a, b: their diagnoses.
        summary: the answer in a sentence or two.
        speedup: None where the traces have no common measure.
        step_ms: mean step of A and of B: window over steps; the window where there are none.
        changes: the parts of a step, those that changed most first; their differences sum to the
            difference of ``step_ms``.
        idle: idle device time by cause, ms a step; empty unless both have a device.
        findings: resolved, introduced and kept ones.
        promises: predicted against measured, for resolved findings.
        kernels, operators: what changed, ms and calls a step; columns of
            :func:`core.compare.work.changed_work`.
        notes: what stands against comparing the two, and what was chosen.
    """

    a: Diagnosis
    b: Diagnosis
    summary: str
    speedup: Speedup | None
    step_ms: tuple[float, float]
    changes: tuple[Change, ...]
    idle: tuple[Change, ...]
    findings: tuple[FindingChange, ...]
    promises: tuple[Promise, ...]
    kernels: pd.DataFrame
    operators: pd.DataFrame
    notes: tuple[str, ...]

    def of_state(self, state: str) -> list[FindingChange]:
        """Findings that are ``resolved``, ``introduced`` or ``kept``."""
        return [each for each in self.findings if each.state == state]

    def to_json(self) -> dict[str, object]:
        """The ``compare`` record of the command line."""
        return {
            "summary": self.summary,
            "kind": "traces",
            "a": self.a.trace,
            "b": self.b.trace,
            **speed_json(self.speedup),
            "step_ms": [round(value, 3) for value in self.step_ms],
            "changes": [change.to_json() for change in self.changes],
            **{
                state: [each.finding.rule for each in self.of_state(state)]
                for state in ("resolved", "introduced", "kept")
            },
            "findings": [each.to_json() for each in self.findings],
            "promises": [promise.to_json() for promise in self.promises],
            "primary": [self.a.primary, self.b.primary],
            "device": [self.a.device, self.b.device],
            "device_busy_pct": [_rounded(self.a.device_busy_pct), _rounded(self.b.device_busy_pct)],
            "idle_by_cause": [change.to_json() for change in self.idle],
            "kernels": rows_json(self.kernels),
            "operators": rows_json(self.operators),
            "notes": list(self.notes),
        }


def speed_json(speedup: Speedup | None) -> dict[str, object]:
    """``speedup`` and what belongs to it."""
    if speedup is None:
        return {"speedup": None, "speedup_interval": None, "speedup_of_medians": None}
    interval = None
    if speedup.low is not None and speedup.high is not None:
        interval = [round(speedup.low, 4), round(speedup.high, 4)]
    return {
        "speedup": round(speedup.value, 4),
        "speedup_interval": interval,
        "speedup_of_medians": round(speedup.of_medians, 4),
    }


def rows_json(table: pd.DataFrame) -> list[dict[str, object]]:
    """The first rows of a table as records."""
    return [
        {str(key): round(v, 4) if isinstance(v, float) else v for key, v in row.items()}
        for row in table.head(MAX_ROWS).to_dict("records")
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
