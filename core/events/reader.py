"""Loading event files: file by file, what is bad reported, what is good stacked."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.errors import NotFound, Unreadable
from core.events import library, records, tables
from core.events.files import Problem, find_event_files
from core.events.rows import Rows, merge
from core.events.snapshot import Snapshot
from core.runs import spelled

KINDS = tables.KINDS


@dataclass(frozen=True, slots=True)
class Events:
    """Everything that was asked for, of all files. Frames of kinds not asked for are empty.

    Rows are sorted by run, then tag, then file order (files by name). ``run`` and ``tag`` are
    categories; ``run`` is the posix path of the file's folder below the root, "." for the root
    itself; ``step`` is int64; ``wall_time`` float64 in seconds since the epoch (UTC).

    Attributes:
        scalars: run, tag, step, wall_time, value (float64; NaN and infinities are kept).
        images: run, tag, step, wall_time, png (the encoded picture as bytes: PNG from
            ``add_image``, other formats as their writer left them), width, height in pixels.
        histograms: run, tag, step, wall_time, limits and counts (float64 arrays of equal length:
            ``limits[i]`` is the right edge of the bin that holds ``counts[i]`` values), and min,
            max, num, sum, sum_squares of the values (NaN where the writer did not say).
        text: run, tag, step, wall_time, value (str).
        hparams: run, name, value (int and bool come back as float from the file format).
        pr_curves: run, tag, step, wall_time, precision and recall (float arrays of equal length).
        tensors: run, tag, step, wall_time, value (numeric arrays that are none of the above).
        problems: the files that could not be read, or not to their end.
        files: the files that gave rows or could at least be parsed.
    """

    scalars: pd.DataFrame
    images: pd.DataFrame
    histograms: pd.DataFrame
    text: pd.DataFrame
    hparams: pd.DataFrame
    pr_curves: pd.DataFrame
    tensors: pd.DataFrame
    problems: tuple[Problem, ...]
    files: tuple[Path, ...]

    def require_files(self) -> None:
        """Insist that at least one file could be read.

        Raises:
            Unreadable: every file is bad; the message names the first.
        """
        if not self.files and self.problems:
            first = self.problems[0]
            more = f" ({len(self.problems)} such files.)" if len(self.problems) > 1 else ""
            raise Unreadable(f"{first.file} {first.message}{more}")


def load(
    path_or_files: Path | str | Iterable[Path],
    kinds: Collection[str] = frozenset({"scalars"}),
    root: Path | None = None,
    tags: Collection[str] | None = None,
    steps: Collection[int] | None = None,
) -> Events:
    """Read event files: new bytes only, and nothing that is already known.

    Args:
        path_or_files: a folder (searched recursively), one file, or the files themselves.
        kinds: what to read, a subset of :data:`KINDS`.
        root: the folder that runs are named relative to. By default the folder given, or the
            deepest folder common to the files.
        tags: read only these tags (None: all); hyper-parameters have none and are always read.
        steps: read only values of these steps (None: all).

    Raises:
        NotFound: the path does not exist or holds no event file.
        ValueError: an unknown kind.
    """
    unknown = set(kinds) - KINDS
    if unknown:
        raise ValueError(f"Unknown kinds of events: {sorted(unknown)}; known: {sorted(KINDS)}")
    files, base = resolve(path_or_files)
    base = base if root is None else Path(root)
    known = [(run_key(each.path, base), each) for each in library.get_all(files)]
    problems = [problem for _, each in known for problem in each.problems()]
    frames = {kind: [] for kind in KINDS - {"scalars"}}
    others = set(kinds) - {"scalars"}
    for run, each in known if others else ():
        found, messages = _others(each, others, tags, steps)
        problems.extend(messages)
        for kind, frame in found.items():
            if len(frame):
                frames[kind].append(frame.assign(run=run))
    return Events(
        scalars=_scalars(known if "scalars" in kinds else (), tags, steps),
        **{kind: _assemble(kind, parts) for kind, parts in frames.items()},
        problems=tuple(problems),
        files=tuple(each.path for _, each in known if each.state.started),
    )


def _others(
    snapshot: Snapshot,
    kinds: Collection[str],
    tags: Collection[str] | None,
    steps: Collection[int] | None,
) -> tuple[dict[str, pd.DataFrame], list[Problem]]:
    """Everything but scalars from one file, and what went wrong."""
    try:
        found, lost = records.read(snapshot, kinds, tags, steps)
    except OSError as error:
        message = f"cannot be read any more: {error.strerror or error}."
        return {}, [Problem(snapshot.path, message)]
    if not lost:
        return found, []
    what = ", ".join(sorted({value.kind for value in lost}))
    first = lost[0].offset
    several = f" ({len(lost):,} records)" if len(lost) > 1 else ""
    message = f"holds {what} that cannot be parsed, at byte {first:,}{several}."
    return found, [Problem(snapshot.path, message, first)]


def resolve(path_or_files: Path | str | Iterable[Path]) -> tuple[list[Path], Path]:
    """The event files meant, and the folder that runs are named relative to by default.

    Raises:
        NotFound: the path does not exist or holds no event file.
    """
    if isinstance(path_or_files, (str, os.PathLike)):
        path = Path(path_or_files)
        if not path.exists():
            raise NotFound(f"{path} does not exist. Give a folder with event files, or one file.")
        files = find_event_files(path)
        if not files:
            raise NotFound(
                f"No event files (*tfevents*) below {path}. Log with SummaryWriter, or give the "
                "folder it writes to."
            )
        return files, path if path.is_dir() else path.parent
    files = [Path(file) for file in path_or_files]
    if not files:
        raise NotFound("No event files given.")
    common = os.path.commonpath([file.absolute().parent for file in files])
    return files, Path(common)


def run_key(file: Path, root: Path) -> str:
    """The run that a file belongs to: its folder below the root, as a POSIX path."""
    folder, top = file.absolute().parent, root.absolute()
    below = folder.relative_to(top) if folder.is_relative_to(top) else folder
    return spelled(below.as_posix())


def _scalars(
    snapshots: Sequence[tuple[str, Snapshot]], tags: Collection[str] | None, steps: Any
) -> pd.DataFrame:
    """Scalars of many files, sorted by run, then tag; those of a single file are not copied."""
    by_run: dict[str, list[Rows]] = {}
    for run, each in snapshots:
        rows = each.rows if tags is None else each.rows.only(list(tags))
        if len(rows):
            by_run.setdefault(run, []).append(rows)
    runs = sorted(by_run)
    merged = [merge(by_run[run]) for run in runs]
    if not merged:
        return _nothing("scalars").copy()
    names = sorted({tag for rows in merged for tag in rows.tags})
    number = {tag: index for index, tag in enumerate(names)}
    counts = [np.diff(rows.bounds) for rows in merged]
    numbers = [[number[tag] for tag in rows.tags] for rows in merged]
    columns = {
        "run": _categorical(np.arange(len(runs)), [len(rows) for rows in merged], runs),
        "tag": _categorical(_joined(numbers), _joined(counts), names),
        "step": _joined([rows.step for rows in merged]),
        "wall_time": _joined([rows.wall_time for rows in merged]),
        "value": _joined([rows.value for rows in merged]),
    }
    frame = pd.DataFrame(columns, copy=False)
    return frame if steps is None else _of_steps(frame, steps)


def _of_steps(frame: pd.DataFrame, steps: Collection[int]) -> pd.DataFrame:
    frame = frame.loc[frame["step"].isin(list(steps))].reset_index(drop=True)
    return frame.assign(
        run=frame["run"].cat.remove_unused_categories(),
        tag=frame["tag"].cat.remove_unused_categories(),
    )


def _joined(parts: Sequence[Any]) -> np.ndarray:
    return np.asarray(parts[0]) if len(parts) == 1 else np.concatenate(parts)


def _categorical(codes: np.ndarray, counts: Any, names: list[str]) -> pd.Categorical:
    """Each code so many times; in the smallest type, which pandas then need not convert to."""
    small = np.min_scalar_type(-len(names) - 1)
    repeated = np.repeat(codes.astype(small), counts)
    return pd.Categorical.from_codes(repeated, dtype=pd.CategoricalDtype(names), validate=False)


def _assemble(kind: str, parts: list[pd.DataFrame]) -> pd.DataFrame:
    if not parts:
        return _nothing(kind).copy()
    frame = pd.concat(parts, ignore_index=True)
    keys = [key for key in ("run", "tag") if key in frame]
    frame = frame.astype({key: pd.CategoricalDtype(sorted(frame[key].unique())) for key in keys})
    frame = frame.sort_values(keys, kind="stable", ignore_index=True)
    return frame.loc[:, ["run", *(name for name in frame.columns if name != "run")]]


@cache
def _nothing(kind: str) -> pd.DataFrame:
    """A frame of one kind without rows; making it anew costs as much as reading thousands."""
    frame = tables.empty(kind)
    frame.insert(0, "run", pd.Series(dtype="str"))
    return frame.astype({key: "category" for key in ("run", "tag") if key in frame})
