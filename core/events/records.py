"""Values other than plain scalars, parsed by tbparse from just the records that hold them."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from core.events import chunks, scan, tables
from core.events.framing import FRAME_BYTES
from core.events.scan import State
from core.events.snapshot import Snapshot
from core.events.values import TEXT, Value

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
    parts: dict[str, list[pd.DataFrame]] = {kind: [] for kind in kinds}
    lost: list[Value] = []
    wanted = [value for value in snapshot.values if _is_wanted(value, kinds, tags, steps)]
    if wanted:
        with snapshot.path.open("rb") as stream:
            for events in _batches(stream, wanted, snapshot.state, lost):
                frames, bad = _parse(events, kinds, whole=snapshot.state.whole)
                by_offset = {value.offset: value for value in wanted}
                lost.extend(by_offset[offset] for offset in bad if offset in by_offset)
                for kind, frame in frames.items():
                    parts[kind].append(frame)
    return {kind: _finish(kind, parts[kind], tags, steps) for kind in kinds}, lost


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


def _batches(
    stream: BinaryIO, wanted: Sequence[Value], state: State, lost: list[Value]
) -> Iterator[list[tuple[int, Any]]]:
    """(offset, event) of the records that hold the values, as many at once as memory allows.

    Of a file that must be read as a whole, all its events.
    """
    if state.whole:
        yield list(scan.events(stream, state.end))
        return
    batch: list[tuple[int, Any]] = []
    size = 0
    for value in {value.offset: value for value in wanted}.values():
        event = _event(stream, value)
        if event is None:
            lost.append(value)
            continue
        _tell_plugins(event, state.plugins)
        batch.append((value.offset, event))
        size += value.length
        if size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _parse(
    events: Sequence[tuple[int, Any]], kinds: Collection[str], *, whole: bool
) -> tuple[dict[str, pd.DataFrame], list[int]]:
    """The frames of events, and the offsets of those that cannot be parsed."""
    times = np.array([event.wall_time for _, event in events])
    for position, (_, event) in enumerate(events):
        event.wall_time = position
    frames, bad = tables.parse_each([event for _, event in events], kinds, whole=whole)
    for frame in frames.values():
        if "position" in frame:
            frame.insert(2, "wall_time", times[frame.pop("position").to_numpy()])
    return frames, [events[int(event.wall_time)][0] for event in bad]


def _event(stream: BinaryIO, value: Value) -> Any | None:
    """The event of a record, None where the file does not hold it any more."""
    stream.seek(value.offset)
    record = stream.read(value.length + FRAME_BYTES)
    if record[:8] != struct.pack("<Q", value.length):
        return None
    return chunks.intact_event(record)


def _tell_plugins(event: Any, plugins: dict[str, str]) -> None:
    """Writers name a tag's plugin only once, in a record that may not be among those parsed."""
    for value in event.summary.value:
        if plugins.get(value.tag) == TEXT and not value.HasField("metadata"):
            value.metadata.plugin_data.plugin_name = TEXT


def _finish(
    kind: str,
    parts: list[pd.DataFrame],
    tags: Collection[str] | None,
    steps: Collection[int] | None,
) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    if not filled:
        return tables.empty(kind)
    frame = pd.concat(filled, ignore_index=True) if len(filled) > 1 else filled[0]
    if kind == "hparams":
        return frame.drop_duplicates("name", ignore_index=True)
    # A record may hold values of several tags, and a file read as a whole gives all its steps.
    if tags is not None:
        frame = frame.loc[frame["tag"].isin(list(tags))]
    return frame if steps is None else frame.loc[frame["step"].isin(list(steps))]
