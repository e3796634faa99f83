"""Values other than plain scalars, parsed by tbparse from just the records that hold them."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from google.protobuf.message import DecodeError

from core.events import tables
from core.events.checksums import masked
from core.events.framing import HEADER_BYTES
from core.events.snapshot import Snapshot
from core.events.values import TEXT, Event, Value

_BATCH_BYTES = 64 * 2**20


def read(
    snapshot: Snapshot,
    kinds: Collection[str],
    tags: Collection[str] | None = None,
    steps: Collection[int] | None = None,
) -> tuple[dict[str, pd.DataFrame], list[Value]]:
    """Values of some kinds from one file.

    Args:
        snapshot: of the file.
        kinds: what to read, a subset of :data:`core.events.KINDS` without scalars.
        tags: only these tags (None: all); hyper-parameters are always read.
        steps: only values of these steps (None: all).

    Returns:
        For each kind its frame without ``run``, rows in file order per tag; and the values that
        cannot be read any more, or parsed.

    Raises:
        OSError: the file cannot be opened any more.
    """
    wanted = [value for value in snapshot.values if _is_wanted(value, kinds, tags, steps)]
    parts: dict[str, list[pd.DataFrame]] = {kind: [] for kind in kinds}
    lost: list[Value] = []
    if wanted:
        with snapshot.path.open("rb") as stream:
            for batch in _batches(wanted):
                frames, bad = _parse(stream, batch, snapshot, kinds)
                lost.extend(bad)
                for kind, frame in frames.items():
                    parts[kind].append(frame)
    return {kind: _finish(kind, parts[kind], tags) for kind in kinds}, lost


def _is_wanted(
    value: Value,
    kinds: Collection[str],
    tags: Collection[str] | None,
    steps: Collection[int] | None,
) -> bool:
    if value.kind not in kinds:
        return False
    if value.kind == "hparams":
        return True
    return (tags is None or value.tag in tags) and (steps is None or value.step in steps)


def _batches(wanted: Sequence[Value]) -> Iterator[list[Value]]:
    """Values of distinct records, so many that a batch of them fits into memory."""
    batch: list[Value] = []
    size = 0
    for value in {value.offset: value for value in wanted}.values():
        batch.append(value)
        size += value.length
        if size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _parse(
    stream: BinaryIO, batch: Sequence[Value], snapshot: Snapshot, kinds: Collection[str]
) -> tuple[dict[str, pd.DataFrame], list[Value]]:
    read = [(value, _event(stream, value)) for value in batch]
    lost = [value for value, event in read if event is None]
    there = [value for value, event in read if event is not None]
    events = [event for _, event in read if event is not None]
    for event in events:
        _tell_plugins(event, snapshot.state.plugins)
    times = np.array([event.wall_time for event in events])
    for position, event in enumerate(events):
        event.wall_time = position
    frames, bad = tables.parse_each(events, kinds)
    for frame in frames.values():
        if "position" in frame:
            frame.insert(2, "wall_time", times[frame.pop("position").to_numpy()])
    return frames, lost + [there[int(event.wall_time)] for event in bad]


def _event(stream: BinaryIO, value: Value) -> Any | None:
    """The event of a record, None where the file does not hold it any more."""
    stream.seek(value.offset)
    header = stream.read(HEADER_BYTES)
    payload, stored = stream.read(value.length), stream.read(4)
    if len(header) < HEADER_BYTES or header[:8] != struct.pack("<Q", value.length):
        return None
    if len(stored) < 4 or masked(payload) != struct.unpack("<I", stored)[0]:
        return None
    try:
        return Event.FromString(payload)
    except DecodeError:
        return None


def _tell_plugins(event: Any, plugins: dict[str, str]) -> None:
    """Writers name a tag's plugin only once, in a record that may not be among those parsed."""
    for value in event.summary.value:
        if plugins.get(value.tag) == TEXT and not value.HasField("metadata"):
            value.metadata.plugin_data.plugin_name = TEXT


def _finish(kind: str, parts: list[pd.DataFrame], tags: Collection[str] | None) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    if not filled:
        return tables.empty(kind)
    frame = pd.concat(filled, ignore_index=True) if len(filled) > 1 else filled[0]
    if kind == "hparams":
        return frame.drop_duplicates("name", ignore_index=True)
    # A record may hold values of several tags.
    if tags is not None:
        frame = frame.loc[frame["tag"].isin(list(tags))]
    return frame
