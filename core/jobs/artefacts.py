"""What a job has left in its run folder, for a download."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.jobs.model import Job

LARGEST_BYTES = 500 * 2**20
"""A browser download is held in the server's memory."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file of a run.

    Attributes:
        name: path below the run folder.
        path: absolute.
        size: bytes.
    """

    name: str
    path: Path
    size: int

    @property
    def too_large(self) -> bool:
        """Whether it is to be fetched from the disk instead."""
        return self.size > LARGEST_BYTES


def artefacts(job: Job) -> list[Artefact]:
    """Checkpoints, traces, event files and records of a job, by name; hidden and linked files
    are left out."""
    found = []
    for path in sorted(job.run_dir.rglob("*")):
        name = path.relative_to(job.run_dir)
        if path.is_symlink() or not path.is_file() or any(p.startswith(".") for p in name.parts):
            continue
        found.append(Artefact(name.as_posix(), path, path.stat().st_size))
    return found
