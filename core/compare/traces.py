"""Two traces -> what changed."""

from __future__ import annotations

from core import traces
from core.compare.caution import cautions
from core.compare.findings import match_findings, promises
from core.compare.records import Change, Speedup, TraceComparison
from core.compare.speed import speedup, step_times_ms, uneven
from core.compare.work import changed_work, device_work, host_work
from core.traces import ACTIVITIES, CAUSES, Diagnosis, Trace

_TOLD = 0.02
"""Parts that changed by less of A's step are not named in the sentence."""
_NAMED = 2
"""Parts named each way."""


def compare_traces(
    a: Trace,
    b: Trace,
    found: tuple[Diagnosis, Diagnosis] | None = None,
    notes: tuple[str, ...] = (),
) -> TraceComparison:
    """Say how much faster B is than A, where the time went, and whether predictions held.

    Args:
        a, b: loaded traces, before and after.
        found: their diagnoses where they are at hand.
        notes: more to say, such as which traces were chosen.

    Raises:
        Unreadable: a trace spans no time.
    """
    one, two = found or (traces.diagnose(a), traces.diagnose(b))
    step_ms = (_step_ms(one), _step_ms(two))
    measured = None
    if bool(one.steps) == bool(two.steps):
        measured = speedup(step_times_ms(one), step_times_ms(two))
    changes = _changes(one.breakdown_ms, two.breakdown_ms)
    work = device_work(a, one), device_work(b, two)
    findings = match_findings(one.findings, two.findings)
    both = one.device_index is not None and two.device_index is not None
    rough = uneven(measured) if measured is not None else ""
    return TraceComparison(
        a=one,
        b=two,
        summary=_summary(measured, step_ms, changes, bool(one.steps)),
        speedup=measured,
        step_ms=step_ms,
        changes=changes,
        idle=tuple(each for each in changes if each.key in CAUSES) if both else (),
        findings=findings,
        promises=promises(findings, measured, one.what_if.predict),
        kernels=changed_work(*work, step_ms[0]),
        operators=changed_work(host_work(a, one), host_work(b, two), step_ms[0]),
        notes=(*notes, *((rough,) if rough else ()), *cautions(one, two, work)),
    )


def _step_ms(found: Diagnosis) -> float:
    return found.window_ms / max(found.steps, 1)


def _changes(a: dict[str, float], b: dict[str, float]) -> tuple[Change, ...]:
    """Every part of either step; what only one of them knows counts 0 in the other."""
    parts = [
        Change(key, label.title, a.get(key, 0.0), b.get(key, 0.0))
        for key, label in ACTIVITIES.items()
        if key in a or key in b
    ]
    return tuple(sorted(parts, key=lambda part: -abs(part.difference)))


def _summary(
    measured: Speedup | None,
    step_ms: tuple[float, float],
    changes: tuple[Change, ...],
    has_steps: bool,
) -> str:
    if measured is None:
        return "No speed-up can be told: one of the two traces has no profiler steps."
    what = "a step" if has_steps else "the window"
    return f"{speed_sentence(measured, step_ms, what)} {_moved(changes, step_ms[0])}".rstrip()


def speed_sentence(measured: Speedup, step_ms: tuple[float, float] | None, what: str) -> str:
    """How fast B is, with its uncertainty.

    Args:
        measured: the speed-up.
        step_ms: of A and B; None where the unit is not known.
        what: what takes that long.
    """
    times = ""
    if step_ms is not None:
        times = f": {what} takes {_ms(step_ms[1])} instead of {_ms(step_ms[0])}"
    sure = measured.interval_in_words
    if measured.low is not None and not measured.certain:
        return (
            f"No difference beyond the scatter of the steps: B is {measured.value:.2f} times as "
            f"fast as A ({sure}){times}."
        )
    if measured.value < 1:
        return f"B is slower, {measured.value:.2f} times as fast as A ({sure}){times}."
    return f"B is {measured.value:.2f} times as fast as A ({sure}){times}."


def _ms(value: float) -> str:
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"


def _moved(changes: tuple[Change, ...], step_ms: float) -> str:
    """The parts that fell and those that grew."""
    told = [each for each in changes if abs(each.difference) >= _TOLD * step_ms]
    parts = []
    for word, sign in (("Less", -1), ("More", 1)):
        mine = [each for each in told if each.difference * sign > 0][:_NAMED]
        if mine:
            named = ", ".join(f"{each.title} {_signed(each.difference)}" for each in mine)
            parts.append(f"{word}: {named}.")
    return " ".join(parts)


def _signed(ms: float) -> str:
    return f"{'+' if ms > 0 else '−'}{abs(ms):.3g} ms"
