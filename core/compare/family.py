"""Which runs belong together: a job, what was made of it, and the sweeps they are part of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from core.runs import Run


@dataclass(frozen=True, slots=True)
class Member:
    """One run of a family.

    Attributes:
        run: which.
        parent: the member that it was made of; None for a root.
        depth: how many generations it is below its root.
    """

    run: Run
    parent: Run | None
    depth: int


def job_id(run: Run) -> str:
    """Id of the job that made a run, "" for anybody else's."""
    return _word(run, "id")


def _word(run: Run, name: str) -> str:
    value = (run.job or {}).get(name)
    return value if isinstance(value, str) else ""


def _created(run: Run) -> float:
    value = (run.job or {}).get("created")
    return float(value) if isinstance(value, (int, float)) else run.modified


def parent_of(run: Run, runs: Iterable[Run]) -> Run | None:
    """The run that a run was made of; None where it has no parent, or that is not there."""
    wanted = _word(run, "parent")
    if not wanted or wanted == job_id(run):
        return None
    return next((other for other in runs if job_id(other) == wanted), None)


def family_of(run: Run, runs: Iterable[Run]) -> list[Member]:
    """The family of a run: parents, children, and all jobs of its sweeps, transitively.

    A root comes first, then its children with all that was made of them, the oldest first; so do
    further roots, such as the other jobs of a sweep that was made of nothing.

    Args:
        run: of a job, else it is alone.
        runs: where its relatives are looked for.
    """
    by_id = {job_id(each): each for each in runs if job_id(each)}
    if not job_id(run):
        return [Member(run, None, 0)]
    by_id[job_id(run)] = run
    related = _related(job_id(run), by_id)
    children: dict[str, list[str]] = defaultdict(list)
    for name in sorted(related, key=lambda name: (_created(by_id[name]), name)):
        parent = _word(by_id[name], "parent")
        children[parent if parent in related and parent != name else ""].append(name)
    found = _in_order(children, by_id)
    # Jobs whose parents lead in a circle, which only a hand-made file can say, have no root.
    return found if any(each.run is run for each in found) else [Member(run, None, 0)]


def _related(start: str, by_id: dict[str, Run]) -> set[str]:
    """Ids that are joined to ``start`` by parents or by the name of a family."""
    neighbours: dict[str, set[str]] = defaultdict(set)
    of_family: dict[str, list[str]] = defaultdict(list)
    for name, run in by_id.items():
        parent = _word(run, "parent")
        if parent in by_id:
            neighbours[name].add(parent)
            neighbours[parent].add(name)
        if _word(run, "family"):
            of_family[_word(run, "family")].append(name)
    for names in of_family.values():
        neighbours[names[0]].update(names)
        for name in names:
            neighbours[name].add(names[0])
    found, waiting = {start}, [start]
    while waiting:
        new = neighbours[waiting.pop()] - found
        found |= new
        waiting.extend(new)
    return found


def _in_order(children: dict[str, list[str]], by_id: dict[str, Run]) -> list[Member]:
    """Depth first, from the roots on."""
    found: list[Member] = []
    waiting = [(name, "", 0) for name in reversed(children[""])]
    while waiting:
        name, parent, depth = waiting.pop()
        found.append(Member(by_id[name], by_id.get(parent), depth))
        waiting += [(child, name, depth + 1) for child in reversed(children[name])]
    return found
