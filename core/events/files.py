"""Event files on disk: finding them, and telling them from what only bears their name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_FOREIGN = (
    (b"version https://git-lfs", "is a Git LFS pointer, not the data; run: git lfs pull."),
    (b"\x00\x05\x16\x07", "is macOS metadata (AppleDouble), not an event file; delete it."),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A file, or a part of one, that could not be read.

    Attributes:
        file: the event file.
        message: one line that reads on after the file's name: what is wrong, what to do.
        offset: first byte that could not be read, None where the file could not be opened or is
            empty.
        pending: nothing may be wrong: the rest of the last record may still be written.
    """

    file: Path
    message: str
    offset: int | None = None
    pending: bool = False


def find_event_files(path: Path) -> list[Path]:
    """All files below ``path`` that are named like event files, sorted by folder, then name.

    TensorBoard's rule: the name contains ``tfevents``. Symbolic links to folders are not
    followed, so a link cannot lead out of an allowed root or around in a circle.

    Args:
        path: a folder, or one event file (returned whatever its name).
    """
    if not path.is_dir():
        return [path] if path.exists() else []
    found: list[Path] = []
    for folder, folders, names in os.walk(path):
        folders.sort()
        found.extend(Path(folder) / name for name in sorted(names) if "tfevents" in name)
    return sorted(found, key=lambda file: (file.parent.as_posix(), file.name))


def foreign(head: bytes, size: int) -> str:
    """Why a file cannot be an event file, judged by its first bytes, or "".

    Args:
        head: its first 64 bytes or fewer.
        size: its length in bytes.
    """
    if size == 0:
        return "is empty: its writer has not written anything yet."
    return next((message for magic, message in _FOREIGN if head.startswith(magic)), "")
