"""What a run left: its curves in figures, readings of the hardware, files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from core import events, jobs
from core.jobs import Job
from core.report.markup import name, number, table, tag, text
from core.runs import Run, spelled

MAX_TAGS, MAX_FILES = 60, 20
"""Rows of tables: what is beyond is counted."""

_HARDWARE = "hardware/"
_UNITS = {
    "mib_s": "MiB/s", "percent": "%", "mib": "MiB", "mhz": "MHz", "w": "W", "c": "°C",
}  # fmt: skip


def logged(run: Run) -> str:
    """Hardware while it ran, and every curve with its last, lowest and highest value."""
    if not run.event_files:
        return ""
    frame = events.contents(run.event_files, run.path).frame
    curves = [row for row in frame.to_dict("records") if row["kind"] == "scalars"]
    sensors = {row["tag"] for row in curves if row["tag"].startswith(_HARDWARE)}
    others = [row for row in curves if row["tag"] not in sensors]
    rows = [
        [name(_tag(row)), f"{row['points']:,}", f"{row['last_step']:,}",
         *(text(number(row[which])) for which in ("last", "low", "high"))]
        for row in others[:MAX_TAGS]
    ]  # fmt: skip
    parts = [_hardware(run, sensors)]
    if rows:
        more = len(others) - len(rows)
        head = ["Curve", "Points", "Last step", "Last", "Lowest", "Highest"]
        parts += [tag("h3", "Curves"), table(head, rows)]
        parts += [tag("p", f"And {more:,} more.", "soft")] if more else []
    return "".join(parts)


def _tag(row: Mapping[Any, Any]) -> str:
    folder = str(row["run"])
    return str(row["tag"]) if folder in (".", "") else f"{folder}/{row['tag']}"


def _hardware(run: Run, tags: set[str]) -> str:
    """Mean and highest of each reading, over its finite values."""
    if not tags:
        return ""
    found = events.load(run.event_files, {"scalars"}, run.path, tags=tags).scalars
    every = found["value"].to_numpy(np.float64)
    rows = []
    for reading in sorted(tags)[:MAX_TAGS]:
        values = every[(found["tag"] == reading).to_numpy() & np.isfinite(every)]
        if values.size:
            words, unit = _reading(reading.removeprefix(_HARDWARE))
            shown = (f"{number(float(v), 3)} {unit}" for v in (values.mean(), values.max()))
            rows.append([name(words), *(text(each.rstrip()) for each in shown)])
    return tag("h3", "Hardware") + table(["Reading", "Mean", "Highest"], rows) if rows else ""


def _reading(tag_name: str) -> tuple[str, str]:
    """``gpu_memory_mib`` as its words and its unit."""
    for ending, unit in _UNITS.items():
        if tag_name.endswith(f"_{ending}"):
            return tag_name.removesuffix(f"_{ending}").replace("_", " "), unit
    return tag_name.replace("_", " "), ""


def files(run: Run, job: Job | None) -> str:
    """What is to be found in its folder, the largest files first."""
    if job is not None:
        sizes = [(item.name, item.size) for item in jobs.artefacts(job)]
    else:
        sizes = list(_sizes(run))
    sizes.sort(key=lambda item: -item[1])
    rows = [[name(each), _shown(size)] for each, size in sizes[:MAX_FILES]]
    more = len(sizes) - len(rows)
    rest = tag("p", f"And {more:,} more.", "soft") if more > 0 else ""
    return table(["File", "Size"], rows) + rest


def _shown(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB" if size >= 2**20 else f"{-(-size // 2**10):,} KiB"


def _sizes(run: Run) -> Iterable[tuple[str, int]]:
    for path in (*run.event_files, *run.trace_files):
        try:
            size = path.stat().st_size
        except OSError:
            continue
        below = path.relative_to(run.path) if run.path in path.parents else path.name
        yield spelled(below), size
