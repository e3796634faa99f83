"""The answer in one sentence, with its numbers."""

from __future__ import annotations

from core.traces.case import Case
from core.traces.labels import CAUSE_KEYS, title
from core.traces.records import Finding

_WAITING = {
    "input-wait": "it waits for the DataLoader",
    "host-sync": "the host waits for the device in a synchronising call",
    "copy-wait": "the host is held up in a copy call",
    "allocator": "memory is being allocated or freed",
    "launch-bound": "the next kernel is still being launched",
    "host-bound": "the host is busy with operators and has launched nothing",
    "python-bound": "the host runs Python",
    "communication": "the host waits for other ranks",
    "device-queue": "it pauses between operations that are already queued",
    "unattributed": "the trace records nothing",
}

_EXPOSED = {
    "communication": ("exposed-communication", "communication that no computing hides"),
    "copy-wait": ("exposed-copies", "copies beside which no kernel runs"),
}


def headline(
    case: Case,
    totals: dict[str, float],
    primary: str,
    findings: tuple[Finding, ...],
    step_ms: float | None,
) -> str:
    """One sentence for the page.

    Args:
        case: the facts.
        totals: activity -> µs of the window.
        primary: the one-word answer.
        findings: what was found.
        step_ms: median step, None without steps.
    """
    if case.device is None:
        return _host(case, totals, findings, step_ms)
    busy = 100 * case.busy.measure / case.total_us
    share = {key: 100 * us / case.total_us for key, us in totals.items()}
    if primary == "cold-start":
        return (
            f"The device is busy {busy:.0f} % of the window, but the profile caught start-up: "
            "there is no steady state to diagnose. Profile again with warm-up steps."
        )
    if primary == "device-bound":
        idle = 100 - busy
        rest = f"; of the {idle:.0f} % idle, most is {_largest(totals)}" if idle >= 1 else ""
        return f"The device is the limit: busy {busy:.0f} % of the window{rest}."
    if primary in _EXPOSED:
        return _exposed(primary, busy, share)
    return (
        f"The device is idle {100 - busy:.0f} % of the window "
        f"({(100 - busy) * case.total_us / 1e5:,.0f} of {case.total_us / 1e3:,.0f} ms); "
        f"in {share[primary]:.0f} points of that {_WAITING[primary]}."
    )


def _exposed(primary: str, busy: float, share: dict[str, float]) -> str:
    """The device is busy, but with what should run beside computing."""
    activity, words = _EXPOSED[primary]
    idle = share[primary]
    more = f"; in {idle:.0f} more it idles while {_WAITING[primary]}" if idle >= 1 else ""
    return (
        f"The device is busy {busy:.0f} % of the window, but {share[activity]:.0f} points of it "
        f"are {words}{more}."
    )


def _largest(totals: dict[str, float]) -> str:
    key = max(CAUSE_KEYS, key=lambda cause: totals[cause])
    return f"“{title(key)}” ({100 * totals[key] / sum(totals.values()):.0f} points)"


def _host(
    case: Case, totals: dict[str, float], findings: tuple[Finding, ...], step: float | None
) -> str:
    key = max(totals, key=lambda activity: totals[activity])
    share = 100 * totals[key] / case.total_us
    of_what = f"a step of {step:,.1f} ms" if step is not None else "the window"
    if key == "input-wait":
        rule = {f.rule for f in findings}
        how = "num_workers=0" if "D1" in rule else "its workers are too slow"
        spent = f"waiting for the DataLoader ({how})"
    elif key == "python-bound":
        spent = "in Python outside PyTorch's operators"
    else:
        spent = f"on {title(key).lower()}"
    return f"No device in this trace. Of {of_what}, the main thread spends {share:.0f} % {spent}."
