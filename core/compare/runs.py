"""Two runs -> what changed: learning, parameters, speed, and their traces where both have some."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.compare import learning
from core.compare.learning import Pace
from core.compare.records import Speedup, TraceComparison, speed_json
from core.compare.traces import compare_traces, speed_sentence
from core.dynamics import Verdict
from core.runs import Run
from core.traces import open_trace

_NAMED = 6
"""Parameters named in the sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class RunComparison:
    """Two runs side by side.

    Attributes:
        a, b: their keys.
        summary: the answer in a few sentences.
        verdicts: on the losses of A and B; None where a run has none.
        pace: speed by what both logged while training; None without a tag for it.
        params: (name, in A, in B) of each parameter that differs.
        profile: their traces side by side; None unless both have some.
        notes: what was chosen, what stands against comparing.
    """

    a: str
    b: str
    summary: str
    verdicts: tuple[Verdict | None, Verdict | None]
    pace: Pace | None
    params: tuple[tuple[str, str, str], ...]
    profile: TraceComparison | None
    notes: tuple[str, ...]

    @property
    def speedup(self) -> Speedup | None:
        """By the profiles, which findings and predictions are about, else by what was logged."""
        if self.profile is not None and self.profile.speedup is not None:
            return self.profile.speedup
        return None if self.pace is None else self.pace.speedup

    @property
    def step_ms(self) -> tuple[float, float] | None:
        """A step of A and of B, from where the speed-up comes."""
        if self.profile is not None and self.profile.speedup is not None:
            return self.profile.step_ms
        return None if self.pace is None else self.pace.step_ms

    def to_json(self) -> dict[str, object]:
        """The ``compare`` record of the command line."""
        empty = {"changes": [], "resolved": [], "introduced": [], "kept": []}
        profile = self.profile.to_json() if self.profile is not None else empty
        steps = self.step_ms
        pace = None
        if self.pace is not None:
            pace = {"tag": self.pace.tag, **speed_json(self.pace.speedup)}
            pace["step_ms"] = None if self.pace.step_ms is None else _rounded(self.pace.step_ms)
        a, b = (learning.verdict_json(each) for each in self.verdicts)
        return {
            "summary": self.summary,
            **{key: value for key, value in profile.items() if key != "summary"},
            "kind": "runs",
            "a": self.a,
            "b": self.b,
            **speed_json(self.speedup),
            "step_ms": None if steps is None else _rounded(steps),
            "learning": {"a": a, "b": b},
            "pace": pace,
            "params": [{"name": name, "a": one, "b": two} for name, one, two in self.params],
            "notes": list(self.notes),
        }


def _rounded(values: tuple[float, float]) -> list[float]:
    return [round(value, 3) for value in values]


def compare_runs(a: Run, b: Run, profile: TraceComparison | None = None) -> RunComparison:
    """Compare what two runs logged, and their newest traces where both have some.

    Args:
        a, b: before and after.
        profile: their traces side by side where that is at hand.

    Raises:
        Unreadable: a trace or event file is none.
    """
    scalars = learning.scalars_of(a), learning.scalars_of(b)
    verdicts = learning.verdict_of(scalars[0]), learning.verdict_of(scalars[1])
    if profile is None and a.trace_files and b.trace_files:
        profile = profiles(a, b)
    pace = learning.pace(*scalars)
    params = learning.differing(learning.parameters(a), learning.parameters(b))
    said = [
        _speed(profile, pace),
        learning.loss_sentence(*verdicts),
        _changed(params),
        *(promise.sentence for promise in (profile.promises[:1] if profile else ())),
    ]
    summary = " ".join(each for each in said if each)
    return RunComparison(
        a=a.key,
        b=b.key,
        summary=summary or "The two runs have nothing in common that could be compared.",
        verdicts=verdicts,
        pace=pace,
        params=params,
        profile=profile,
        notes=(*_notes(a, b), *(profile.notes if profile else ())),
    )


def _speed(profile: TraceComparison | None, pace: Pace | None) -> str:
    if pace is None:
        return profile.summary if profile else ""
    if profile is None or profile.speedup is None:
        return speed_sentence(pace.speedup, pace.step_ms, f"a step (by {pace.tag})")
    return (
        f"{profile.summary} Over the whole training it is {pace.speedup.value:.2f} times as fast "
        f"({pace.speedup.interval_in_words}, by {pace.tag})."
    )


def _changed(params: tuple[tuple[str, str, str], ...]) -> str:
    if not params:
        return ""
    named = ", ".join(f"{name} {one} → {two}" for name, one, two in params[:_NAMED])
    more = f" and {len(params) - _NAMED} more" if len(params) > _NAMED else ""
    return f"Changed: {named}{more}."


def _notes(a: Run, b: Run) -> list[str]:
    notes = []
    kinds = [(run.job or {}).get("workload") for run in (a, b)]
    if all(kinds) and kinds[0] != kinds[1]:
        notes.append(f"Different workloads: {kinds[0]} in A, {kinds[1]} in B.")
    if bool(a.trace_files) != bool(b.trace_files):
        notes.append(f"Only {'A' if a.trace_files else 'B'} has a profile: no findings compared.")
    return notes


def profiles(a: Run, b: Run) -> TraceComparison:
    """The traces of two runs: those of one name where both have it, else the newest of each."""
    one, two = chosen(a, b)
    notes = [
        f"{name} has {len(run.trace_files)} traces; compared is {file.name}."
        for name, run, file in (("A", a, one), ("B", b, two))
        if len(run.trace_files) > 1
    ]
    return compare_traces(open_trace(one), open_trace(two), notes=tuple(notes))


def chosen(a: Run, b: Run) -> tuple[Path, Path]:
    """The trace of each run to compare (each has one)."""
    names = [{_below(file, run): file for file in run.trace_files} for run in (a, b)]
    shared = sorted(set(names[0]) & set(names[1]))
    if shared:
        return names[0][shared[-1]], names[1][shared[-1]]
    newest = [max(run.trace_files, key=lambda file: file.stat().st_mtime) for run in (a, b)]
    return newest[0], newest[1]


def _below(file: Path, run: Run) -> str:
    return file.relative_to(run.path).as_posix() if run.path in file.parents else file.name
