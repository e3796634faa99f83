"""Loading event files: file by file, what is bad reported, what is good stacked."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from google.protobuf.message import DecodeError
from tensorboard.compat.tensorflow_stub import errors as tf_errors

from core.errors import NotFound, Unreadable
from core.events import tables
from core.events.files import Inspection, Problem, find_event_files, inspect, last_scalar

KINDS = tables.KINDS

# What tbparse and tensorboard let through on damaged or unusual content.
_PARSE_ERRORS = (
    DecodeError,
    tf_errors.OpError,
    OSError,
    MemoryError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    OverflowError,
)


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
            ``limits[i]`` is the right edge of the bin that holds ``counts[i]`` values).
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
    """Read event files with tbparse.

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
    files, base = _resolve(path_or_files)
    base = base if root is None else Path(root)
    frames: dict[str, list[pd.DataFrame]] = {kind: [] for kind in KINDS}
    problems: list[Problem] = []
    good: list[Path] = []
    for file in files:
        parsed, messages = _read(file, kinds)
        problems.extend(Problem(file, message) for message in messages)
        if parsed is None:
            continue
        good.append(file)
        run = _run_key(file, base)
        for kind, frame in parsed.items():
            if tags is not None and "tag" in frame:
                frame = frame.loc[frame["tag"].isin(tags)]
            if steps is not None and "step" in frame:
                frame = frame.loc[frame["step"].isin(steps)]
            if len(frame):
                frames[kind].append(frame.assign(run=run))
    return Events(
        **{kind: _assemble(kind, parts) for kind, parts in frames.items()},
        problems=tuple(problems),
        files=tuple(good),
    )


def _resolve(path_or_files: Path | str | Iterable[Path]) -> tuple[list[Path], Path]:
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


def _run_key(file: Path, root: Path) -> str:
    folder, top = file.absolute().parent, root.absolute()
    return folder.relative_to(top).as_posix() if folder.is_relative_to(top) else folder.as_posix()


def _read(file: Path, kinds: Collection[str]) -> tuple[dict[str, pd.DataFrame] | None, list[str]]:
    """Frames of one file (None if nothing of it can be read) and what went wrong."""
    try:
        inspection = inspect(file)
    except OSError as error:
        return None, [f"cannot be read: {error.strerror or error}."]
    messages = [inspection.problem] if inspection.problem else []
    if not inspection.records:
        return None, messages
    if inspection.whole_bytes == inspection.size_bytes and "tfevents" in file.name:
        parsed, failures = _parse(file, kinds)
    else:
        parsed, failures = _parse_whole_records(file, inspection, kinds)
    if (
        parsed is not None
        and "scalars" in parsed
        and _lost_tail(file, inspection, parsed["scalars"])
    ):
        failures.append("is damaged in the middle: what follows the damage is not read.")
    return parsed, messages + failures


def _lost_tail(file: Path, inspection: Inspection, scalars: pd.DataFrame) -> bool:
    last = last_scalar(file, inspection)
    if last is None:
        return False
    tag, step = last
    found = (scalars["tag"].to_numpy() == tag) & (scalars["step"].to_numpy() == step)
    return not bool(found.any())


def _parse_whole_records(
    file: Path, inspection: Inspection, kinds: Collection[str]
) -> tuple[dict[str, pd.DataFrame] | None, list[str]]:
    """Parse a temporary copy that ends where the last whole record does."""
    with tempfile.TemporaryDirectory(prefix="gpulse-") as folder:
        copy = Path(folder) / "events.out.tfevents.copy"
        with file.open("rb") as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target)
            target.truncate(inspection.whole_bytes)
        return _parse(copy, kinds)


def _parse(file: Path, kinds: Collection[str]) -> tuple[dict[str, pd.DataFrame] | None, list[str]]:
    try:
        return tables.read_file(file, kinds), []
    except _PARSE_ERRORS as error:
        if len(kinds) == 1:
            return None, [f"cannot be parsed: {_reason(error)}"]
    # One kind with odd content must not take the others with it.
    parsed: dict[str, pd.DataFrame] = {}
    messages: list[str] = []
    for kind in sorted(kinds):
        frame, _ = _parse(file, {kind})
        if frame is None:
            messages.append(f"holds {kind} that cannot be parsed.")
        else:
            parsed.update(frame)
    return parsed or None, messages


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{text[:120].rstrip('.')}."


def _assemble(kind: str, parts: list[pd.DataFrame]) -> pd.DataFrame:
    frame = pd.concat(parts, ignore_index=True) if parts else tables.empty(kind).assign(run="")
    keys = [key for key in ("run", "tag") if key in frame]
    frame = frame.astype({key: pd.CategoricalDtype(sorted(frame[key].unique())) for key in keys})
    frame = frame.sort_values(keys, kind="stable", ignore_index=True)
    return frame.loc[:, ["run", *(name for name in frame.columns if name != "run")]]
