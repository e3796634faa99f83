"""``alerts.jsonl``: the lines in a run's history about turns of its verdict and why it stopped."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

_LOG = logging.getLogger(__name__)

FILE_NAME = "alerts.jsonl"
MAX_LINES = 50
MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class Alert:
    """One line.

    Attributes:
        time: seconds since the epoch (UTC).
        step: the epoch after which it was known.
        kind: the verdict turned, or the job stopped because of it.
        before: the verdict so far, "" for none.
        verdict: the verdict now.
        reason: one sentence.
    """

    time: float
    step: int
    kind: Literal["verdict", "stopped"]
    before: str
    verdict: str
    reason: str


class AlertFile:
    """Appends alerts to a run folder, MAX_LINES at most. Trouble with the disk is a log line."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._lines = 0

    def add(
        self, step: int, kind: Literal["verdict", "stopped"], before: str, verdict: str, reason: str
    ) -> Alert:
        """Write one line and say it in the log."""
        text = " ".join(reason.split())[:MAX_REASON]
        alert = Alert(round(time.time(), 3), step, kind, before, verdict, text)
        if kind == "verdict":
            _LOG.info("epoch %d: verdict %s: %s", step, verdict, text)
        # The last line is kept for the end of the job.
        if self._lines < MAX_LINES - (kind == "verdict"):
            self._lines += 1
            self._write(json.dumps(asdict(alert), ensure_ascii=False))
        return alert

    def _write(self, line: str) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        except OSError as error:
            _LOG.warning("%s cannot be written: %s", FILE_NAME, error.strerror)
