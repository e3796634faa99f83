"""Which findings are gone, new or still there, and whether their promises held."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable

from core.compare.records import FindingChange, Promise, Speedup
from core.traces import Finding, Prediction

Replayed = Callable[[Iterable[str]], Prediction | None]

STATES = ("resolved", "introduced", "kept")
_NUMBERED = re.compile(r"\b(thread|stream|device|cuda|rank|process)[ :]?\d+|\(\d+\)|\.py:\d+")
"""What is numbered anew in every run, and lines, which move when a script is edited."""


def place(finding: Finding) -> tuple[str, str]:
    """Rule and place of a finding, equal in two runs of the same script."""
    return finding.rule, _NUMBERED.sub(lambda found: found[1] or "", finding.where)


def match_findings(a: tuple[Finding, ...], b: tuple[Finding, ...]) -> tuple[FindingChange, ...]:
    """Pair findings by rule and place; resolved ones first, then new, then kept ones."""
    waiting: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in b:
        waiting[place(finding)].append(finding)
    found = []
    for finding in a:
        same = waiting[place(finding)]
        if same:
            later = same.pop(0)
            found.append(FindingChange("kept", later, finding.cost_ms, later.cost_ms))
        else:
            found.append(FindingChange("resolved", finding, finding.cost_ms, None))
    left = {id(each) for rest in waiting.values() for each in rest}
    found += [FindingChange("introduced", f, None, f.cost_ms) for f in b if id(f) in left]
    return tuple(sorted(found, key=lambda each: STATES.index(each.state)))


def promises(
    findings: tuple[FindingChange, ...], measured: Speedup | None, replayed: Replayed | None = None
) -> tuple[Promise, ...]:
    """Predicted against measured for each resolved finding; where there are several, together.

    Args:
        findings: of :func:`match_findings`.
        measured: the speed-up of the step; None gives no promise.
        replayed: predicts several edits made at once (``WhatIf.predict`` of A). Where it cannot,
            savings of single findings are added up: the causes are parts of one step.
    """
    gone = [
        each.finding
        for each in findings
        if each.state == "resolved" and each.finding.predicted_speedup is not None
    ]
    if measured is None or not gone:
        return ()
    single = tuple(
        judged((f.rule,), f.title, p.low, p.expected, p.high, measured)
        for f in gone
        if (p := f.predicted_speedup) is not None
    )
    return single if len(single) == 1 else (_together(gone, single, measured, replayed), *single)


def _together(
    gone: list[Finding],
    single: tuple[Promise, ...],
    measured: Speedup,
    replayed: Replayed | None,
) -> Promise:
    rules = tuple(each.rule for each in gone)
    edits = [each.edit for each in gone]
    joint = replayed(edits) if replayed is not None and all(edits) else None
    if joint is not None:
        title = f"All {len(gone)} together, replayed at once"
        return judged(rules, title, joint.low, joint.expected, joint.high, measured)
    expected = [each.expected for each in single if each.expected is not None]
    return judged(
        rules,
        f"All {len(gone)} together, their savings added up",
        _added([each.low for each in single]),
        _added(expected) if len(expected) == len(single) else None,
        _added([each.high for each in single]),
        measured,
    )


def _added(speedups: list[float]) -> float:
    """The speed-up when the savings of all (1 − 1/s of the step each) are had."""
    left = 1 - sum(1 - 1 / value for value in speedups)
    return 1 / max(left, 0.01)


def judged(
    rules: tuple[str, ...],
    title: str,
    low: float,
    expected: float | None,
    high: float,
    measured: Speedup,
) -> Promise:
    """A predicted range held against what was measured, to the two decimals that are shown."""
    # Two decimals are what is shown: 1.449 is not below 1.45.
    value = round(measured.value, 2)
    verdict = "within"
    if value < round(low, 2):
        verdict = "below"
    elif value > round(high, 2):
        verdict = "above"
    words = f"Predicted {low:.2f} to {high:.2f}×"
    if expected is not None:
        words += f" (expected {expected:.2f}×)"
    words += f", measured {measured.value:.2f}×: {verdict} the range"
    if _reaches(verdict, low, high, measured):
        words += f", though its {measured.interval_in_words} reaches into it"
    return Promise(rules, title, low, high, expected, measured.value, verdict, words + ".")


def _reaches(verdict: str, low: float, high: float, measured: Speedup) -> bool:
    if measured.low is None or measured.high is None:
        return False
    return (verdict == "below" and measured.high >= low) or (
        verdict == "above" and measured.low <= high
    )
