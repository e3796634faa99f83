"""Level of detail for the timeline: a bounded number of rectangles whatever the trace holds.

Spans of at least a pixel stay as they are; shorter ones are summed into cells of a lane and a
pixel, coloured by the kind that fills most of the cell, with its busy share as opacity. A cell
never vanishes, so a short bubble stays visible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.traces.cells import Cells, Rectangles
from core.traces.columns import Trace
from core.traces.lanes import COLOURS, KINDS, STEP_TITLE, Lanes, build_lanes
from core.traces.series import Series

MAX_RECTANGLES = 9_000
MAX_BYTES = 175 * 1024
_NAME_BYTES = 40 * 1024
_NAME_LENGTH = 120
_NO_NAME = 0xFFFF


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
        codes = sorted({series.kind for series in self.lanes.series})
        return {code: COLOURS[KINDS[code]] for code in codes}

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
    found = _all_spans(lanes, low, high)
    pixels = int(np.clip(pixels, 50, 4000))
    while found is None or (len(found) > MAX_RECTANGLES and pixels > 50):
        found = _summarise(lanes, low, high, pixels)
        pixels //= 2
    return found


def _inside(lanes: Lanes, series: Series, edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """int64[edges]: the first row of a series that starts at or after each edge (µs)."""
    return series.first + np.searchsorted(lanes.start[series.first : series.last], edges)


def _all_spans(lanes: Lanes, low: float, high: float) -> TimelineView | None:
    """Every span as it is; None where there are too many."""
    edges, rows, places, count = np.array([low, high]), [], [], 0
    for number, series in enumerate(lanes.series):
        first, last = _inside(lanes, series, edges).tolist()
        entering = series.entering(lanes.end, first, low)
        count += last - first + entering.size
        if count > MAX_RECTANGLES // 4:
            return None
        rows += [entering, np.arange(first, last)]
        places.append(np.full(last - first + entering.size, number))
    return _shown(lanes, low, high, _whole(lanes, low, high, rows, places), None)


def _whole(
    lanes: Lanes,
    low: float,
    high: float,
    rows: list[NDArray[Any]],
    places: list[NDArray[Any]],
) -> Rectangles:
    """Spans as they are, clipped to the view, in time order: an inner one lies over an outer."""
    row, place = np.concatenate(rows), np.concatenate(places)
    order = np.argsort(lanes.start[row], kind="stable")
    row, place = row[order], place[order]
    lane = np.array([series.lane for series in lanes.series])
    kind = np.array([series.kind for series in lanes.series])
    return Rectangles(
        np.maximum(lanes.start[row], low),
        np.minimum(lanes.end[row], high),
        lane[place],
        kind[place],
        np.ones(row.size),
        np.ones(row.size, np.int64),
        lanes.name[row],
    )


def _summarise(lanes: Lanes, low: float, high: float, pixels: int) -> TimelineView:
    """Spans of a pixel or more as they are, shorter ones as cells of a lane and a pixel."""
    pixel = (high - low) / pixels
    edges = np.linspace(low, high, pixels + 1)
    cells = Cells.empty(len(lanes.labels), pixels)
    rows, places = [], []
    for number, series in enumerate(lanes.series):
        at = _inside(lanes, series, edges)
        entering = series.entering(lanes.end, int(at[0]), low)
        over = lanes.end[entering] - low
        large = series.lasting(lanes.start, lanes.end, (int(at[0]), int(at[-1])), pixel)
        # A span that begins in a pixel is counted there; what is drawn as it is, is taken out.
        column = np.searchsorted(at, large, side="right") - 1
        count = np.diff(at) - np.bincount(column, minlength=pixels)
        busy = np.diff(lanes.before[at])
        busy -= np.bincount(column, lanes.end[large] - lanes.start[large], minlength=pixels)
        count[0] += np.count_nonzero(over < pixel)
        busy[0] += over[over < pixel].sum()
        cells.add(series, count, np.maximum(busy, 0.0))
        whole = np.concatenate([entering[over >= pixel], large])
        rows.append(whole)
        places.append(np.full(whole.size, number))
    spans = _whole(lanes, low, high, rows, places)
    return _shown(lanes, low, high, spans, cells.joined(low, pixel))


def _shown(
    lanes: Lanes, low: float, high: float, spans: Rectangles, cells: Rectangles | None
) -> TimelineView:
    parts = [spans] if cells is None else [spans, cells]
    start, end, lane, kind, share, count, name = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return TimelineView(
        lanes,
        low,
        high,
        start,
        end,
        lane.astype(np.uint8),
        kind.astype(np.uint8),
        share,
        count,
        name.astype(np.int32),
    )
