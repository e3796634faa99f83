"""What a diagnosis says: findings, and the diagnosis itself with its JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.traces.idle import IdlePieces
from core.traces.window import Window

if TYPE_CHECKING:
    from core.traces.whatif import WhatIf

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Fix:
    """What to change: a sentence, code, and job parameters that do it for GPUlse's own jobs."""

    text: str
    snippet: str
    overrides: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prediction:
    """Speed-up of a step if the finding is fixed, as a range (1.0 = unchanged), and why.

    Attributes:
        low, high: at worst and at most.
        assumption: what they stand on, in words.
        expected: once side effects count; None where only the bounds are known.
        step_ms: what a step takes now (window over steps), None where unknown.
    """

    low: float
    high: float
    assumption: str
    expected: float | None = None
    step_ms: float | None = None

    @property
    def saved(self) -> float:
        """Expected saving as a share of the step; the bound where nothing is expected."""
        return 1 - 1 / (self.expected or self.high)

    @property
    def steps_ms(self) -> tuple[float, float | None, float] | None:
        """Predicted step time: the shortest, the expected, the longest (ms)."""
        now = self.step_ms
        if now is None:
            return None
        return now / self.high, now / self.expected if self.expected else None, now / self.low

    def to_json(self) -> dict[str, object]:
        """Plain types; ``step_ms`` is a range, so its ``low`` is the fastest step."""
        steps = self.steps_ms
        return {
            "low": round(self.low, 3),
            "expected": rounded(self.expected),
            "high": round(self.high, 3),
            "assumption": self.assumption,
            "step_ms": None
            if steps is None
            else {
                "now": rounded(self.step_ms),
                **dict(zip(("low", "expected", "high"), map(rounded, steps), strict=True)),
            },
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that costs time.

    Attributes:
        rule: identifier; the rules' docstrings give their thresholds and sources.
        title: a short sentence.
        severity: ``critical``, ``warning`` or ``note``.
        where: thread, span name, file:line where stacks were recorded.
        cost_ms: what it costs, per step (over the window where the trace has no steps).
        share: the same as a fraction of the window, 0 to 1.
        evidence: figures, one sentence each.
        ranges_us: the worst instances on the trace's time axis, longest first.
        fix: what to change.
        predicted_speedup: None where it cannot be told.
        edit: the change of :class:`core.traces.whatif.Edit` that removes it, "" where none does.
    """

    rule: str
    title: str
    severity: str
    where: str
    cost_ms: float
    share: float
    evidence: tuple[str, ...]
    ranges_us: tuple[Range, ...]
    fix: Fix
    predicted_speedup: Prediction | None
    edit: str = ""

    def to_json(self) -> dict[str, object]:
        """Plain types for the command line."""
        speedup = self.predicted_speedup
        return {
            "rule": self.rule,
            "title": self.title,
            "severity": self.severity,
            "where": self.where,
            "cost_ms": round(self.cost_ms, 3),
            "share": round(self.share, 4),
            "evidence": list(self.evidence),
            "ranges_us": [[round(low, 3), round(high, 3)] for low, high in self.ranges_us],
            "fix": {
                "text": self.fix.text,
                "snippet": self.fix.snippet,
                "overrides": self.fix.overrides,
            },
            "predicted_speedup": None if speedup is None else speedup.to_json(),
            "edit": self.edit,
        }


@dataclass(frozen=True, slots=True)
class DeviceUse:
    """One device of the trace.

    Attributes:
        index: as the trace numbers it.
        name: the trace's name for it, or "".
        busy_pct: share of the window in which it ran anything.
    """

    index: int
    name: str
    busy_pct: float


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """The answer for one trace.

    Attributes:
        trace: file name.
        device: ``"cpu"``, or ``"cuda:0 NVIDIA H100"``: the busiest device, which is diagnosed.
        device_index: its number, None without one.
        devices: all of them.
        window: what was looked at.
        step_ms: median step, None without steps.
        device_busy_pct, idle_pct: of the window; None without a device.
        idle_by_cause: cause -> % of the window; sums to ``idle_pct``; empty without a device.
        step_breakdown: activity -> % of the window; sums to 100.
        findings: sorted by what they would save.
        primary: a cause, ``device-bound``, ``cold-start`` or ``no-device``.
        headline: the answer in one sentence, with its numbers.
        notes: what limits the diagnosis (truncated file, few steps).
        pieces: idle time piece by piece; None without a device.
        utilisation_pct: float64[chunks], busy share of each 1/30 of the window (of the main
            thread's working time where there is no device).
        what_if: predicts the step with causes removed, alone or together.
    """

    trace: str
    device: str
    device_index: int | None
    devices: tuple[DeviceUse, ...]
    window: Window
    step_ms: float | None
    device_busy_pct: float | None
    idle_pct: float | None
    idle_by_cause: dict[str, float]
    step_breakdown: dict[str, float]
    findings: tuple[Finding, ...]
    primary: str
    headline: str
    notes: tuple[str, ...]
    pieces: IdlePieces | None
    utilisation_pct: NDArray[np.float64]
    what_if: WhatIf

    @property
    def window_ms(self) -> float:
        """Length of the window."""
        return self.window.length_us / 1e3

    @property
    def steps(self) -> int:
        """Profiled steps, 0 where the trace has none."""
        return self.window.steps

    @property
    def breakdown_ms(self) -> dict[str, float]:
        """The step breakdown per step (of the whole window where the trace has no steps)."""
        per_step = self.window_ms / max(self.steps, 1)
        return {key: share / 100 * per_step for key, share in self.step_breakdown.items()}

    def to_json(self) -> dict[str, object]:
        """The ``diagnose`` record of the command line; percentages are of the window."""
        return {
            "trace": self.trace,
            "device": self.device,
            "devices": [
                {"index": d.index, "name": d.name, "busy_pct": round(d.busy_pct, 2)}
                for d in self.devices
            ],
            "steps": self.steps,
            "window_ms": round(self.window_ms, 3),
            "step_ms": None if self.step_ms is None else round(self.step_ms, 3),
            "device_busy_pct": rounded(self.device_busy_pct),
            "idle_pct": rounded(self.idle_pct),
            "idle_by_cause": {key: round(v, 3) for key, v in self.idle_by_cause.items()},
            "step_breakdown": {key: round(v, 3) for key, v in self.step_breakdown.items()},
            "step_breakdown_ms": {key: round(v, 3) for key, v in self.breakdown_ms.items()},
            "primary": self.primary,
            "headline": self.headline,
            "findings": [finding.to_json() for finding in self.findings],
            "notes": list(self.notes),
        }


def rounded(value: float | None) -> float | None:
    """To three digits, for JSON."""
    return None if value is None else round(value, 3)
