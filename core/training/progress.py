"""``progress.json``: how far a job is, written atomically and not too often."""

from __future__ import annotations

import time
from pathlib import Path

from core.training.files import write_json

EVERY_S = 0.5
"""Shortest time between two writes, unless one is forced; pages look every 2 s."""


class ProgressFile:
    """Writer of ``progress.json`` in a run folder; a silent one writes nothing.

    Content: ``{"done": int, "total": int, "unit", "phase", "started", "updated", "eta_s"}`` with
    times in seconds since the epoch and ``eta_s`` null until there is something to go by.
    """

    def __init__(self, folder: Path, silent: bool = False) -> None:
        self.path = folder / "progress.json"
        self._silent = silent
        self.started = time.time()
        self._stage_started = self.started
        self._stage_done = 0.0
        self._written = 0.0
        self.unit, self.total = "step", 0

    def stage(self, unit: str, total: int, phase: str) -> None:
        """Begin to count something else; the estimate starts anew."""
        self.unit, self.total = unit, total
        self._stage_started, self._stage_done = time.time(), 0.0
        self.update(0, phase, force=True)

    def update(self, done: float, phase: str, *, force: bool = False) -> None:
        """Say how far it is.

        Args:
            done: in units, with the part of the present one; whole ones are shown.
            phase: short text for the page.
            force: write even if the last write was a moment ago.
        """
        now = time.time()
        if self._silent or (not force and now - self._written < EVERY_S):
            return
        self._written = now
        write_json(
            self.path,
            {
                "done": int(done),
                "total": self.total,
                "unit": self.unit,
                "phase": phase,
                "started": self.started,
                "updated": now,
                "eta_s": self._eta_s(done, now),
            },
        )

    def _eta_s(self, done: float, now: float) -> float | None:
        if done <= 0:
            return None
        return round((now - self._stage_started) * max(0.0, self.total - done) / done, 1)
