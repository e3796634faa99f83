"""Summaries of ranks kept in the state folder by content; they may vanish at any time."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from core import cachedir
from core.errors import GpulseError
from core.traces.identity import content_key
from core.traces.ranks.summary import RankSummary, unpack


def folder() -> Path:
    """Where summaries are."""
    return cachedir.folder("ranks")


def _file_of(path: Path, where: Path) -> Path | None:
    try:
        key = content_key(path)
    except GpulseError:
        return None
    return where / f"{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}.msgpack"


def load(path: Path, where: Path) -> RankSummary | None:
    """What is kept in a folder of a trace's present content, None where nothing is."""
    kept = _file_of(path, where)
    if kept is None:
        return None
    try:
        content = kept.read_bytes()
    except OSError:
        return None
    cachedir.used(kept)
    return unpack(content)


def save(path: Path, content: bytes) -> None:
    """Keep a packed summary; a disk that is full or read-only only costs the keeping."""
    kept = _file_of(path, folder())
    if kept is not None:
        with contextlib.suppress(OSError):
            cachedir.write(kept, lambda stream: stream.write(content))
