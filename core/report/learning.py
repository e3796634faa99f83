"""The verdict on the losses of a run, with its evidence, the curves over their zones, advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core import dynamics
from core.dynamics import LossPair, Verdict, words
from core.dynamics.bands import bands
from core.report.markup import badge, cut, name, number, table, tag, text
from core.report.plots import Line, Mark, plot
from core.runs import Run

MAX_PAIRS = 3
"""Pairs of losses of one run that are shown in full; a table has the others."""

VERDICTS: dict[str, str] = {
    "underfitting": "Underfitting",
    "optimal": "Optimal",
    "overfitting": "Overfitting",
    "diverged": "Diverged",
    "not-learning": "Not learning",
    "noisy": "Too noisy to tell",
    "too-short": "Too short to tell",
    "no-validation": "No validation loss",
}
"""The words of verdicts, as on the pages."""

_LOOK = {
    "overfitting": "critical",
    "diverged": "critical",
    "not-learning": "critical",
    "noisy": "warning",
    "optimal": "good",
}
_SURE = {"high": "sure", "medium": "likely", "low": "doubtful"}
_STATUS = {"fail": ("failed", "critical"), "warning": ("warning", "warning"), "ok": ("ok", "good")}


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair of losses with the verdict on it."""

    pair: LossPair
    verdict: Verdict


def section(run: Run, judged: Sequence[Judged]) -> str:
    """Every pair of losses of a run; what to log where there is none."""
    if not judged:
        return tag("p", text(_NONE))
    parts = []
    for each in judged[:MAX_PAIRS]:
        if len(judged) > 1:
            parts.append(tag("h3", name(each.pair.run)))
        parts.append(_pair(run, each.pair, each.verdict))
    rows = [
        [name(each.pair.run), text(VERDICTS[each.verdict.verdict]),
         text(number(each.verdict.best_value)), text(_step(each.verdict.best_step))]
        for each in judged[MAX_PAIRS:]
    ]  # fmt: skip
    return "".join([*parts, table(["Also", "Verdict", "Best", "At step"], rows)])


_NONE = "No losses found: log a training and a validation loss to have the run judged."


def _step(step: int | None) -> str:
    return "–" if step is None else f"{step:,}"


def _pair(run: Run, pair: LossPair, verdict: Verdict) -> str:
    ours = run.job is not None
    unit = "epoch" if ours else "step"
    called = " and ".join(
        (cut(pair.train_tag) or "no training loss", cut(pair.val_tag) or "no validation loss")
    )
    return "".join(
        [
            _said(verdict, ours),
            _picture(pair, verdict, unit),
            tag("p", text(f"Judged by {called}, {verdict.points:,} points."), "soft"),
            _checkpoint(run, verdict, unit),
            _advice(verdict, ours),
            _checks(verdict, ours),
        ]
    )


def _in_unit(sentence: str, ours: bool) -> str:
    return words.in_epochs(sentence) if ours else sentence


def _said(verdict: Verdict, ours: bool) -> str:
    sure = dynamics.confidence_level(verdict.verdict, verdict.confidence)
    title = VERDICTS[verdict.verdict]
    if sure is not None:
        title += f" · {_SURE[sure]} ({words.most(min(verdict.confidence, 0.999))})"
    told = f"<strong>{text(title)}</strong><br>{text(_in_unit(verdict.summary, ours))}"
    return tag("p", told, f"verdict {_LOOK.get(verdict.verdict, '')}")


def _picture(pair: LossPair, verdict: Verdict, unit: str) -> str:
    span = pair.step_range()
    if span is None:
        return ""
    curves = (("Training", "train", pair.train), ("Validation", "val", pair.val))
    lines = [
        Line(f"{split} {pair.quantity}", look, curve)
        for split, look, curve in curves
        if curve is not None
    ]
    best = None
    if verdict.best_step is not None and verdict.best_value is not None:
        told = f"best {number(verdict.best_value)} at {unit} {verdict.best_step:,}"
        best = Mark(verdict.best_step, verdict.best_value, told)
    return plot(
        lines,
        words=f"{pair.quantity.capitalize()} by {unit} over its zones. {verdict.summary}",
        unit=unit,
        bands=bands(verdict, span[1]),
        best=best,
        good=verdict.best_band,
    )


def _checkpoint(run: Run, verdict: Verdict, unit: str) -> str:
    """What to keep, and where it lies."""
    if verdict.best_step is None:
        return ""
    told = f"Keep the checkpoint of {unit} {verdict.best_step:,}"
    low, high = verdict.best_band or (0, 0)
    if high > low:
        told += f"; those of {unit} {low:,} to {high:,} are as good"
    if (run.path / "checkpoints" / "best.pt").is_file():
        told += ". The run kept its best one as checkpoints/best.pt"
    return tag("p", text(f"{told}."))


def _advice(verdict: Verdict, ours: bool) -> str:
    if not verdict.advice:
        return ""
    parts = []
    for each in verdict.advice:
        changes = "\n".join(f"{key} = {value}" for key, value in each.overrides.items())
        body = tag("h4", text(_in_unit(each.title, ours)))
        body += tag("p", text(_in_unit(each.text, ours)))
        parts.append(tag("article", body + (tag("pre", text(changes)) if changes else "")))
    return tag("h3", "What to do") + "".join(parts)


def _checks(verdict: Verdict, ours: bool) -> str:
    """Failed ones first; those that lack what they need are counted."""
    lines = []
    for status, (word, look) in _STATUS.items():
        for check in verdict.checks:
            if check.status == status:
                told = _in_unit(f"{check.detail} {check.action}".strip(), ours)
                what = f"{badge(word, look)} <strong>{text(check.name)}</strong>: {text(told)}"
                lines.append(tag("li", what))
    if not lines:
        return ""
    unknown = sum(check.status == "unknown" for check in verdict.checks)
    rest = f"{unknown} more need what this run did not log." if unknown else ""
    listed = tag("ul", "".join(lines), "checks")
    return tag("h3", "Checks") + listed + (tag("p", text(rest), "soft") if rest else "")
