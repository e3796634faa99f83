"""What event files hold, a line for each curve or series, without the data themselves."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from core.events import derived, library, records
from core.events.files import Problem
from core.events.reader import resolve, run_key
from core.events.rows import Rows
from core.events.snapshot import Snapshot
from core.events.values import Value
from core.runs import spelled

COLUMNS: dict[str, str] = {
    "run": "str", "tag": "str", "kind": "str", "points": "int64",
    "first_step": "int64", "last_step": "int64", "first_time": "float64", "last_time": "float64",
    "last": "float64", "low": "float64", "low_step": "int64", "high": "float64",
    "high_step": "int64", "nonfinite": "int64", "restarts": "int64", "steps": "object",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Contents:
    """The table of contents of event files.

    Attributes:
        frame: one row for each (run, tag, kind), sorted by them: run, tag, kind, points (number
            of rows), first_step and last_step in file order, first_time and last_time (smallest
            and largest wall time, s since the epoch), and for scalars last (value), low and
            high (finite values only, NaN without any) with their first steps, nonfinite (count)
            and restarts (times that the step goes back); 0 or NaN for other kinds.
            ``steps``: int64[points] in file order for other kinds, None for scalars.
            Hyper-parameters have one row a run, tag "", points = their number, no steps or times.
        problems: the files that could not be read, or not to their end.
    """

    frame: pd.DataFrame
    problems: tuple[Problem, ...]


class _Line(msgspec.Struct, array_like=True):
    """One row of the table without its run, as it is kept on disk."""

    tag: str
    kind: str
    points: int
    first_step: int = 0
    last_step: int = 0
    first_time: float = math.nan
    last_time: float = math.nan
    last: float = math.nan
    low: float = math.nan
    low_step: int = 0
    high: float = math.nan
    high_step: int = 0
    nonfinite: int = 0
    restarts: int = 0
    steps: list[int] | None = None


class _Summary(msgspec.Struct, array_like=True):
    """What one file holds, and what of it cannot be read (message, offset, pending)."""

    lines: list[_Line]
    problems: list[tuple[str, int | None, bool]]


_KEPT = "contents/1"
# MessagePack, not JSON: it has NaN and infinities.
_decode = msgspec.msgpack.Decoder(_Summary).decode
_encode = msgspec.msgpack.encode


def contents(path_or_files: Path | str | Iterable[Path], root: Path | None = None) -> Contents:
    """List what event files hold. Of a file that did not change nothing but its status is read.

    Args:
        path_or_files: a folder (searched recursively), one file, or the files themselves.
        root: the folder that runs are named relative to, as for :func:`core.events.load`.

    Raises:
        NotFound: the path does not exist or holds no event file.
    """
    files, base = resolve(path_or_files)
    base = base if root is None else Path(root)
    summaries = _summaries(files)
    lines = [
        (run_key(file, base), line)
        for file, summary in zip(files, summaries, strict=True)
        for line in summary.lines
    ]
    problems = tuple(
        Problem(file, *problem)
        for file, summary in zip(files, summaries, strict=True)
        for problem in summary.problems
    )
    return Contents(_table(lines), problems)


def _summaries(files: Sequence[Path]) -> list[_Summary]:
    stamps = {file: identity_stamp(file) for file in files}
    keys = {file: spelled(file.absolute()) for file in files}
    kept = derived.recall(_KEPT, {keys[file]: stamps[file] for file in files if stamps[file]})
    found: dict[Path, _Summary] = {}
    for file in files:
        with contextlib.suppress(KeyError, msgspec.MsgspecError):
            found[file] = _decode(kept[keys[file]])
    missing = [file for file in files if file not in found]
    fresh: dict[str, tuple[str, bytes]] = {}
    for snapshot in library.get_all(missing):
        summary = _summary(snapshot)
        found[snapshot.path] = summary
        if not any(problem.pending for problem in snapshot.problems()):
            fresh[keys[snapshot.path]] = (snapshot.identity.stamp, _encode(summary))
    if fresh:
        derived.keep(_KEPT, fresh)
    return [found[file] for file in files]


def identity_stamp(file: Path) -> str:
    """Text that tells a file's content from any other it had, "" where there is no file."""
    identity = library.identity_of(file)
    return identity.stamp if identity else ""


def _summary(snapshot: Snapshot) -> _Summary:
    lines = [*_scalar_lines(snapshot.rows), *_value_lines(snapshot)]
    problems = [(each.message, each.offset, each.pending) for each in snapshot.problems()]
    return _Summary(lines, problems)


def _scalar_lines(rows: Rows) -> Iterator[_Line]:
    for tag, part in rows.parts():
        step, time, value = rows.step[part], rows.wall_time[part], rows.value[part]
        finite = np.isfinite(value)
        line = _Line(tag, "scalars", len(step))
        line.first_step, line.last_step = int(step[0]), int(step[-1])
        line.first_time, line.last_time = float(time.min()), float(time.max())
        line.last, line.nonfinite = float(value[-1]), int(len(value) - finite.sum())
        line.restarts = int((step[1:] < step[:-1]).sum())
        if finite.any():
            low = int(np.where(finite, value, np.inf).argmin())
            high = int(np.where(finite, value, -np.inf).argmax())
            line.low, line.low_step = float(value[low]), int(step[low])
            line.high, line.high_step = float(value[high]), int(step[high])
        yield line


def _value_lines(snapshot: Snapshot) -> Iterator[_Line]:
    series: dict[tuple[str, str], list[Value]] = {}
    for value in snapshot.values:
        series.setdefault((value.kind, value.tag), []).append(value)
    if any(kind == "hparams" for kind, _ in series):
        found, _ = records.read(snapshot, ("hparams",))
        if len(found["hparams"]):
            yield _Line("", "hparams", len(found["hparams"]))
    for (kind, tag), listed in series.items():
        if kind != "hparams":
            line = _Line(tag, kind, len(listed), listed[0].step, listed[-1].step)
            times = [value.wall_time for value in listed]
            line.first_time, line.last_time = min(times), max(times)
            line.steps = [value.step for value in listed]
            yield line


def _table(lines: list[tuple[str, _Line]]) -> pd.DataFrame:
    lines = _merged(lines)
    columns: dict[str, Any] = {"run": [run for run, _ in lines]}
    for name in _Line.__struct_fields__:
        columns[name] = [getattr(line, name) for _, line in lines]
    columns["steps"] = [
        None if steps is None else np.array(steps, np.int64) for steps in columns["steps"]
    ]
    table = pd.DataFrame(columns, columns=list(COLUMNS)).astype(COLUMNS)
    return table.sort_values(["run", "tag", "kind"], ignore_index=True)


def _merged(lines: list[tuple[str, _Line]]) -> list[tuple[str, _Line]]:
    """Lines of one series in several files made one; the files are in order."""
    merged: dict[tuple[str, str, str], _Line] = {}
    for run, line in lines:
        key = (run, line.tag, line.kind)
        merged[key] = _both(merged[key], line) if key in merged else line
    return [(run, line) for (run, _, _), line in merged.items()]


def _both(first: _Line, second: _Line) -> _Line:
    """Two lines of one series, the second written later."""
    line = msgspec.structs.replace(
        first,
        points=first.points + second.points,
        last_step=second.last_step,
        first_time=min(first.first_time, second.first_time),
        last_time=max(first.last_time, second.last_time),
        last=second.last,
        nonfinite=first.nonfinite + second.nonfinite,
    )
    if line.kind == "scalars":
        line.restarts += second.restarts + (second.first_step < first.last_step)
    if not second.low >= first.low and not math.isnan(second.low):
        line.low, line.low_step = second.low, second.low_step
    if not second.high <= first.high and not math.isnan(second.high):
        line.high, line.high_step = second.high, second.high_step
    if first.steps is not None and second.steps is not None:
        line.steps = first.steps + second.steps
    return line
