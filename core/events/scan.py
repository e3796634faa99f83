"""One pass over the bytes of an event file that were not read before."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
from google.protobuf.message import DecodeError

from core.events import chunks, plain, tables, values
from core.events.checksums import masked
from core.events.framing import FRAME_BYTES, HEADER_BYTES, Frames
from core.events.rows import Rows, empty, from_columns
from core.events.values import Event, Value

MAX_KEPT = 100
"""Damaged places that are remembered one by one."""


@dataclass(frozen=True, slots=True)
class Damage:
    """What could not be read of a file.

    Attributes:
        gaps: (first byte, end) of damaged places, the first :data:`MAX_KEPT` of them.
        places: how many there are.
        lost_bytes: their length in all.
        open_at: a damaged place that reaches to the end of the file begins here, else -1.
        foreign: offsets of intact records that hold no event, or one that cannot be parsed.
        too_large: (offset, bytes) of records above :data:`chunks.MAX_RECORD_BYTES`.
    """

    gaps: tuple[tuple[int, int], ...] = ()
    places: int = 0
    lost_bytes: int = 0
    open_at: int = -1
    foreign: tuple[int, ...] = ()
    too_large: tuple[tuple[int, int], ...] = ()


@dataclass(slots=True)
class State:
    """What reading has to remember from one pass to the next.

    Attributes:
        end: first byte that was not read for good.
        plugins: tag -> plugin, from the first metadata of each tag.
        started: whether any record was read.
        logged: whether any record with values was read.
        whole: the file must be read as a whole: its format or a restart in it makes TensorBoard
            drop points that were read before.
        damage: what could not be read so far.
    """

    end: int = 0
    plugins: dict[str, str] = field(default_factory=dict)
    started: bool = False
    logged: bool = False
    whole: bool = False
    damage: Damage = field(default_factory=Damage)


class NeedsWhole(Exception):
    """The file can only be read as a whole, from its first byte."""


class _Pass:
    """Collects what one pass finds; offsets are bytes in the file."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.plugins = dict(state.plugins)
        self.codes: dict[str, int] = {}
        self.columns: list[tuple[np.ndarray, ...]] = []
        self.values: list[Value] = []
        self.scalar_events: list[Any] = []
        self.gaps: list[tuple[int, int]] = []
        self.foreign: list[int] = []
        self.too_large: list[tuple[int, int]] = []
        self.first_logged: float = 0 if state.logged else math.inf
        self.started = state.started

    def take(self, buffer: bytes, offset: int, frames: Frames) -> None:
        """Take the records of a buffer that begins at byte ``offset`` of the file."""
        self.gaps.extend((offset + first, offset + end) for first, end in frames.gaps)
        if not len(frames.starts):
            return
        # The first record tells the format, so it must be read before any other is taken.
        skip = 0 if self.started else 1
        if skip:
            self._other(buffer, offset, int(frames.starts[0]), int(frames.lengths[0]))
            self.started = True
        starts, lengths = frames.starts[skip:], frames.lengths[skip:]
        if self.state.whole:
            self._others(buffer, offset, starts, lengths)
            return
        found = plain.decode(buffer, starts, lengths)
        self._keep(found, offset + starts)
        self._damaged(offset, starts[found.damaged], lengths[found.damaged])
        if len(found.record):
            self.first_logged = min(self.first_logged, offset + int(starts[found.record.min()]))
        self._others(buffer, offset, starts[found.others], lengths[found.others])

    def _keep(self, found: plain.Plain, offsets: np.ndarray) -> None:
        if not len(found.record):
            return
        codes = [self.codes.setdefault(tag, len(self.codes)) for tag in found.tags]
        order = np.argsort(found.record)
        columns = (
            offsets[found.record],
            np.array(codes, np.int32)[found.code],
            found.step,
            found.wall_time,
            found.value,
        )
        self.columns.append(tuple(column[order] for column in columns))

    def _damaged(self, offset: int, starts: np.ndarray, lengths: np.ndarray) -> None:
        first = offset + starts
        ends = first + lengths + FRAME_BYTES
        self.gaps.extend(zip(first.tolist(), ends.tolist(), strict=True))

    def _others(self, buffer: bytes, offset: int, starts: np.ndarray, lengths: np.ndarray) -> None:
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            self._other(buffer, offset, start, length)

    def _other(self, buffer: bytes, offset: int, start: int, length: int) -> None:
        at = offset + start
        payload = buffer[start + HEADER_BYTES : start + HEADER_BYTES + length]
        stored = struct.unpack_from("<I", buffer, start + HEADER_BYTES + length)[0]
        if masked(payload) != stored:
            self.gaps.append((at, at + length + FRAME_BYTES))
            return
        try:
            event = Event.FromString(payload)
        except DecodeError:
            self.foreign.append(at)
            return
        if not self.started and not values.is_version_2(event) and not self.state.whole:
            raise NeedsWhole
        if values.is_start(event) and self.first_logged < at and not self.state.whole:
            raise NeedsWhole
        self._list(event, at, length)

    def _list(self, event: Any, at: int, length: int) -> None:
        found = set(values.kinds(event, self.plugins))
        if event.summary.value:
            self.first_logged = min(self.first_logged, at)
        for kind, tag in sorted(found):
            if kind != "scalars":
                value = Value(kind, tag, event.step, event.wall_time, at, length)
                self.values.append(value)
        if self.state.whole or any(kind == "scalars" for kind, _ in found):
            self.scalar_events.append((at, event))

    def rows(self) -> Rows:
        """The scalars of this pass. May be asked for once: the columns are given away."""
        if self.scalar_events:
            self._parse_scalars()
        if not self.columns:
            return empty()
        # One column after the other, each given up as soon as it is joined: memory peaks here.
        columns = [list(column) for column in zip(*self.columns, strict=True)]
        self.columns.clear()
        joined = []
        for column in columns:
            joined.append(np.concatenate(column) if len(column) > 1 else column[0])
            column.clear()
        offsets = joined.pop(0)
        if self.scalar_events:
            order = np.argsort(offsets, kind="stable")
            joined = [column[order] for column in joined]
        del offsets
        return from_columns(list(self.codes), joined)

    def _parse_scalars(self) -> None:
        """Hand the events with scalars that are not plain to tbparse."""
        offsets = np.array([at for at, _ in self.scalar_events], np.int64)
        times = np.array([event.wall_time for _, event in self.scalar_events])
        for position, (_, event) in enumerate(self.scalar_events):
            event.wall_time = position
        events = [event for _, event in self.scalar_events]
        frames, bad = tables.parse_each(events, ("scalars",), whole=self.state.whole)
        frame = frames["scalars"]
        self.foreign.extend(int(offsets[int(event.wall_time)]) for event in bad)
        position = frame["position"].to_numpy()
        codes = [self.codes.setdefault(tag, len(self.codes)) for tag in frame["tag"]]
        self.columns.append(
            (
                offsets[position],
                np.array(codes, np.int32),
                frame["step"].to_numpy(),
                times[position],
                frame["value"].to_numpy(),
            )
        )

    def new_state(self, end: int, open_at: int) -> State:
        """What the next pass has to know."""
        old = self.state.damage
        gaps = _joined_gaps(self.gaps)
        damage = Damage(
            (*old.gaps, *gaps)[:MAX_KEPT],
            old.places + len(gaps),
            old.lost_bytes + sum(last - first for first, last in gaps),
            open_at,
            (*old.foreign, *sorted(self.foreign))[:MAX_KEPT],
            (*old.too_large, *self.too_large)[:MAX_KEPT],
        )
        logged = self.first_logged < math.inf
        return State(end, self.plugins, self.started, logged, self.state.whole, damage)


def _joined_gaps(gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted, those that touch or overlap joined."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(gaps):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def scan(stream: BinaryIO, state: State) -> tuple[Rows, list[Value], State]:
    """Read what a file holds from ``state.end`` on.

    A record that is not complete yet is left for the next pass. Damage is passed over: the next
    record whose header and payload are intact is searched for.

    Args:
        stream: an event file opened for binary reading.
        state: where the last pass ended; ``State()`` for the first.

    Returns:
        The new scalars, the new other values, and the state for the next pass.

    Raises:
        NeedsWhole: read again from ``State(whole=True)``.
        OSError: the file cannot be read.
    """
    found = _Pass(state)
    end, open_at = state.end, -1
    for buffer, offset, frames in chunks.buffers(stream, state.end, found.too_large):
        found.take(buffer, offset, frames)
        end, open_at = offset + frames.end, -1
        if frames.lost:
            end = open_at = offset + frames.lost_at
    rows = found.rows()
    return rows, found.values, found.new_state(end, open_at)


def events(stream: BinaryIO, end: int) -> Iterator[tuple[int, Any]]:
    """(offset, event) of every intact record that begins before byte ``end`` of a file."""
    for buffer, offset, frames in chunks.buffers(stream, 0, []):
        for start, length in zip(frames.starts.tolist(), frames.lengths.tolist(), strict=True):
            if offset + start >= end:
                return
            event = chunks.intact_event(buffer[start : start + length + FRAME_BYTES])
            if event is not None:
                yield offset + start, event
