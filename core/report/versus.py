"""A run beside its parent: what the change did, and whether it held what was predicted."""

from __future__ import annotations

from core.compare import Promise, RunComparison, Speedup, TraceComparison
from core.dynamics import Verdict, words
from core.report.learning import VERDICTS
from core.report.markup import badge, cards, cut, ms, name, number, table, tag, text
from core.report.plots import Line, plot

_HELD = {"within": "good", "above": "good", "below": "warning"}
_HELD_WORDS = {"within": "as predicted", "above": "more than predicted",
               "below": "less than predicted"}  # fmt: skip
MAX_ROWS = 40
"""Parameters that differ, parts of a step."""


def section(found: TraceComparison | RunComparison, parent: str) -> str:
    """Speed, predictions, parameters, losses, parts of a step, findings.

    Args:
        found: A is the parent, B this run, both of jobs of ours: their steps are epochs.
        parent: its name.
    """
    profile = found if isinstance(found, TraceComparison) else found.profile
    runs = found if isinstance(found, RunComparison) else None
    parts = [
        tag("p", f"A is its parent {name(parent)}, B is this run.", "soft"),
        tag("p", text(words.in_epochs(found.summary)), f"verdict {_look(found.speedup)}"),
        _figures(found),
        _promises(profile.promises) if profile is not None else "",
        _params(runs) if runs is not None else "",
        _losses(runs) if runs is not None else "",
        _parts(profile) + _findings(profile) if profile is not None else "",
        *(tag("p", text(note), "soft") for note in found.notes),
    ]
    return "".join(parts)


def _look(speed: Speedup | None) -> str:
    if speed is None or (speed.low is not None and not speed.certain):
        return ""
    return "good" if speed.value >= 1 else "critical"


def _figures(found: TraceComparison | RunComparison) -> str:
    figures, speed, steps = [], found.speedup, found.step_ms
    if speed is not None:
        figures.append(("Speed-up", f"{speed.value:.2f} ×", speed.interval_in_words))
    if steps is not None:
        figures.append(("Step time", ms(steps[1]), f"{ms(steps[0])} before"))
    if isinstance(found, RunComparison):
        a, b = found.verdicts
        if b is not None and b.best_value is not None:
            before = f"{number(a.best_value)} before" if a is not None else ""
            figures.append((f"Best validation {b.pair.quantity}", number(b.best_value), before))
    return cards(figures) if figures else ""


def _promises(promises: tuple[Promise, ...]) -> str:
    if not promises:
        return ""
    lines = [
        tag(
            "li",
            f"{badge(_HELD_WORDS[each.verdict], _HELD[each.verdict])} "
            f"<strong>{text(each.title)}</strong> {text(each.sentence)}",
        )
        for each in promises
    ]
    return tag("h3", "Predicted against measured") + tag("ul", "".join(lines), "checks")


def _params(found: RunComparison) -> str:
    changed = found.params[:MAX_ROWS]
    rows = [[name(key), text(cut(a, 80)), text(cut(b, 80))] for key, a, b in changed]
    if not rows:
        return ""
    return tag("h3", "What was changed") + table(["Parameter", "A", "B"], rows)


def _losses(found: RunComparison) -> str:
    """Both validation losses in one picture, and both verdicts."""
    a, b = found.verdicts
    if a is None or b is None:
        return ""
    lines = [
        Line(f"{each.pair.val_tag} of {who}", look, each.pair.val)
        for each, who, look in ((a, "A", "other"), (b, "B", "val"))
        if each.pair.val is not None
    ]
    drawn = plot(lines, words="Validation loss of both runs", unit="epoch") if lines else ""
    told = tag("ul", _verdict("A", a) + _verdict("B", b))
    return tag("h3", "What they learned") + drawn + told


def _verdict(who: str, found: Verdict) -> str:
    told = text(words.in_epochs(found.summary))
    return tag("li", f"<strong>{who}: {text(VERDICTS[found.verdict])}.</strong> {told}")


def _parts(found: TraceComparison) -> str:
    rows = [
        [text(part.title), text(ms(part.a)), text(ms(part.b)), text(_signed(part.difference))]
        for part in found.changes[:MAX_ROWS]
        if part.a or part.b
    ]
    head = ["Part of a step", "A", "B", "Difference"]
    return tag("h3", "Where the difference is") + table(head, rows) if rows else ""


def _signed(value: float) -> str:
    shown = ms(abs(value))
    return shown if shown == ms(0) else f"{'+' if value > 0 else '−'}{shown}"


def _findings(found: TraceComparison) -> str:
    lines = []
    for each in found.findings:
        cost = ""
        if each.a_ms and each.b_ms:
            cost = f": {ms(each.a_ms)} before, {ms(each.b_ms)} now"
        elif each.finding.cost_ms:
            cost = f": {ms(each.finding.cost_ms)} a step"
        look = {"resolved": "good", "introduced": each.finding.severity}.get(each.state, "")
        mark = badge(each.state, look)
        lines.append(tag("li", f"{mark} <strong>{text(each.finding.title)}</strong>{text(cost)}"))
    if not lines:
        return ""
    return tag("h3", "Findings of either") + tag("ul", "".join(lines), "checks")
