"""Level of detail for the timeline: a bounded number of rectangles whatever the trace holds.

Spans of at least a pixel stay as they are; shorter ones are summed into cells of a lane and a
pixel, coloured by the kind that fills most of the cell, with its busy share as opacity. A cell
never vanishes, so a short bubble stays visible.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.traces.columns import Trace
from core.traces.lanes import COLOURS, KINDS, STEP_TITLE, Lanes, build_lanes

MAX_RECTANGLES = 9_000
MAX_BYTES = 175 * 1024
_NAME_BYTES = 40 * 1024
_NAME_LENGTH = 120
_NO_NAME = 0xFFFF
_KINDS = len(KINDS)


@dataclass(frozen=True, slots=True, eq=False)
class TimelineView:
    """What is drawn for [low_us, high_us).

    Attributes:
        start, end: float64 µs.
        lane: uint8 index into ``lanes.labels``.
        kind: uint8 index into ``lanes.KINDS``.
        share: float64, busy share of the rectangle, 1 for whole spans.
        count: int64, spans in the rectangle.
        name: int32 index into ``lanes.names``, −1 for summed cells.
    """

    lanes: Lanes
    low_us: float
    high_us: float
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    lane: NDArray[np.uint8]
    kind: NDArray[np.uint8]
    share: NDArray[np.float64]
    count: NDArray[np.int64]
    name: NDArray[np.int32]

    def __len__(self) -> int:
        return int(self.start.size)

    def pack(
        self,
        marks: tuple[tuple[float, float], ...] = (),
        caption: str = "",
        focus: tuple[float, float] | None = None,
    ) -> bytes:
        """Bytes for the canvas, at most ``MAX_BYTES`` without marks and caption.

        Args:
            marks: ranges (µs) to outline across all lanes.
            caption: what the timeline shows, for screen readers.
            focus: range the page asked for; the canvas jumps there when it changes.

        Little-endian: uint32 length of the header, the header (JSON, padded with spaces to a
        multiple of 8 with the length), then float32 start and end (µs after ``low``), uint16 name
        (65535: none), uint16 count (saturating), uint8 lane, kind, share (of 255).
        """
        codes, texts = self._texts()
        header = self._header() | {
            "names": texts,
            "marks": [list(mark) for mark in marks],
            "caption": caption,
            "focus": "" if focus is None else f"{focus[0]}-{focus[1]}",
        }
        text = msgspec.json.encode(header)
        text += b" " * (-(len(text) + 4) % 8)
        columns = (
            (self.start - self.low_us).astype("<f4"),
            (self.end - self.low_us).astype("<f4"),
            codes.astype("<u2"),
            np.minimum(self.count, 0xFFFF).astype("<u2"),
            self.lane,
            self.kind,
            np.ceil(255 * self.share).astype(np.uint8),
        )
        body = b"".join(column.tobytes() for column in columns)
        return len(text).to_bytes(4, "little") + text + body

    def _header(self) -> dict[str, object]:
        lanes = zip(self.lanes.labels, self.lanes.emphasis, strict=True)
        return {
            "low": self.low_us,
            "high": self.high_us,
            "first": self.lanes.low,
            "last": self.lanes.high,
            "count": len(self),
            "lanes": [{"label": label, "tall": tall} for label, tall in lanes],
            "kinds": self._kinds(),
            "legend": self._legend(),
        }

    def _kinds(self) -> dict[int, tuple[str, str]]:
        """Code -> words and colour of the kinds that occur in the trace."""
        return {int(code): COLOURS[KINDS[code]] for code in np.unique(self.lanes.kind)}

    def _legend(self) -> list[tuple[str, str]]:
        """Words and colours of the whole trace, so that the legend does not jump on zooming.

        Where a call and the waiting it causes share a colour, the waiting is named. Steps carry
        their number and need no entry.
        """
        kinds = [kind for kind in self._kinds().values() if kind[0] != STEP_TITLE]
        by_colour = {colour: title for title, colour in kinds}
        return [(title, colour) for colour, title in by_colour.items()]

    def _texts(self) -> tuple[NDArray[np.int64], list[str]]:
        """Codes of the rectangles' names and the names, longest spans first while there is room."""
        codes = np.full(len(self), _NO_NAME, np.int64)
        named = self.name >= 0
        if not named.any():
            return codes, []
        used, at = np.unique(self.name[named], return_inverse=True)
        weight = np.bincount(at, (self.end - self.start)[named])
        order = np.argsort(-weight, kind="stable")
        texts = [self.lanes.names[used[i]][:_NAME_LENGTH] for i in order]
        room = np.cumsum([len(msgspec.json.encode(text)) + 1 for text in texts])
        fits = int(np.searchsorted(room, _NAME_BYTES, side="right"))
        rank = np.full(used.size, _NO_NAME)
        rank[order[:fits]] = np.arange(fits)
        codes[named] = rank[at]
        return codes, texts[:fits]


def timeline(
    trace: Trace, lo_us: float | None = None, hi_us: float | None = None, pixels: int = 1000
) -> TimelineView:
    """The view of a trace between two times (µs; its whole window where they are missing).

    For repeated views build the lanes once with ``build_lanes`` and call :func:`view`.
    """
    lanes = build_lanes(trace)
    return view(lanes, lo_us, hi_us, pixels)


def view(
    lanes: Lanes, lo_us: float | None = None, hi_us: float | None = None, pixels: int = 1000
) -> TimelineView:
    """At most ``MAX_RECTANGLES`` rectangles for [lo_us, hi_us), for a canvas ``pixels`` wide.

    Raises:
        BadInput: the range is empty or not finite.
    """
    low = lanes.low if lo_us is None else max(float(lo_us), lanes.low)
    high = lanes.high if hi_us is None else min(float(hi_us), lanes.high)
    if not high > low:
        raise BadInput(f"The timeline's range must not be empty, got {lo_us} to {hi_us} µs.")
    first = int(np.searchsorted(lanes.start, low - lanes.longest))
    last = int(np.searchsorted(lanes.start, high))
    rows = first + np.flatnonzero(lanes.end[first:last] > low)
    pixels = int(np.clip(pixels, 50, 4000))
    while True:
        found = _summarise(lanes, rows, low, high, pixels)
        if len(found) <= MAX_RECTANGLES or pixels <= 50:
            return found
        pixels //= 2


def _summarise(
    lanes: Lanes, rows: NDArray[np.int64], low: float, high: float, pixels: int
) -> TimelineView:
    pixel = (high - low) / pixels
    start = np.maximum(lanes.start[rows], low)
    end = np.minimum(lanes.end[rows], high)
    large = end - start >= pixel
    if rows.size <= MAX_RECTANGLES // 4:
        large[:] = True
    big, small = rows[large], rows[~large]
    cells = _cells(lanes, small, start[~large], end[~large], low, pixel, pixels)
    ones = np.ones(big.size)
    columns = (
        (start[large], cells[0]),
        (end[large], cells[1]),
        (lanes.lane[big], cells[2]),
        (lanes.kind[big], cells[3]),
        (ones, cells[4]),
        (ones, cells[5]),
        (lanes.name[big], np.full(cells[0].size, -1)),
    )
    left, right, lane, kind, share, count, name = (np.concatenate(pair) for pair in columns)
    return TimelineView(
        lanes,
        low,
        high,
        left,
        right,
        lane.astype(np.uint8),
        kind.astype(np.uint8),
        share,
        count.astype(np.int64),
        name.astype(np.int32),
    )


def _cells(
    lanes: Lanes,
    rows: NDArray[np.int64],
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    low: float,
    pixel: float,
    pixels: int,
) -> tuple[NDArray, ...]:
    """Short spans summed by lane and pixel; neighbours of one kind and like share are joined."""
    column = np.clip(((start - low) / pixel).astype(np.int64), 0, pixels - 1)
    place = lanes.lane[rows].astype(np.int64) * pixels + column
    used, at = np.unique(place, return_inverse=True)
    table = used.size * _KINDS
    busy = np.bincount(at * _KINDS + lanes.kind[rows], end - start, minlength=table)
    busy = busy.reshape(used.size, _KINDS)
    number = np.bincount(at, minlength=used.size)
    kind = busy.argmax(axis=1)
    share = np.clip(busy.sum(axis=1) / pixel, 1 / 255, 1.0)
    level = np.ceil(8 * share)
    joins = (np.diff(used) == 1) & (np.diff(kind) == 0) & (np.diff(level) == 0)
    joins &= np.diff(used // pixels) == 0
    head = np.flatnonzero(np.r_[True, ~joins][: used.size])
    tail = np.r_[head[1:], used.size] - 1
    if not head.size:
        empty = np.empty(0)
        return empty, empty, empty, empty, empty, empty
    mean = np.add.reduceat(share, head) / (tail - head + 1)
    return (
        low + (used[head] % pixels) * pixel,
        low + (used[tail] % pixels + 1) * pixel,
        used[head] // pixels,
        kind[head],
        mean,
        np.add.reduceat(number, head),
    )
