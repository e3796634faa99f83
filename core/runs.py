"""What a run is on disk, finding runs below the allowed roots, and path safety.

A run is a folder that holds TensorBoard event files, profiler traces, or a ``job.json`` of ours.
Sub-folders that frameworks make for a part of the same run (``train/`` and ``validation/`` of
Keras, ``loss_train/`` of ``add_scalars``, ``1700000000.5/`` of ``add_hparams``, ``trace/``,
``plugins/profile/``) belong to their parent.
Nothing here writes, follows a symbolic link to a folder, or leaves the roots: a link to a file
counts only where the file lies below the same root.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import NotAllowed, NotFound

MAX_DEPTH = 8
"""Folders deeper than this below a root are not searched."""

JOB_FILE = "job.json"
"""What GPUlse writes into the folder of each of its own runs."""

_SPLIT = r"(train|training|val|valid|validation|eval|evaluation|test)"
_PART = re.compile(
    rf"({_SPLIT}|(\w*_)?loss_{_SPLIT}|{_SPLIT}_loss|traces?|profile|profiler|plugins|checkpoints)",
    re.IGNORECASE,
)
# ``SummaryWriter.add_hparams`` writes into a folder named by the time, beside the run's own files.
_HPARAMS = re.compile(r"\d{10}\.\d+")
_TRACE = re.compile(r"(\.pt\.trace\.json|\.json\.gz|trace[^/]*\.json)(\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Run:
    """One run folder.

    Attributes:
        key: POSIX path below its root (absolute for the root itself); what URLs carry.
        path: absolute folder.
        event_files: absolute paths, sorted.
        trace_files: absolute paths, sorted.
        job: content of ``job.json`` where GPUlse made the run, else None.
        modified: latest modification time of its files, seconds since the epoch.
    """

    key: str
    path: Path
    event_files: tuple[Path, ...] = ()
    trace_files: tuple[Path, ...] = ()
    job: dict[str, Any] | None = field(default=None, hash=False)
    modified: float = 0.0

    @property
    def kind(self) -> str:
        """What made it: train, profile, tune, watch; "" for somebody else's."""
        kind = (self.job or {}).get("kind")
        return kind if isinstance(kind, str) else ""

    @property
    def stamp(self) -> tuple[tuple[str, int, int], ...]:
        """(path, size, mtime in ns) of each file: equal stamps mean unchanged content."""
        return file_stamp(self.event_files + self.trace_files)


def spelled(path: Path | str) -> str:
    """A path as text for screens, URLs and JSON: bytes that are not UTF-8 as ``\\xNN``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def file_stamp(files: Iterable[Path]) -> tuple[tuple[str, int, int], ...]:
    """(path, size in bytes, mtime in ns) of each file that is there; a key for caches."""
    stamps = []
    for path in files:
        try:
            status = path.stat()
        except OSError:
            continue
        stamps.append((str(path), status.st_size, status.st_mtime_ns))
    return tuple(stamps)


def is_event_file(name: str) -> bool:
    """Whether a file name is one that TensorBoard reads (AppleDouble copies are not)."""
    return "tfevents" in name and not name.startswith("._")


def is_trace_file(name: str) -> bool:
    """Whether a file name is one that ``torch.profiler`` or its users give to a trace."""
    return bool(_TRACE.search(name)) and not name.startswith("._")


def is_run_file(name: str) -> bool:
    """Whether a file of this name makes or belongs to a run."""
    return name == JOB_FILE or is_event_file(name) or is_trace_file(name)


def read_job(folder: Path) -> dict[str, Any] | None:
    """``job.json`` of a run folder, or None where there is none that can be read."""
    try:
        content = json.loads((folder / JOB_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _is_own_file(entry: os.DirEntry[str], root: Path) -> bool:
    if not entry.is_symlink():
        return entry.is_file()
    target = Path(entry.path).resolve()
    return target.is_file() and root.resolve() in target.parents


def _walk(
    folder: Path, root: Path, depth: int = 0
) -> Iterator[tuple[Path, list[os.DirEntry[str]]]]:
    """(folder, its files) top down; unreadable folders and links to folders are passed over."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    yield folder, [entry for entry in found if _is_own_file(entry, root)]
    if depth < MAX_DEPTH:
        for entry in found:
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                yield from _walk(Path(entry.path), root, depth + 1)


def _owner(folder: Path, root: Path, jobs: set[Path], logged: Container[Path]) -> Path:
    """The run folder that a folder with logs belongs to.

    Args:
        logged: run folders with event files that were met above it.
    """
    for parent in (folder, *folder.parents):
        if parent in jobs:
            return parent
        if parent == root:
            break
    while folder != root and _PART.fullmatch(folder.name):
        folder = folder.parent
    if folder != root and _HPARAMS.fullmatch(folder.name) and folder.parent in logged:
        return folder.parent
    return folder


def _discover_root(root: Path) -> Iterator[Run]:
    jobs: set[Path] = set()
    events: dict[Path, list[Path]] = {}
    traces: dict[Path, list[Path]] = {}
    modified: dict[Path, float] = {}
    for folder, files in _walk(root, root):
        for entry in files:
            if entry.name == JOB_FILE:
                jobs.add(folder)
                modified[folder] = max(modified.get(folder, 0.0), _mtime(entry))
        for entry in files:
            kind = events if is_event_file(entry.name) else None
            if kind is None and is_trace_file(entry.name):
                kind = traces
            if kind is not None:
                owner = _owner(folder, root, jobs, events)
                kind.setdefault(owner, []).append(Path(entry.path))
                modified[owner] = max(modified.get(owner, 0.0), _mtime(entry))
    for folder in {*jobs, *events, *traces}:
        yield Run(
            key=spelled(folder.relative_to(root).as_posix()),
            path=folder,
            event_files=tuple(sorted(events.get(folder, ()))),
            trace_files=tuple(sorted(traces.get(folder, ()))),
            job=read_job(folder) if folder in jobs else None,
            modified=modified.get(folder, 0.0),
        )


def _mtime(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:
        return 0.0


def discover(roots: Iterable[Path]) -> list[Run]:
    """All runs below the roots, newest first, each folder once.

    A key that two roots share is replaced, for the later root, by the absolute path, which
    :func:`find` accepts too; so is that of a root that is a run itself.
    """
    found: dict[Path, Run] = {}
    keys: set[str] = set()
    for root in roots:
        for run in _discover_root(root.absolute()):
            if run.path in found:
                continue
            shared = run.key in keys or run.key == "."
            key = spelled(run.path.as_posix()) if shared else run.key
            keys.add(key)
            found[run.path] = Run(
                key, run.path, run.event_files, run.trace_files, run.job, run.modified
            )
    return sorted(found.values(), key=lambda run: run.modified, reverse=True)


def safe_path(text: str, roots: Iterable[Path]) -> Path:
    """Resolve a path from a user or URL below an allowed root, or refuse it.

    Args:
        text: a path relative to one of the roots, or an absolute one.
        roots: the folders that may be read.

    Raises:
        NotAllowed: it lies outside every root, also by way of ``..`` or a symbolic link.
        NotFound: it lies inside, but nothing is there.
    """
    if "\0" in text:
        raise NotAllowed("A path must not hold a NUL character. Choose a run from the list.")
    inside = False
    for root in roots:
        base = root.expanduser().resolve()
        candidate = (base / text).resolve()
        if candidate == base or base in candidate.parents:
            inside = True
            if candidate.exists():
                return candidate
    if inside:
        raise NotFound(f"There is no {text!r} below the allowed folders. Choose one from the list.")
    raise NotAllowed(
        f"{text!r} is outside the folders that may be read. Add its folder to GPULSE_ROOTS."
    )


def find(key: str, roots: Iterable[Path]) -> Run:
    """The run with this key.

    Raises:
        NotAllowed: the key points outside the roots.
        NotFound: nothing is there, or the folder holds neither event files nor traces.
    """
    roots = tuple(roots)
    try:
        path = safe_path(key, roots)
    except NotFound:
        # A name that is not UTF-8 is spelled in its key, so it is no path.
        path = next((run.path for run in discover(roots) if run.key == key), None)
        if path is None:
            raise
    for run in _discover_root(path):
        if run.path == path:
            return Run(key, path, run.event_files, run.trace_files, run.job, run.modified)
    raise NotFound(f"{key!r} holds no event file and no trace. Choose a run folder.")
