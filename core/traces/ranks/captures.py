"""Which files of a folder are ranks of one job, and which step window each belongs to."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.traces.ranks.facts import Facts, read_head

_RANK = re.compile(r"(?:^|[^a-z])(?:rank|worker)[-_.]?(\d{1,6})(?!\d)", re.IGNORECASE)
_STEP = re.compile(r"(?:step|iter|iteration|capture)s?[-_.]?(\d{1,12})(?!\d)", re.IGNORECASE)
_PLACE = re.compile(r"(?:rank|worker|node|host|gpu|step|iter|iteration|capture)s?[-_.]?\d+",
                    re.IGNORECASE)  # fmt: skip
"""Folders that are made for a rank or a step window: they belong to the job's folder."""
_STAMP = re.compile(r"(?<!\d)(\d{10,19})(?!\d)")
"""``tensorboard_trace_handler`` writes HOST_PID.TIME.pt.trace.json, TIME in ms or ns."""


@dataclass(frozen=True, slots=True)
class RankFile:
    """One trace of a job.

    Attributes:
        path: the file.
        rank: of the process that wrote it.
        world_size: ranks of the job, None where the file does not say.
    """

    path: Path
    rank: int
    world_size: int | None


@dataclass(frozen=True, slots=True)
class Capture:
    """One step window of one job, as its ranks recorded it.

    Attributes:
        name: folder below the searched one, and the window, for the screen; "" when it is all.
        files: one a rank, by rank.
        world_size: ranks that the job has, present or not.
    """

    name: str
    files: tuple[RankFile, ...]
    world_size: int

    @property
    def ranks(self) -> tuple[int, ...]:
        """The ranks that are here, ascending."""
        return tuple(file.rank for file in self.files)

    @property
    def missing(self) -> tuple[int, ...]:
        """The ranks that are not here."""
        return tuple(sorted(set(range(self.world_size)) - set(self.ranks)))


@dataclass(frozen=True, slots=True)
class Sorted:
    """The traces of a folder, sorted.

    Attributes:
        captures: with two ranks or more, in the order of time.
        alone: every other file; a job of which one rank is here is not compared with anything.
        lone_ranks: what is known of those that are a rank of a larger job.
    """

    captures: tuple[Capture, ...]
    alone: tuple[Path, ...]
    lone_ranks: tuple[RankFile, ...]


def sort_traces(files: Sequence[Path], root: Path) -> Sorted:
    """Find the jobs among trace files.

    Files are ranks of one job where they lie in one folder (folders named after a rank, host or
    step belong to the one above), agree on world size and backend, and say which rank they are:
    ``distributedInfo`` in the file's head decides, else ``rank3`` or ``worker3`` in its name or
    folder. Several files of the same rank are step windows of their own.

    Args:
        files: the traces.
        root: the folder that was searched.
    """
    jobs: dict[tuple[Path, int | None, str], list[tuple[RankFile, Facts]]] = defaultdict(list)
    alone: list[Path] = []
    for path in files:
        facts = read_head(path)
        rank = facts.rank if facts.rank is not None else _named_rank(path, root)
        if rank is None:
            alone.append(path)
            continue
        file = RankFile(path, rank, facts.world_size)
        jobs[_home(path, root), facts.world_size, facts.backend].append((file, facts))
    captures: list[Capture] = []
    lone: list[RankFile] = []
    for (home, size, _), members in _with_unknowns(jobs).items():
        for name, mine in _windows(members):
            if len(mine) < 2:
                alone += [file.path for file in mine]
                lone += [file for file in mine if (size or 1) > 1]
                continue
            words = " · ".join(part for part in (_below(home, root), name) if part)
            count = max(size or 0, max(file.rank for file in mine) + 1)
            captures.append(Capture(words, mine, count))
    return Sorted(tuple(captures), tuple(sorted(alone)), tuple(lone))


def _with_unknowns(
    jobs: dict[tuple[Path, int | None, str], list[tuple[RankFile, Facts]]],
) -> dict[tuple[Path, int | None, str], list[tuple[RankFile, Facts]]]:
    """Files known by name alone join the job of their folder if it is the only one there.

    Such files are damaged ones (no head to read) of a job whose other ranks do say.
    """
    for key in [key for key in jobs if key[1] is None]:
        homes = [other for other in jobs if other[0] == key[0] and other[1] is not None]
        if len(homes) == 1:
            jobs[homes[0]] += jobs.pop(key)
    return jobs


def _named_rank(path: Path, root: Path) -> int | None:
    """The rank in the file's name, else in the nearest folder's below the root."""
    for place in (path, *path.parents):
        if place == root:
            return None
        found = _RANK.findall(place.name)
        if found:
            return int(found[-1])
    return None


def _home(path: Path, root: Path) -> Path:
    folder = path.parent
    while folder != root and root in folder.parents and _PLACE.fullmatch(folder.name):
        folder = folder.parent
    return folder


def _below(home: Path, root: Path) -> str:
    inside = home.relative_to(root).as_posix() if home.is_relative_to(root) else home.name
    return "" if inside == "." else inside


def _windows(
    members: Iterable[tuple[RankFile, Facts]],
) -> list[tuple[str, tuple[RankFile, ...]]]:
    """(name, files by rank) of each step window, in the order of time.

    A step in the name (``step_12``) decides where every file has one and no rank has two of the
    same; else the i-th file of each rank, by time, is the i-th window.
    """
    members = list(members)
    by_step: dict[int, dict[int, RankFile]] = defaultdict(dict)
    for file, _ in members:
        step = _STEP.search(f"{file.path.parent.name}/{file.path.name}")
        if step is None or file.rank in by_step[int(step[1])]:
            break
        by_step[int(step[1])][file.rank] = file
    else:
        return [
            (f"step {step}" if len(by_step) > 1 else "", _by_rank(files.values()))
            for step, files in sorted(by_step.items())
        ]
    per_rank: dict[int, list[tuple[RankFile, Facts]]] = defaultdict(list)
    for member in members:
        per_rank[member[0].rank].append(member)
    for mine in per_rank.values():
        mine.sort(key=_time)
    fullest = max(per_rank.values(), key=len)
    windows: list[dict[int, RankFile]] = [{} for _ in fullest]
    for rank, mine in per_rank.items():
        for at, (file, _) in zip(_places(mine, fullest), mine, strict=True):
            windows[at].setdefault(rank, file)
    several = len(windows) > 1
    return [
        (f"window {i + 1} of {len(windows)}" if several else "", _by_rank(window.values()))
        for i, window in enumerate(windows)
    ]


def _places(mine: list[tuple[RankFile, Facts]], fullest: list[tuple[RankFile, Facts]]) -> list[int]:
    """The window of each file of a rank; by time where the rank lacks some of the windows."""
    if len(mine) == len(fullest):
        return list(range(len(mine)))
    times = [_time(member)[0] for member in fullest]
    return [min(range(len(times)), key=lambda i: abs(times[i] - _time(m)[0])) for m in mine]


def _by_rank(files: Iterable[RankFile]) -> tuple[RankFile, ...]:
    return tuple(sorted(files, key=lambda file: file.rank))


def _time(member: tuple[RankFile, Facts]) -> tuple[int, str]:
    """When a file was written: the time in its name, else its first span, else its name."""
    file, facts = member
    stamp = _STAMP.findall(file.path.name)
    if stamp:
        return int(stamp[-1].ljust(19, "0")), file.path.name
    first = facts.base_ns + 1000 * (facts.first_us or 0)
    return first, file.path.name
