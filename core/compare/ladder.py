"""A family of runs as a ladder of measured gains: each rung against its parent and the root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.compare.facts import Difference, Facts, differing
from core.compare.family import Member
from core.compare.measured import Measured, measure
from core.compare.promised import kept
from core.compare.records import Promise, speed_json
from core.compare.runs import changed, steps_json


@dataclass(frozen=True, slots=True, eq=False)
class Rung:
    """One run of a family.

    Attributes:
        facts: what is known of it.
        parent: key of the run that it was made of, "" for a root.
        depth: generations below its root.
        changed: parameters that differ from its parent's.
        over_parent: against its parent; None for a root, or where nothing is shared.
        over_root: the same against the first run of the ladder.
        promise: what it was launched for, against what was measured.
    """

    facts: Facts
    parent: str
    depth: int
    changed: tuple[Difference, ...]
    over_parent: Measured | None
    over_root: Measured | None
    promise: Promise | None

    @property
    def key(self) -> str:
        """Of its run."""
        return self.facts.run.key

    @property
    def step_ms(self) -> float | None:
        """Mean step, by its profile or as logged; None where that is not known in ms."""
        times = self.facts.step_times
        return None if times is None else float(np.mean(times[1]))

    def to_json(self) -> dict[str, object]:
        """Plain types for the command line."""
        verdict, use = self.facts.verdict, self.facts.use
        return {
            "run": self.key,
            "id": self.facts.id,
            "parent": self.parent,
            "depth": self.depth,
            "changed": [{"name": name, "a": one, "b": two} for name, one, two in self.changed],
            "step": steps_json(self.facts),
            "over_parent": _measured_json(self.over_parent),
            "over_root": _measured_json(self.over_root),
            "device_busy_pct": _rounded(use.device_pct),
            "cpu_pct": _rounded(use.cpu_pct),
            "best_val": None if verdict is None else verdict.best_value,
            "verdict": None if verdict is None else verdict.verdict,
            "promise": None if self.promise is None else self.promise.to_json(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """A family of runs.

    Attributes:
        rungs: the root first, children after their parents.
        summary: what it came to, in a sentence.
    """

    rungs: tuple[Rung, ...]
    summary: str

    def to_json(self) -> dict[str, object]:
        """The ``compare --family`` record of the command line."""
        return {
            "summary": self.summary,
            "kind": "family",
            "root": self.rungs[0].key if self.rungs else None,
            "runs": [rung.to_json() for rung in self.rungs],
        }


def make_ladder(members: Sequence[Member], facts: Mapping[str, Facts]) -> Ladder:
    """Each run of a family against its parent and against the first one.

    Args:
        members: of :func:`core.compare.family.family_of`.
        facts: of each of them, by the run's key; a run without is left out.
    """
    there = [member for member in members if member.run.key in facts]
    rungs = tuple(_rung(member, facts, there[0]) for member in there)
    return Ladder(rungs, _summary(rungs))


def _rung(member: Member, facts: Mapping[str, Facts], root: Member) -> Rung:
    mine = facts[member.run.key]
    parent = None if member.parent is None else facts.get(member.parent.key)
    over_parent = None if parent is None else measure(parent, mine)
    speed = None if over_parent is None else over_parent.speedup
    return Rung(
        facts=mine,
        parent="" if member.parent is None else member.parent.key,
        depth=member.depth,
        changed=() if parent is None else differing(parent.params, mine.params),
        over_parent=over_parent,
        over_root=None if member is root else measure(facts[root.run.key], mine),
        promise=None if parent is None else kept(parent, mine, speed),
    )


def _summary(rungs: tuple[Rung, ...]) -> str:
    if len(rungs) < 2:
        return "One run alone: relaunch it with a change, and each change becomes a rung."
    told = [(rung, rung.over_root.speedup) for rung in rungs if rung.over_root is not None]
    said = f"{len(rungs)} runs."
    if told:
        best, speed = max(told, key=lambda pair: pair[1].value)
        what = changed(differing(rungs[0].facts.params, best.facts.params)).rstrip(".")
        why = f" with {what.removeprefix('Changed: ')}" if what else ""
        said += (
            (
                f" The fastest is {best.key}: {speed.value:.2f} times as fast as the first one "
                f"({speed.interval_in_words}){why}."
            )
            if speed.value > 1
            else " None is faster than the first one."
        )
    held = [rung.promise.verdict for rung in rungs if rung.promise is not None]
    if held:
        within = held.count("within")
        said += f" {within} of {len(held)} gains lie in their predicted range."
    return said


def _measured_json(found: Measured | None) -> dict[str, object] | None:
    if found is None:
        return None
    steps = None if found.step_ms is None else [round(value, 3) for value in found.step_ms]
    return {**speed_json(found.speedup), "step_ms": steps, "by": found.by, "note": found.note}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
