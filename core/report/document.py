"""Sections -> one HTML file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from core import traces
from core.report.markup import ms, name, percent, table, tag, text
from core.traces import Diagnosis

MAX_SECTIONS = 16
"""Traces of a folder that are shown in full, the slowest ones; the table has all."""

_STYLE = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


def document(title: str, body: str, made: datetime | None = None) -> str:
    """A whole file: no script, nothing that is loaded from elsewhere.

    Args:
        title: plain text.
        body: markup.
        made: time to write at its end; now where none is given.
    """
    when = (made or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{text(title)}</title><style>{_STYLE}</style>'
        f"</head><body><main><header><p>GPUlse · bottlenecks</p><h1>{name(title)}</h1></header>"
        f"{body}<footer>Made by GPUlse, {when}.</footer></main></body></html>\n"
    )


def worst_first(found: Iterable[Diagnosis]) -> list[Diagnosis]:
    """The slowest traces first, by step time, then by how idle the device is."""
    return sorted(found, key=lambda each: (-(each.step_ms or 0.0), -(each.idle_pct or 0.0)))


def several(found: Sequence[Diagnosis], sections: Sequence[tuple[str, str]]) -> str:
    """The body for a folder: all traces in a table, then the sections.

    Args:
        found: every diagnosis, in the order of the table.
        sections: (trace, markup) of those shown in full.
    """
    rows = [
        [
            name(each.trace),
            name(each.device),
            percent(each.device_busy_pct),
            ms(each.step_ms),
            percent(each.step_breakdown.get("input-wait")),
            text(traces.title(each.primary)),
        ]
        for each in found
    ]
    head = ["Trace", "Device", "Device busy", "Step time", "Input wait", "Main cause"]
    parts = [tag("p", f"{len(found)} traces.", "soft"), table(head, rows)]
    if len(sections) < len(found):
        parts.append(tag("p", f"The {len(sections)} slowest ones in full:", "soft"))
    parts += [tag("section", tag("h2", name(title)) + body) for title, body in sections]
    return "".join(parts)
