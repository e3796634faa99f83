"""Cache files in the state folder: written at once or not at all, the least used ones evicted.

Each kind of file has a folder of its own; they share one limit (``GPULSE_CACHE_MIB``). Any file
may vanish at any time, by this process, another one, or the user.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from core.settings import settings


def folder(kind: str) -> Path:
    """Where the files of a kind are."""
    return settings().state_dir / "cache" / kind


def write(target: Path, content: Callable[[BinaryIO], object]) -> None:
    """Write a cache file, replacing an older one at once or not at all.

    Raises:
        OSError: it cannot be written (disk full, read-only, no permission).
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            content(stream)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    with contextlib.suppress(OSError):
        _Evictor.wrote(target.stat().st_size)


def used(path: Path) -> None:
    """A file was of use now: it is the last to be evicted."""
    with contextlib.suppress(OSError):
        os.utime(path)


class _Evictor:
    """Keeps the folders below their limit: looks after each 1/32 of it that this process wrote."""

    written = -1

    @classmethod
    def wrote(cls, size: int) -> None:
        limit = settings().cache_mib * 2**20
        cls.written += size
        if cls.written * 32 > limit or cls.written < size:
            cls.written = 0
            evict(limit)


def evict(limit: int) -> None:
    """Delete the cache files not used for longest until the rest is below ``limit`` bytes."""
    found = []
    with contextlib.suppress(OSError):
        for place in (settings().state_dir / "cache").iterdir():
            with contextlib.suppress(OSError), os.scandir(place) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):
                        status = entry.stat()
                        found.append((status.st_mtime, status.st_size, entry.path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= limit:
            return
        with contextlib.suppress(OSError):
            Path(path).unlink(missing_ok=True)
        total -= size
