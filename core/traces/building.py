"""Events -> the columns of a :class:`Trace`, chunk by chunk."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Unreadable
from core.traces.columns import CATEGORY_NAMES, Category, Thread, Trace
from core.traces.decoding import Args, Begin, End, Event, ExactEvent, Instant, Meta, Stream, Whole
from core.traces.details import NO_ARGS, Details, hardware
from core.traces.numbers import Clock, floats, integers, smalls
from core.traces.pairs import BEGIN, END, WHOLE, pair_up
from core.traces.reading import Limits

_ANNOTATION_NAMES = ("ProfilerStep", "enumerate(", "Optimizer.")
"""Spans that profilers before 1.13 recorded among the operators though they are annotations."""
_MARKS = {"B": BEGIN, "E": END}
_ANY = {Event, ExactEvent}
_NOTES, _PERHAPS_PAIRED = _ANY | {Meta, Instant}, _ANY | {Begin, End}
_MAX_NAMES, _MAX_NAME_BYTES, _MAX_THREADS = 1 << 22, 1 << 28, 1 << 16
"""A real trace has some thousand names and some hundred threads; more share the last code."""
_COLUMNS = (
    "start",
    "duration",
    "name",
    "category",
    "thread",
    "stream",
    "device",
    "correlation",
    "bytes",
    "inputs",
    "stack",
    "blocks_per_sm",
    "occupancy_pct",
)


class _Codes(dict[Any, int]):
    """Value as the file has it -> code of its text; looking up a new value gives it a code."""

    def __init__(self, most: int) -> None:
        self.texts: dict[Any, int] = {}
        self._most, self._room = most, _MAX_NAME_BYTES

    def __missing__(self, key: Any) -> int:
        text = tuple(map(str, key)) if isinstance(key, tuple) else str(key)
        code = self.texts.get(text)
        if code is None:
            self._room -= len(text)
            if len(self.texts) >= self._most or self._room < 0:
                return len(self.texts) - 1
            code = self.texts[text] = len(self.texts)
        self[key] = code
        return code


class _Categories(dict[Any, int]):
    """Category as the file has it -> code."""

    def __missing__(self, key: str | None) -> int:
        code = self[key] = int(CATEGORY_NAMES.get((key or "").lower(), Category.OTHER))
        return code


class Builder:
    """Grows the columns of a trace.

    Args:
        source: name for messages.
        allowed: how many spans are taken.
    """

    def __init__(self, source: str, allowed: Limits) -> None:
        self._source, self._limits = source, allowed
        self._names, self._threads = _Codes(_MAX_NAMES), _Codes(_MAX_THREADS)
        self._categories = _Categories()
        self._thread_names: dict[tuple[str, str], str] = {}
        self._clock, self._details = Clock(), Details()
        self._events = self._spans = 0
        self._paired = False
        self._parts: dict[str, list[NDArray[Any]]] = {key: [] for key in (*_COLUMNS, "mark")}

    def add(self, events: list[Event]) -> None:
        """Append the spans of a chunk: complete events, and begins and ends for pairing later.

        Raises:
            Unreadable: there are more than allowed.
        """
        self._events += len(events)
        kinds = set(map(type, events))
        if not kinds.isdisjoint(_NOTES):
            marks = [e for e in events if type(e) in _NOTES and e.ph in ("M", "i")]
            self._note_threads(marks)
            self._details.add_memory(marks)
        spans: list[Any]
        if kinds.isdisjoint(_PERHAPS_PAIRED):
            # By class: it is asked of every entry, and the attribute of many classes is slow.
            spans = [event for event in events if type(event) is Whole]
            mark = np.zeros(len(spans), np.int8)
        else:
            spans = [event for event in events if event.ph in ("X", "B", "E")]
            mark = np.array([_MARKS.get(event.ph or "", WHOLE) for event in spans], np.int8)
            self._paired |= bool(mark.any())
        if not spans:
            return
        self._spans += len(spans)
        self._limits.check_spans(self._source, self._spans)
        for key, part in zip(_COLUMNS, self._columns(spans), strict=True):
            self._parts[key].append(part)
        self._parts["mark"].append(mark)

    def _note_threads(self, events: list[Event]) -> None:
        for event in events:
            if event.ph == "M" and event.name == "thread_name" and event.args is not None:
                self._thread_names[str(event.pid), str(event.tid)] = str(event.args.name or "")

    def _columns(self, spans: list[Event]) -> tuple[NDArray[Any], ...]:
        count = len(spans)
        name = map(self._names.__getitem__, [e.name for e in spans])
        category = map(self._categories.__getitem__, [e.cat for e in spans])
        # zip() uses one tuple again and again, unless a new thread keeps it.
        ids = zip([e.pid for e in spans], [e.tid for e in spans], strict=True)
        thread = map(self._threads.__getitem__, ids)
        args = [e.args for e in spans]
        kinds = np.fromiter(category, np.int8, count)
        device, stream = _placement(spans, np.flatnonzero(kinds <= Category.MEMSET))
        return (
            self._clock.microseconds([e.ts for e in spans]),
            floats([e.dur for e in spans]),
            np.fromiter(name, np.int32, count),
            kinds,
            np.fromiter(thread, np.int32, count),
            stream,
            device,
            *_links(args, kinds),
            *self._details.columns(args, kinds),
        )

    def trace(self, stream: Stream) -> Trace:
        """The finished trace; the builder is empty after it.

        Raises:
            Unreadable: no span with a time stamp was found.
        """
        if not self._spans:
            raise Unreadable(
                f"{self._source} holds no spans, so there is nothing to diagnose. "
                "Profile at least one step with torch.profiler."
            )
        start, rows, duration = self._in_order()
        if not rows.size:
            raise Unreadable(f"{self._source} holds no span with a usable time stamp.")
        first = float(start[rows[0]])
        columns = {"start": start[rows] - first, "duration": duration[rows]}
        del start, duration
        for key in _COLUMNS[2:]:
            columns[key] = self._merged(key)[rows]
        del rows
        again = _repeated(columns)
        if again.any():
            columns = {key: column[~again] for key, column in columns.items()}
        return self._frozen(columns, stream, self._clock.nanoseconds(first))

    def _merged(self, key: str) -> NDArray[Any]:
        return np.concatenate(self._parts.pop(key))

    def _in_order(self) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """Starts, the rows to keep by start (longer ones first), and durations."""
        start, duration, mark = (self._merged(key) for key in ("start", "duration", "mark"))
        keep = np.isfinite(start)
        if self._paired:
            mark[~keep] = WHOLE
            begins, length = pair_up(mark, np.concatenate(self._parts["thread"]), start)
            duration[begins] = length
            keep &= mark != END
        rows = np.flatnonzero(keep)
        return start, rows[_by_start(start[rows], duration[rows])], duration

    def _frozen(self, columns: dict[str, NDArray[Any]], stream: Stream, base_ns: int) -> Trace:
        names = tuple(self._names.texts)
        noted = np.fromiter((name.startswith(_ANNOTATION_NAMES) for name in names), bool)
        kind = columns["category"]
        kind[(kind == Category.CPU_OP) & noted[columns["name"]]] = Category.ANNOTATION
        threads = tuple(self._threads.texts)
        processes = {
            process: code for code, process in enumerate(dict.fromkeys(p for p, _ in threads))
        }
        owner = np.array([processes[process] for process, _ in threads], np.int32)
        columns["process"] = owner[columns["thread"]]
        for column in columns.values():
            column.flags.writeable = False
        return Trace(
            **columns,
            names=names,
            processes=tuple(processes),
            threads=tuple(Thread(p, t, self._thread_names.get((p, t), "")) for p, t in threads),
            devices=_device_names(stream.device_properties),
            input_texts=self._details.input_texts(),
            stack_texts=self._details.stack_texts(),
            hardware=hardware(stream.device_properties),
            reserved_bytes=self._details.reserved_bytes,
            source=self._source,
            events=self._events,
            incomplete=_missing(stream),
            base_ns=base_ns,
        )


def _by_start(start: NDArray[np.float64], duration: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order by start, longer ones first where starts are equal, else as they came.

    Files are nearly in order, so one sort and another one of the ties are cheaper than a sort by
    both keys.
    """
    order = np.argsort(start, kind="stable")
    same = np.diff(start[order]) == 0
    ties = np.zeros(start.size, bool)
    ties[1:] = same
    ties[:-1] |= same
    tied = order[ties]
    order[ties] = tied[np.lexsort((-duration[tied], start[tied]))]
    return order


def _repeated(columns: dict[str, NDArray[Any]]) -> NDArray[np.bool_]:
    """Which rows are the second writing of one call or one piece of device work.

    Only rows with a correlation are looked at: with it nothing can happen twice at the same moment
    in the same place, while two operators of one name and length may share a rounded time stamp.
    """
    start, duration = columns["start"], columns["duration"]
    again = np.zeros(start.size, bool)
    same = np.r_[False, (np.diff(start) == 0) & (np.diff(duration) == 0)]
    same[:-1] |= same[1:]
    rows = np.flatnonzero(same & (columns["correlation"] > 0))
    keys = ("start", "duration", "correlation", "name", "category", "thread", "stream", "device")
    if rows.size:
        table = np.stack([columns[key][rows].astype(np.float64) for key in keys], axis=1)
        _, first = np.unique(table, axis=0, return_index=True)
        again[np.delete(rows, first)] = True
    return again


def _links(
    args: list[Args | None], kinds: NDArray[np.int8]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Correlation of calls and device work, and bytes of copies and fills."""
    correlation, size = np.full(len(args), -1, np.int64), np.zeros(len(args), np.int64)
    rows = np.flatnonzero(kinds <= Category.RUNTIME)
    mine = [args[row] for row in rows.tolist()]
    correlation[rows] = integers([-1 if a is None else a.correlation for a in mine], -1)
    rows = np.flatnonzero((kinds == Category.MEMCPY) | (kinds == Category.MEMSET))
    mine = [args[row] for row in rows.tolist()]
    size[rows] = integers([0 if a is None else a.bytes for a in mine], 0)
    return correlation, size


def _placement(
    spans: list[Event], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Device and stream of device work, from its arguments, else from its process and thread."""
    device = np.full(len(spans), -1, np.int32)
    stream = np.full(len(spans), -1, np.int32)
    if rows.size:
        work = [spans[row] for row in rows.tolist()]
        args = [e.args or NO_ARGS for e in work]
        device[rows] = smalls([a.device for a in args], lambda: [e.pid for e in work])
        stream[rows] = smalls([a.stream for a in args], lambda: [e.tid for e in work])
    return device, stream


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
        one = stream.skipped == 1
        return f"{stream.skipped} damaged {'entry was' if one else 'entries were'} left out."
    return ""
