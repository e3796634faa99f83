"""What the rules share: severity, gain, and the shape of a finding.

Gain: removing a cost c from a window T speeds the step up by at most T / (T − c). The lower end of
every prediction keeps part of the cost, because causes overlap and the cure has a cost of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.traces.case import Case
from core.traces.intervals import Intervals
from core.traces.records import Finding, Fix, Prediction, Range
from core.traces.stacks import thread_label

NOTE, WARNING, CRITICAL = 0.05, 0.10, 0.20
"""Shares of the window. 5 %: torch-tb-profiler's DataLoader limit; 10 % and 20 %: TraceML's
``DiagnosisThresholds`` for warning and critical."""


def severity(share: float) -> str:
    """``critical``, ``warning`` or ``note`` for a share of the window."""
    if share >= CRITICAL:
        return "critical"
    return "warning" if share >= WARNING else "note"


def gain(case: Case, cost_us: float, kept: float, assumption: str) -> Prediction:
    """At most all of the cost is saved, at least all but ``kept`` (0 to 1) of it."""
    total = case.total_us

    def speedup(saved: float) -> float:
        return total / max(total - saved, 0.01 * total)

    return Prediction(speedup(cost_us * (1 - kept)), speedup(cost_us), assumption)


def finding(
    case: Case,
    rule: str,
    title: str,
    cost_us: float,
    *,
    where: str,
    evidence: list[str],
    ranges: tuple[Range, ...],
    fix: Fix,
    speedup: Prediction | None,
    level: str | None = None,
    edit: str = "",
) -> Finding:
    """A finding whose cost per step and share of the window follow from ``cost_us``.

    Where an ``edit`` of :class:`core.traces.whatif.Edit` is named, a replay of the trace with it
    takes the place of ``speedup`` afterwards, if the trace can be replayed.
    """
    share = cost_us / case.total_us
    return Finding(
        rule=rule,
        title=title,
        severity=level or severity(share),
        where=where,
        cost_ms=cost_us / case.steps / 1e3,
        share=share,
        evidence=tuple(evidence),
        ranges_us=ranges,
        fix=fix,
        predicted_speedup=speedup,
        edit=edit,
    )


def main_thread(case: Case) -> str:
    """Name of the thread that runs the steps."""
    return thread_label(case.trace, case.window.main_thread)


def commonest_name(case: Case, rows: NDArray[np.int64]) -> str:
    """The name that most of the rows have, "" without rows."""
    codes = case.trace.name[rows]
    return case.trace.names[int(np.bincount(codes).argmax())] if codes.size else ""


def at_line(frame: str) -> str:
    """`` at file(line): function`` where a frame is known, else nothing."""
    return f", at {frame}" if frame else ""


def longest(where: Intervals, count: int = 5) -> tuple[Range, ...]:
    """The longest intervals, longest first."""
    order = np.argsort(where.start - where.end, kind="stable")[:count]
    return tuple((float(where.start[i]), float(where.end[i])) for i in order)


def percent(share: float) -> str:
    """A share of the window for a sentence."""
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"


def milliseconds(us: float) -> str:
    """A duration for a sentence."""
    return f"{us / 1e3:,.0f} ms" if us >= 1e5 else f"{us / 1e3:,.1f} ms"
