"""A job as its ``job.json`` tells it: of a run whose store is on another machine, or forgot it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.jobs.model import STATES, Job

MAX_TEXT = 2_000
"""Characters kept of any text: as many as a note may have."""


def from_record(record: Mapping[str, Any], run_dir: Path) -> Job:
    """The job of a run folder, from nothing but what lies there; what is no value is left out.

    Args:
        record: content of ``job.json``, by whoever wrote it.
        run_dir: the folder.
    """
    params, exit_code = record.get("params"), record.get("exit_code")
    return Job(
        id=_text(record.get("id")) or run_dir.name,
        kind=_text(record.get("kind")),
        workload=_text(record.get("workload")),
        params={str(key): value for key, value in params.items()}
        if isinstance(params, dict)
        else {},
        device=_text(record.get("device")),
        parent=_text(record.get("parent")) or None,
        state=_state(record.get("states")),
        run_dir=run_dir,
        created=_time(record.get("created")) or 0.0,
        started=_time(record.get("started")),
        ended=_time(record.get("ended")),
        exit_code=exit_code if isinstance(exit_code, int) else None,
        error=_text(record.get("error")),
        git_sha=_text(record.get("git_sha")) or None,
        attempt=record["attempt"] if isinstance(record.get("attempt"), int) else 1,
        engine=_text(record.get("engine")) or "local",
        gpu_ids=_text(record.get("gpu_ids")),
        note=_text(record.get("note")),
        family=_text(record.get("family")),
    )


def _text(value: object) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) else ""


def _time(value: object) -> float | None:
    """Seconds since the epoch; None for what no clock shows."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) and 0 < value < 1e11 else None


def _state(history: object) -> str:
    """The last state that was written down, "" where none was."""
    last = history[-1] if isinstance(history, list) and history else None
    word = last.get("state") if isinstance(last, dict) else None
    return word if word in STATES else ""
