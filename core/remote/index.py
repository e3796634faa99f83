"""What lies beside a mirror folder, and whose turn it is to bring the mirror up to date.

``NAME.json`` says what was fetched and when, ``NAME.lock`` is held meanwhile, so that two processes
take turns, and ``NAME.part`` has files on their way in.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Index:
    """What the mirror holds: (size, tag) by name, and when it last matched the remote folder."""

    synced: float | None = None
    single: str = ""
    known: dict[str, tuple[int, str]] = field(default_factory=dict)


def beside(folder: Path, ending: str) -> Path:
    """The place next to a mirror folder that has its name and this ending."""
    return folder.with_name(folder.name + ending)


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Hold the lock of a mirror; the kernel frees it when a holder dies."""
    folder.mkdir(parents=True, exist_ok=True)
    with beside(folder, ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read_index(folder: Path) -> Index:
    """What the mirror is known to hold; nothing where that cannot be read."""
    try:
        content = json.loads(beside(folder, ".json").read_text(encoding="utf-8"))
        known = {name: (int(size), str(tag)) for name, (size, tag) in content["known"].items()}
        synced = content["synced"]
        return Index(synced and float(synced), str(content["single"]), known)
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return Index()


def write_index(folder: Path, index: Index) -> None:
    """Replace the index in one step."""
    content = {"synced": index.synced, "single": index.single, "known": dict(index.known)}
    scratch = beside(folder, ".json.tmp")
    scratch.write_text(json.dumps(content), encoding="utf-8")
    scratch.replace(beside(folder, ".json"))
