"""Reading ``alerts.jsonl`` of a run folder: turns of the verdict, and why a job stopped early."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from core.jobs import logs

FILE_NAME = "alerts.jsonl"
TAIL_BYTES = 128 * 1024
MAX_ALERTS = 50
MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class Alert:
    """One line of a job's history.

    Attributes:
        number: place in the file, from 0.
        time: seconds since the epoch (UTC).
        step: the epoch after which it was known.
        stopped: the job stopped itself; else its verdict turned.
        before: the verdict so far, "" for none.
        verdict: the verdict now.
        reason: one sentence.
    """

    number: int
    time: float
    step: int
    stopped: bool
    before: str
    verdict: str
    reason: str


def read_alerts(run_dir: Path) -> list[Alert]:
    """The alerts of a run, oldest first, MAX_ALERTS at most; lines that are none are left out."""
    lines = logs.tail(run_dir / FILE_NAME, TAIL_BYTES).splitlines()
    found = (_alert(number, line) for number, line in enumerate(lines))
    return [alert for alert in found if alert is not None][-MAX_ALERTS:]


def _alert(number: int, line: str) -> Alert | None:
    try:
        content = json.loads(line)
        when = float(content["time"])
        return Alert(
            number=number,
            time=when if math.isfinite(when) else 0.0,
            step=int(content["step"]),
            stopped=content.get("kind") == "stopped",
            before=str(content.get("before", "")),
            verdict=str(content["verdict"]),
            reason=str(content.get("reason", ""))[:MAX_REASON],
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
