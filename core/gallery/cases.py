"""Both traces of an entry, diagnosed and compared."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.compare import TraceComparison, compare_traces
from core.compare.findings import promises
from core.compare.speed import uneven
from core.compare.traces import speed_sentence
from core.gallery.entries import Entry
from core.traces import Diagnosis, Finding, Trace, load_trace, simulate_trace

_SHOWN_STEPS = 2.0
"""Steps of the slower trace that a timeline begins with."""
_OPERATORS = ("forward", "backward", "optimizer")

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What is known of an entry.

    Attributes:
        entry: which one.
        before, after: the traces.
        compared: their diagnoses (``a`` and ``b``) and what the fix did.
    """

    entry: Entry
    before: Trace
    after: Trace
    compared: TraceComparison

    @property
    def finding(self) -> Finding | None:
        """What the diagnosis says of this killer before the fix; None if it misses it."""
        return next((f for f in self.compared.a.findings if f.rule == self.entry.rule), None)


def load(entry: Entry) -> Case:
    """Read or simulate both traces of an entry, diagnose and compare them.

    Raises:
        NotFound: a recording is missing.
        Unreadable: a recording is damaged.
    """
    if entry.simulated is not None:
        before, after = (simulate_trace(settings) for settings in entry.simulated)
    else:
        before, after = (load_trace(entry.recording(side)) for side in ("before", "after"))
    compared = compare_traces(before, after)
    return Case(entry, before, after, compared if entry.simulated is None else _exact(compared))


def _exact(compared: TraceComparison) -> TraceComparison:
    """The comparison of simulated runs: nothing in them scatters. Steps differ all the same, for a
    host that is ahead of its device takes the last one to wait; the means are what counts."""
    speed = compared.speedup
    if speed is None:
        return compared
    exact = replace(speed, low=None, high=None, of_medians=speed.value, why_none="simulated")
    return replace(
        compared,
        speedup=exact,
        summary=speed_sentence(exact, compared.step_ms, "a step"),
        promises=promises(compared.findings, exact, compared.a.what_if.predict),
        notes=tuple(note for note in compared.notes if note != uneven(speed)),
    )


def working_pct(found: Diagnosis) -> float:
    """Share of the window in which the training is computed: the device is busy, or, without one,
    the main thread is in operators of PyTorch (%)."""
    if found.device_busy_pct is not None:
        return found.device_busy_pct
    return sum(found.step_breakdown.get(key, 0.0) for key in _OPERATORS)


def excerpts(case: Case) -> tuple[Range, Range]:
    """Two ranges (µs) of equal length to look at: before the fix from the begin of the step with
    the worst instance of the finding, after it from the second step on (earlier in a short trace).
    """
    one, two = case.compared.a.window, case.compared.b.window
    length = _SHOWN_STEPS * one.length_us / max(one.steps, 1)
    length = min(length, one.length_us, two.length_us)
    worst = one.start_us
    if case.finding is not None and case.finding.ranges_us:
        worst = case.finding.ranges_us[0][0]
    begin = max([one.start_us, *(float(start) for start in one.step_start if start <= worst)])
    if worst >= begin + length:
        begin = worst - length / 4
    begin = min(begin, one.end_us - length)
    later = float(two.step_start[1]) if two.steps > 1 else two.start_us
    later = min(later, two.end_us - length)
    return (begin, begin + length), (later, later + length)
