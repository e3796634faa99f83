"""Summaries of ranks kept in the state folder by path, size and time; it may vanish at any time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from core.settings import settings
from core.traces.ranks.summary import FORMAT, RankSummary, unpack

MAX_BYTES = 256 * 2**20
"""Above this the summaries not used for longest are dropped; one takes 20 to 500 kB."""


def folder() -> Path:
    """Where summaries are."""
    return settings().state_dir / "cache" / "ranks"


def _file_of(path: Path, where: Path) -> Path | None:
    try:
        status = path.stat()
    except OSError:
        return None
    stamp = (os.fsencode(path.absolute()), status.st_size, status.st_mtime_ns, FORMAT)
    name = hashlib.blake2b(repr(stamp).encode(), digest_size=16).hexdigest()
    return where / f"{name}.msgpack"


def load(path: Path, where: Path) -> RankSummary | None:
    """What is kept in a folder of a trace's present content, None where nothing is."""
    kept = _file_of(path, where)
    if kept is None:
        return None
    try:
        content = kept.read_bytes()
        os.utime(kept)  # used now: the last to be dropped
    except OSError:
        return None
    return unpack(content)


def save(path: Path, content: bytes) -> None:
    """Keep a packed summary; a disk that is full or read-only only costs the keeping."""
    kept = _file_of(path, folder())
    if kept is None:
        return
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as stream:
            stream.write(content)
        Path(stream.name).replace(kept)


def evict() -> None:
    """Drop the oldest summaries above the limit."""
    with contextlib.suppress(OSError):
        known = [(entry.stat(), entry) for entry in folder().iterdir()]
        known.sort(key=lambda pair: pair[0].st_mtime, reverse=True)
        total = 0
        for status, entry in known:
            total += status.st_size
            if total > MAX_BYTES:
                entry.unlink(missing_ok=True)
