"""Kineto files -> :class:`Trace`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import NotFound, Unreadable
from core.traces.columns import CATEGORY_NAMES, Category, Thread, Trace
from core.traces.decoding import Event, Stream, read_pieces

_LARGEST = Decimal(2**62)
"""What a column of whole numbers can hold, with room for a difference."""
_ENDINGS = (".json", ".json.gz")
_ANNOTATION_NAMES = ("ProfilerStep", "enumerate(", "Optimizer.")
"""Spans that profilers before 1.13 recorded among the operators though they are annotations."""


def find_traces(path: Path | str) -> list[Path]:
    """Trace files: the path itself, or every ``*.json`` / ``*.json.gz`` named like one below it.

    A name counts when it holds ``trace``; a folder without any such name gives all of its
    ``*.json.gz`` and ``*.json`` files except GPUlse's own job files.

    Raises:
        NotFound: the path does not exist, or holds no trace.
    """
    root = Path(path)
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise NotFound(f"There is no {root}. Give a trace file or a folder that holds one.")
    files = sorted(p for p in root.rglob("*") if p.name.endswith(_ENDINGS) and p.is_file())
    named = [p for p in files if "trace" in p.name.lower()]
    own = {"job.json", "progress.json", "trials.json"}
    found = named or [p for p in files if p.name not in own]
    if not found:
        raise NotFound(
            f"{root} holds no trace (*.pt.trace.json or *.pt.trace.json.gz). "
            "Profile a run with torch.profiler first."
        )
    return found


def load_trace(path: Path | str, watch: Callable[[bytes], None] | None = None) -> Trace:
    """Read one Kineto trace, plain or gzip.

    A file that ends in the middle gives what it holds, with ``incomplete`` saying so.

    Args:
        path: the file.
        watch: called with every piece of the text, in order, for what the columns do not hold.

    Raises:
        NotFound: there is no such file.
        Unreadable: it is not a trace, or holds no span.
    """
    file = Path(path)
    stream = Stream(file.name)
    pieces = read_pieces(file, stream)
    return _collect(stream, pieces if watch is None else _watched(pieces, watch))


def _watched(pieces: Iterable[bytes], watch: Callable[[bytes], None]) -> Iterator[bytes]:
    for piece in pieces:
        watch(piece)
        yield piece


def parse_trace(text: bytes, source: str = "trace") -> Trace:
    """The same for the text of a trace held in memory."""
    return _collect(Stream(source), [text])


def _collect(stream: Stream, pieces: Iterable[bytes]) -> Trace:
    columns = _Columns()
    for events in stream.events(pieces):
        columns.add(events)
    return columns.trace(stream)


class _Columns:
    """Grows the columns of a trace chunk by chunk."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.processes: dict[str, int] = {}
        self.threads: dict[tuple[str, str], int] = {}
        self.thread_names: dict[tuple[str, str], str] = {}
        self.events = 0
        self.base: int | None = None
        self.parts: list[tuple[NDArray[Any], ...]] = []

    def add(self, events: list[Event]) -> None:
        """Append the complete spans (phase X) of a chunk."""
        self.events += len(events)
        for event in events:
            if event.ph == "M" and event.name == "thread_name" and event.args is not None:
                self.thread_names[str(event.pid), str(event.tid)] = str(event.args.name or "")
        spans = [e for e in events if e.ph == "X" and e.ts is not None]
        if not spans:
            return
        names, threads, processes = self.names, self.threads, self.processes
        name = [names.setdefault(str(e.name), len(names)) for e in spans]
        keys = [(str(e.pid), str(e.tid)) for e in spans]
        thread = [threads.setdefault(key, len(threads)) for key in keys]
        process = [processes.setdefault(key[0], len(processes)) for key in keys]
        category = [CATEGORY_NAMES.get((e.cat or "").lower(), Category.OTHER) for e in spans]
        kinds = np.asarray(category, np.int8)
        device, stream = _placement(spans, np.flatnonzero(kinds <= Category.MEMSET))
        args = [e.args for e in spans]
        self.parts.append(
            (
                self._times([e.ts for e in spans]),
                _floats([e.dur for e in spans]),
                np.asarray(name, np.int32),
                kinds,
                np.asarray(process, np.int32),
                np.asarray(thread, np.int32),
                stream,
                device,
                _integers([-1 if a is None else a.correlation for a in args], -1),
                _integers([0 if a is None else a.bytes for a in args], 0),
            )
        )

    def _times(self, values: list[Any]) -> NDArray[np.float64]:
        """µs after the first time stamp seen; the base is taken off before going to float."""
        if self.base is None:
            self.base = int(_exact(values[0]) or 0)
        column = np.asarray(values)
        if column.dtype.kind == "i":
            return (column - self.base).astype(np.float64)
        if column.dtype.kind == "f" and float(np.nanmax(np.abs(column))) < 2**43:
            return column - float(self.base)
        exact = [_exact(value) for value in values]
        return np.asarray([np.nan if v is None else float(v - self.base) for v in exact])

    def trace(self, stream: Stream) -> Trace:
        """The finished trace.

        Raises:
            Unreadable: no span with a time stamp was found.
        """
        if not self.parts:
            raise Unreadable(
                f"{stream.source} holds no spans, so there is nothing to diagnose. "
                "Profile at least one step with torch.profiler."
            )
        merged = [np.concatenate(column) for column in zip(*self.parts, strict=True)]
        keep = np.isfinite(merged[0])
        order = np.flatnonzero(keep)[np.lexsort((-merged[1][keep], merged[0][keep]))]
        start, duration, name, category, *rest = (column[order] for column in merged)
        if not start.size:
            raise Unreadable(f"{stream.source} holds no span with a usable time stamp.")
        vocabulary = tuple(self.names)
        noted = np.fromiter((n.startswith(_ANNOTATION_NAMES) for n in vocabulary), bool)
        category = np.where(
            (category == Category.CPU_OP) & noted[name], np.int8(Category.ANNOTATION), category
        )
        columns = [start - start[0], duration, name, category, *rest]
        for column in columns:
            column.flags.writeable = False
        threads = tuple(Thread(p, t, self.thread_names.get((p, t), "")) for p, t in self.threads)
        return Trace(
            *columns,
            names=vocabulary,
            processes=tuple(self.processes),
            threads=threads,
            devices=_device_names(stream.device_properties),
            source=stream.source,
            events=self.events,
            incomplete=_missing(stream),
            base_ns=int((Decimal(self.base or 0) + Decimal(float(start[0]))) * 1000),
        )


def _placement(
    spans: list[Event], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Device and stream of device work, from its arguments, else from its process and thread."""
    device = np.full(len(spans), -1, np.int32)
    stream = np.full(len(spans), -1, np.int32)
    if rows.size:
        work = [spans[row] for row in rows]
        device[rows] = [_small(e.args and e.args.device, e.pid) for e in work]
        stream[rows] = [_small(e.args and e.args.stream, e.tid) for e in work]
    return device, stream


def _small(value: object, otherwise: object) -> int:
    for candidate in (value, otherwise):
        if type(candidate) is int:
            return candidate if -1 <= candidate < 2**31 else 0
        digits = re.search(r"\d+", candidate) if isinstance(candidate, str) else None
        if digits:
            return int(digits[0]) % 2**31
    return 0


def _exact(value: object) -> Decimal | None:
    try:
        number = Decimal(value) if isinstance(value, int | float | str | Decimal) else None
    except InvalidOperation:
        return None
    if number is None or not number.is_finite() or not -_LARGEST <= number <= _LARGEST:
        return None
    return number


def _floats(values: list[Any]) -> NDArray[np.float64]:
    """Durations in µs; missing, negative and unreadable ones are 0."""
    column = np.asarray(values)
    if column.dtype.kind not in "iuf":
        numbers = [_exact(value) for value in values]
        column = np.asarray([0.0 if n is None else float(n) for n in numbers])
    return np.maximum(np.nan_to_num(column.astype(np.float64), posinf=0.0), 0.0)


def _integers(values: list[Any], otherwise: int) -> NDArray[np.int64]:
    column = np.asarray(values)
    if column.dtype.kind == "i":
        return column.astype(np.int64)
    numbers = (_exact(value) for value in values)
    whole = [otherwise if n is None else int(n) for n in numbers]
    return np.asarray(whole, np.int64)


def _device_names(properties: object) -> dict[int, str]:
    entries = properties if isinstance(properties, list) else []
    return {
        entry["id"]: str(entry.get("name", ""))
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("id"), int)
    }


def _missing(stream: Stream) -> str:
    if stream.truncated:
        return "The file ends in the middle; the diagnosis covers what it holds."
    if stream.skipped:
        return f"{stream.skipped} damaged entries were left out."
    return ""
