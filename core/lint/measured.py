"""What the doctor reads and what a trace measured of the same line, joined.

A trace with Python stacks names the function in which time was lost, by file, name and a line: its
first one; one inside it where it was running already when the profiler started; before PyTorch 1.12
the very line. A finding and a record are one where the finding's rule measures what the record's
rule means, and the record stands in that function, on that line if any does. What belongs to the
whole script (workers, pinning, precision) needs only the script, not the function.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from core.errors import GpulseError
from core.lint.records import Measured, Record
from core.runs import safe_path
from core.traces import Finding

_FRAME = re.compile(r"\bat (?P<file>[^:*?\"<>|\n]+?\.py)\((?P<line>\d+)\): (?P<name>[\w.<>]+)")

_READS = frozenset({
    "sync-item", "sync-float", "sync-bool", "sync-print", "sync-format", "sync-log",
})  # fmt: skip
_COPIES = frozenset({"sync-cpu", "sync-numpy", "sync-tolist"})
_UPLOADS = frozenset({"copy-blocking", "pin-none"})
_IN_FUNCTION = {
    "S1": _READS | _COPIES,
    "S2": frozenset({"sync-explicit"}),
    "H4": _READS | _COPIES,
    "A1": frozenset({"empty-cache"}),
    "L3": frozenset({"grads-zeroed"}),
    "D2": frozenset({"dataset-device"}),
}
"""Rule of a trace -> rules of the doctor, where the function has to be the same."""
_IN_SCRIPT = {
    "D1": frozenset({"workers-none"}),
    "D3": frozenset({"workers-restart", "loader-in-loop"}),
    "H1": frozenset({"pin-none"}),
    "H2": frozenset({"copy-blocking"}),
    "K1": frozenset({"fp32-matmul"}),
    "Q3": frozenset({"profiler-always"}),
}
"""The same, where the script is enough."""
_OPERATORS = (
    (re.compile(r"copy to the device"), _UPLOADS),
    (re.compile(r"aten::is_nonzero"), frozenset({"sync-bool"})),
    (re.compile(r"aten::(item|_local_scalar_dense)"), _READS),
    (re.compile(r"aten::(to|_to_copy|copy_)\b"), _COPIES),
)
"""What a trace's operator says of the line that called it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A function in which a trace lost time: file as the profiler names it, a line, name."""

    file: str
    line: int
    name: str


def frames(findings: Iterable[Finding]) -> list[Frame]:
    """The user's functions that findings name, each once, in their order."""
    found = [frame for finding in findings for frame in frames_of(finding)]
    return list(dict.fromkeys(found))


def frames_of(finding: Finding) -> list[Frame]:
    """The functions that one finding names."""
    text = "\n".join((finding.where, *finding.evidence))
    return [
        Frame(match["file"].replace("\\", "/"), int(match["line"]), match["name"].rstrip("."))
        for match in _FRAME.finditer(text)
    ]


def pairs(findings: Sequence[Finding], records: Sequence[Record]) -> list[tuple[int, int]]:
    """(index of a finding, index of a record) that are the same thing.

    Args:
        findings: of one trace.
        records: of scripts that are known to have made it, or whose files its stacks name.
    """
    return [(i, k) for i, finding in enumerate(findings) for k in _same(finding, records)]


def _same(finding: Finding, records: Sequence[Record]) -> list[int]:
    """Indices of the records that a finding measures."""
    everywhere = _IN_SCRIPT.get(finding.rule, frozenset())
    found = {k for k, record in enumerate(records) if record.rule in everywhere}
    meant = _meant(finding)
    for frame in frames_of(finding):
        inside = [k for k, r in enumerate(records) if r.rule in meant and _inside(frame, r)]
        exact = [k for k in inside if records[k].line == frame.line]
        found |= set(exact or inside)
    return sorted(found)


def _meant(finding: Finding) -> frozenset[str]:
    """Rules of the doctor that a finding measures; of a wait, those of its operator."""
    if finding.rule != "S1":
        return _IN_FUNCTION.get(finding.rule, frozenset())
    text = "\n".join((finding.where, *finding.evidence))
    meant = [rules for pattern, rules in _OPERATORS if pattern.search(text)]
    return frozenset().union(*meant) if meant else _IN_FUNCTION["S1"]


def _inside(frame: Frame, record: Record) -> bool:
    """Whether the record stands in the function."""
    name, first, last = record.function
    same = same_file(frame.file, record.file) and frame.name.rpartition(".")[2] == name
    return same and first <= frame.line <= last


def same_file(a: str, b: str) -> bool:
    """Whether two paths may name one file: the shorter is the end of the longer."""
    parts = sorted((PurePosixPath(a).parts, PurePosixPath(b).parts), key=len)
    return bool(parts[0]) and parts[1][-len(parts[0]) :] == parts[0]


def joined(findings: Sequence[Finding], records: Sequence[Record]) -> list[Record]:
    """The records with what the trace measured of them."""
    said: list[list[Measured]] = [[] for _ in records]
    for i, k in pairs(findings, records):
        finding = findings[i]
        said[k].append(Measured(finding.rule, finding.title, finding.cost_ms, finding.share))
    return [replace(record, measured=tuple(m)) for record, m in zip(records, said, strict=True)]


def locate(file: str, places: Iterable[Path]) -> Path | None:
    """The script that a profiler or a user calls ``file``, where it lies in an allowed place.

    Args:
        file: absolute, or relative to a place; its first folder may be the place itself.
        places: folders that may be read, or single files.

    Returns:
        The file, resolved, below one of the places; None where there is none.
    """
    parts = PurePosixPath(file).parts
    if not file.endswith(".py"):
        return None
    for place in places:
        if place.is_file():
            if same_file(file, str(place)):
                return place
            continue
        names = [file]
        if len(parts) > 1 and parts[0] == place.name:
            names.append("/".join(parts[1:]))
        for name in names:
            try:
                found = safe_path(name, [place])
            except (GpulseError, OSError, ValueError):
                continue
            if found.is_file() and found.suffix == ".py":
                return found
    return None
