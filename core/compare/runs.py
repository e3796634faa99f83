"""Two runs -> what changed: learning, parameters, speed, and their traces where both have some."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.compare import learning
from core.compare.facts import PROFILE, Difference, Facts, differing, gather
from core.compare.learning import LossChange
from core.compare.measured import BATCH, Measured, measure
from core.compare.pace import Pace, pace
from core.compare.promised import kept, purpose
from core.compare.records import Promise, Speedup, TraceComparison, speed_json
from core.compare.speed import mean_interval
from core.compare.traces import compare_traces, speed_sentence
from core.dynamics import Verdict
from core.runs import Run
from core.traces import open_trace

_NAMED = 6
"""Parameters named in the sentence."""
_VERDICT = {"within": "within the range", "above": "above the range", "below": "below the range"}


@dataclass(frozen=True, slots=True, eq=False)
class RunComparison:
    """Two runs side by side.

    Attributes:
        a, b: their keys.
        answer: what came of the change, in one sentence.
        summary: the same in a few sentences, with the evidence.
        facts: what is known of each.
        verdicts: on the losses of A and B; None where a run has none.
        losses: train and validation loss against each other.
        measured: the speed-up by the best measure that they share; None without one.
        pace: speed by what both logged while training; None without a tag for it.
        params: (name, in A, in B) of each parameter that differs.
        machine: the same of what they ran on.
        profile: their traces side by side; None unless both have some.
        promises: predicted against measured, what B was launched for first.
        notes: what was chosen, what stands against comparing.
    """

    a: str
    b: str
    answer: str
    summary: str
    facts: tuple[Facts, Facts]
    verdicts: tuple[Verdict | None, Verdict | None]
    losses: tuple[LossChange, ...]
    measured: Measured | None
    pace: Pace | None
    params: tuple[Difference, ...]
    machine: tuple[Difference, ...]
    profile: TraceComparison | None
    promises: tuple[Promise, ...]
    notes: tuple[str, ...]

    @property
    def speedup(self) -> Speedup | None:
        """By the profiles, which findings and predictions are about, else by what was logged."""
        return None if self.measured is None else self.measured.speedup

    @property
    def step_ms(self) -> tuple[float, float] | None:
        """A step of A and of B, from where the speed-up comes."""
        return None if self.measured is None else self.measured.step_ms

    def to_json(self) -> dict[str, object]:
        """The ``compare`` record of the command line."""
        empty = {"changes": [], "resolved": [], "introduced": [], "kept": []}
        profile = self.profile.to_json() if self.profile is not None else empty
        paced = None
        if self.pace is not None:
            paced = {"tag": self.pace.tag, **speed_json(self.pace.speedup)}
            paced["step_ms"] = None if self.pace.step_ms is None else _rounded(self.pace.step_ms)
        a, b = (learning.verdict_json(each) for each in self.verdicts)
        return {
            "answer": self.answer,
            "summary": self.summary,
            **{key: value for key, value in profile.items() if key != "summary"},
            "kind": "runs",
            "a": self.a,
            "b": self.b,
            **speed_json(self.speedup),
            "step_ms": None if self.step_ms is None else _rounded(self.step_ms),
            "measured_by": None if self.measured is None else self.measured.by,
            "steps": {"a": steps_json(self.facts[0]), "b": steps_json(self.facts[1])},
            "promises": [promise.to_json() for promise in self.promises],
            "learning": {"a": a, "b": b},
            "losses": [change.to_json() for change in self.losses],
            "pace": paced,
            "params": [{"name": name, "a": one, "b": two} for name, one, two in self.params],
            "machine": [{"name": name, "a": one, "b": two} for name, one, two in self.machine],
            "notes": list(self.notes),
        }


def steps_json(facts: Facts) -> dict[str, object] | None:
    """The mean step of a run with its interval; None where its steps are not known in ms."""
    times = facts.step_times
    if times is None:
        return None
    low, high = mean_interval(times[1]) or (None, None)
    return {
        "by": times[0],
        "mean_ms": round(float(times[1].mean()), 3),
        "interval_ms": None if low is None or high is None else [round(low, 3), round(high, 3)],
        "steps": len(times[1]),
    }


def _rounded(values: tuple[float, float]) -> list[float]:
    return [round(value, 3) for value in values]


def compare_runs(
    a: Run,
    b: Run,
    profile: TraceComparison | None = None,
    facts: tuple[Facts, Facts] | None = None,
) -> RunComparison:
    """Compare what two runs logged, and their newest traces where both have some.

    Args:
        a, b: before and after.
        profile: their traces side by side where that is at hand.
        facts: what is known of them where that is at hand.

    Raises:
        Unreadable: a trace or event file is none.
    """
    one, two = facts or (gather(a), gather(b))
    whole = not (one.problem or two.problem)
    if profile is None and a.trace_files and b.trace_files and whole:
        profile = profiles(a, b)
    about = () if profile is None else tuple(dict.fromkeys((*_choice(a, b), *profile.notes)))
    measured = _measured(one, two, profile)
    speed = None if measured is None else measured.speedup
    params = differing(one.params, two.params)
    losses = learning.loss_changes(one.verdict, two.verdict)
    promise = kept(one, two, speed)
    others = profile.promises if profile is not None else ()
    promises = (promise, *(p for p in others if p.rules != promise.rules)) if promise else others
    # Of a change that was made for the losses nobody predicted the speed.
    predicted = () if purpose(one, two) else promises
    logged = pace(one.logged, two.logged)
    return RunComparison(
        a=a.key,
        b=b.key,
        answer=_answer(measured, predicted, losses),
        summary=_summary(profile, logged, (one, two), params, predicted),
        facts=(one, two),
        verdicts=(one.verdict, two.verdict),
        losses=losses,
        measured=measured,
        pace=logged,
        params=params,
        machine=differing(one.machine, two.machine),
        profile=profile,
        promises=promises,
        notes=(*_notes(one, two, measured, promise), *about),
    )


def _measured(a: Facts, b: Facts, profile: TraceComparison | None) -> Measured | None:
    if profile is not None and profile.speedup is not None:
        return Measured(profile.speedup, profile.step_ms, PROFILE)
    return measure(a, b)


def _answer(
    measured: Measured | None, promises: tuple[Promise, ...], losses: tuple[LossChange, ...]
) -> str:
    """Predicted and measured speed-up, and what became of the losses, in one sentence."""
    parts = []
    if measured is not None:
        speed = measured.speedup
        said = f"measured {speed.value:.2f}× ({speed.interval_in_words})"
        if promises:
            told = promises[0]
            said = f"predicted {told.low:.2f} to {told.high:.2f}×, {said}, {_VERDICT[told.verdict]}"
        elif speed.low is not None and not speed.certain:
            said = f"no difference in speed beyond the scatter of the steps: {said}"
        parts.append(said)
    learned = learning.losses_in_short(losses)
    if learned:
        parts.append(learned)
    sentence = "; ".join(parts)
    if not sentence:
        return "The two runs have nothing in common that could be compared."
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _summary(
    profile: TraceComparison | None,
    logged: Pace | None,
    facts: tuple[Facts, Facts],
    params: tuple[Difference, ...],
    promises: tuple[Promise, ...],
) -> str:
    said = [
        _speed(profile, logged),
        learning.loss_sentence(facts[0].verdict, facts[1].verdict),
        changed(params),
        *(promise.sentence for promise in promises[:1]),
    ]
    summary = " ".join(each for each in said if each)
    return summary or "The two runs have nothing in common that could be compared."


def _speed(profile: TraceComparison | None, logged: Pace | None) -> str:
    if logged is None:
        return profile.summary if profile else ""
    if profile is None or profile.speedup is None:
        return speed_sentence(logged.speedup, logged.step_ms, f"a step (by {logged.tag})")
    return (
        f"{profile.summary} Over the whole training it is {logged.speedup.value:.2f} times as fast "
        f"({logged.speedup.interval_in_words}, by {logged.tag})."
    )


def changed(params: tuple[Difference, ...]) -> str:
    """The parameters that differ in a sentence; "" where none does."""
    if not params:
        return ""
    named = ", ".join(f"{name} {one} → {two}" for name, one, two in params[:_NAMED])
    more = f" and {len(params) - _NAMED} more" if len(params) > _NAMED else ""
    return f"Changed: {named}{more}."


def _notes(a: Facts, b: Facts, measured: Measured | None, promise: Promise | None) -> list[str]:
    notes = []
    kinds = [(facts.run.job or {}).get("workload") for facts in (a, b)]
    if all(kinds) and kinds[0] != kinds[1]:
        notes.append(f"Different workloads: {kinds[0]} in A, {kinds[1]} in B.")
    notes += [facts.problem for facts in (a, b) if facts.problem]
    if bool(a.run.trace_files) != bool(b.run.trace_files):
        which = "A" if a.run.trace_files else "B"
        notes.append(f"Only {which} has a profile: no findings compared.")
    if measured is not None and measured.note:
        notes.append(measured.note)
    sizes = a.params.get(BATCH), b.params.get(BATCH)
    if None not in sizes and sizes[0] != sizes[1]:
        notes.append("Another batch size: a step is not the same work, samples a second compare.")
    return [*notes, *_devices(a, b), *_more_than_promised(a, b, promise)]


def _devices(a: Facts, b: Facts) -> list[str]:
    """Runs on different hardware, where no traces say so already."""
    names = a.machine.get("device"), b.machine.get("device")
    if a.diagnosis is not None and b.diagnosis is not None and a.diagnosis.device_index is not None:
        return []
    if all(names) and names[0] != names[1]:
        return [f"Different devices: {names[0]} in A, {names[1]} in B."]
    return []


def _more_than_promised(a: Facts, b: Facts, promise: Promise | None) -> list[str]:
    """What else was changed than what the prediction is about."""
    if promise is None or b.promise is None:
        return []
    more = [d for d in differing(a.params, b.params) if d[0] not in b.promise.changes]
    if not more:
        return []
    said = changed(tuple(more)).removeprefix("Changed: ").rstrip(".")
    return [f"Also changed, which the prediction does not know of: {said}."]


def profiles(a: Run, b: Run) -> TraceComparison:
    """The traces of two runs: those of one name where both have it, else the newest of each."""
    one, two = chosen(a, b)
    return compare_traces(open_trace(one), open_trace(two), notes=_choice(a, b))


def _choice(a: Run, b: Run) -> tuple[str, ...]:
    """Which traces are compared, where there was a choice."""
    return tuple(
        f"{name} has {len(run.trace_files)} traces; compared is {file.name}."
        for name, run, file in zip("AB", (a, b), chosen(a, b), strict=True)
        if len(run.trace_files) > 1
    )


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
