"""Verdicts as files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from core.dynamics.records import Verdict

_COLUMNS: tuple[str, ...] = (
    "run", "train_tag", "val_tag", "points", "verdict", "confidence", "best_step", "best_value",
    "best_band", "overfit_step", "onset_interval", "stop_step", "zones", "summary",
)  # fmt: skip


def as_json(verdict: Verdict) -> bytes:
    """A verdict as a JSON document."""
    return json.dumps(verdict.to_json(), indent=2, ensure_ascii=False, default=str).encode()


def as_csv(verdicts: Sequence[Verdict]) -> bytes:
    """One line each; a text that a spreadsheet would take for a formula gets a quote before."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for verdict in verdicts:
        writer.writerow({name: _cell(value) for name, value in verdict.to_json().items()})
    return stream.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return "; ".join(map(_part, value))
    if isinstance(value, str) and value[:1] in tuple("=+-@\t\r"):
        return f"'{value}"
    return value


def _part(value: Any) -> str:
    if isinstance(value, dict) and "phase" in value:
        return f"{value['phase']} {value['start_step']}–{value['end_step']}"
    return str(value)
