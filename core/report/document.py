"""Sections -> one HTML file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core import traces
from core.report.markup import ms, name, percent, table, tag, text

Record = dict[str, Any]
"""What ``diagnose`` of the command line says of a trace or job."""
MAX_SECTIONS = 16
"""Traces of a folder that are shown in full, the slowest ones; the table has all."""

_STYLE = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


def document(title: str, body: str, made: datetime | None = None, kind: str = "bottlenecks") -> str:
    """A whole file: no script, nothing that is loaded from elsewhere.

    Args:
        title: plain text.
        body: markup.
        made: time to write at its end; now where none is given.
        kind: what it is a report of, for the line above the title.
    """
    when = (made or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{text(title)}</title><style>{_STYLE}</style>'
        f"</head><body><main><header><p>GPUlse · {text(kind)}</p><h1>{name(title)}</h1></header>"
        f"{body}<footer>Made by GPUlse, {when}.</footer></main></body></html>\n"
    )


def worst_first(records: Iterable[Record]) -> list[Record]:
    """The slowest traces first, by step time, then by how idle the device is.

    Args:
        records: of ``diagnose``; those of a job count as its ``ranks``.
    """

    def badness(record: Record) -> tuple[float, float]:
        busy = record["device_busy_pct"]
        return -(record["step_ms"] or 0.0), 100.0 if busy is None else busy

    return sorted((one for each in records for one in _traces(each)), key=badness)


def several(records: Sequence[Record], sections: Sequence[tuple[str, str]]) -> str:
    """The body for a folder: all traces in tables, then the sections.

    Args:
        records: of ``diagnose``, in the order of the tables; one of a job with ``ranks`` gets a
            table of its own under its headline.
        sections: (place, markup) of the traces shown in full.
    """
    count = sum(len(_traces(record)) for record in records)
    parts = [tag("p", f"{count} traces.", "soft")]
    for job in (record for record in records if "ranks" in record):
        parts.append(tag("p", text(job["headline"]), "verdict"))
        parts += [tag("p", text(note), "soft") for note in job["notes"]]
        parts.append(_overview(_traces(job)))
    parts.append(_overview([record for record in records if "ranks" not in record]))
    if len(sections) < count:
        parts.append(tag("p", f"The {len(sections)} slowest ones in full:", "soft"))
    parts += [tag("section", tag("h2", name(title)) + body) for title, body in sections]
    return "".join(parts)


def _traces(record: Record) -> list[Record]:
    """The ranks of a job, or the trace itself."""
    return record.get("ranks", [record])


def _overview(records: Sequence[Record]) -> str:
    rows = [
        [
            name(each["trace"]),
            name(each["device"]),
            percent(each["device_busy_pct"]),
            ms(each["step_ms"]),
            percent(each["step_breakdown"].get("input-wait", 0.0)),
            text(traces.title(each["primary"])),
        ]
        for each in records
    ]
    return table(["Trace", "Device", "Device busy", "Step time", "Input wait", "Main cause"], rows)
