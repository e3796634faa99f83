"""Snapshots of event files kept in the state folder, one Parquet file for each event file.

The scalars are sorted by tag; the last row group lists where everything else is. What else a
snapshot holds is JSON in the file's metadata, behind its checksum; it counts the rows of each
tag, so that the column of tags, which is for other readers, need not be decoded. The folder may be
deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core import cachedir
from core.events.checksums import masked
from core.events.rows import Rows
from core.events.scan import Damage, State
from core.events.snapshot import Identity, Snapshot
from core.events.values import Value
from core.runs import spelled

_FORMAT = "2"
_KEY = b"gpulse"
_SCHEMA = pa.schema(
    [
        ("tag", pa.dictionary(pa.int32(), pa.string())),
        ("step", pa.int64()),
        ("wall_time", pa.float64()),
        ("value", pa.float64()),
        ("kind", pa.dictionary(pa.int32(), pa.string())),
        ("offset", pa.int64()),
        ("length", pa.int64()),
    ]
)
_ENCODINGS = {
    "step": "DELTA_BINARY_PACKED",
    "wall_time": "BYTE_STREAM_SPLIT",
    "value": "BYTE_STREAM_SPLIT",
}
_GROUP_ROWS = 2**17
"""Rows written at once: the writer holds as many in memory, and what stands for no value too."""

_SCALARS = ["step", "wall_time", "value"]
_VALUES = ["tag", "step", "wall_time", "kind", "offset", "length"]


class _Header(msgspec.Struct):
    """The JSON in a cache file's metadata."""

    format: str
    path: str
    identity: tuple[int, int, int, int]
    probe: str
    end: int
    plugins: dict[str, str]
    started: bool
    logged: bool
    whole: bool
    gaps: list[tuple[int, int]]
    places: int
    lost_bytes: int
    open_at: int
    foreign: list[int]
    too_large: list[tuple[int, int]]
    unreadable: str
    tags: list[str]
    counts: list[int]


def folder() -> Path:
    """Where cache files are."""
    return cachedir.folder("events")


def file_of(path: Path) -> Path:
    """The cache file of an event file."""
    name = hashlib.blake2b(os.fsencode(path.absolute()), digest_size=16).hexdigest()
    return folder() / f"{name}.parquet"


def load(path: Path) -> Snapshot | None:
    """What is kept of an event file, of whatever content it had then; None where nothing is."""
    cached = file_of(path)
    try:
        with cached.open("rb") as stream:
            reader = pq.ParquetFile(stream, page_checksum_verification=True)
            checksum, text = reader.metadata.metadata[_KEY].split(b" ", 1)
            if int(checksum) != masked(text):
                return None
            header = msgspec.json.decode(text, type=_Header)
            if header.format != _FORMAT or header.path != spelled(path.absolute()):
                return None
            last = reader.num_row_groups - 1
            scalars = reader.read_row_groups(range(last), columns=_SCALARS, use_threads=False)
            values = reader.read_row_group(last, columns=_VALUES)
        cachedir.used(cached)
        return _snapshot(path, header, scalars, values)
    except (OSError, LookupError, TypeError, ValueError, pa.ArrowException):
        return None


def _snapshot(path: Path, header: _Header, scalars: pa.Table, values: pa.Table) -> Snapshot:
    damage = Damage(
        tuple(header.gaps),
        header.places,
        header.lost_bytes,
        header.open_at,
        tuple(header.foreign),
        tuple(header.too_large),
    )
    state = State(header.end, header.plugins, header.started, header.logged, header.whole, damage)
    bounds = np.concatenate([[0], np.cumsum(header.counts)]).astype(np.int64)
    rows = Rows(tuple(header.tags), bounds, *(scalars[name].to_numpy() for name in _SCALARS))
    listed = values.select(_VALUES).to_pylist()
    found = tuple(
        Value(row["kind"], row["tag"], row["step"], row["wall_time"], row["offset"], row["length"])
        for row in listed
    )
    if bounds[-1] != len(rows):
        raise ValueError("The counts are not those of the rows.")
    identity = Identity(*header.identity)
    return Snapshot(
        path, identity, header.probe, state, rows, found, header.unreadable, identity.size
    )


def save(snapshot: Snapshot) -> None:
    """Keep a snapshot, replacing an older one at once or not at all.

    Raises:
        OSError: it cannot be written (disk full, read-only, no permission).
    """
    cachedir.write(file_of(snapshot.path), lambda stream: _write(stream, snapshot))


def _write(stream: Any, snapshot: Snapshot) -> None:
    rows = snapshot.rows
    header = msgspec.json.encode(_header(snapshot, rows))
    schema = _SCHEMA.with_metadata({_KEY: b"%d %b" % (masked(header), header)})
    options: dict[str, Any] = {
        "use_dictionary": ["tag", "kind"],
        "write_statistics": False,
        "write_page_checksum": True,
        # A fifth of the size of plain lz4, and twice as fast to read.
        "compression": "zstd",
        "column_encoding": _ENCODINGS,
    }
    with pq.ParquetWriter(stream, schema, **options) as writer:
        for first in range(0, max(len(rows), 1), _GROUP_ROWS):
            part = slice(first, min(first + _GROUP_ROWS, len(rows)))
            writer.write_table(_scalar_table(rows, part, schema))
        writer.write_table(_value_table(snapshot, schema), row_group_size=2**40)


def _header(snapshot: Snapshot, rows: Rows) -> _Header:
    state, damage, identity = snapshot.state, snapshot.state.damage, snapshot.identity
    return _Header(
        format=_FORMAT,
        path=spelled(snapshot.path.absolute()),
        identity=(identity.size, identity.mtime_ns, identity.ctime_ns, identity.inode),
        probe=snapshot.probe,
        end=state.end,
        plugins=state.plugins,
        started=state.started,
        logged=state.logged,
        whole=state.whole,
        gaps=list(damage.gaps),
        places=damage.places,
        lost_bytes=damage.lost_bytes,
        open_at=damage.open_at,
        foreign=list(damage.foreign),
        too_large=list(damage.too_large),
        unreadable=snapshot.unreadable,
        tags=list(rows.tags),
        counts=np.diff(rows.bounds).tolist(),
    )


def _scalar_table(rows: Rows, part: slice, schema: pa.Schema) -> pa.Table:
    number = np.searchsorted(rows.bounds, np.arange(part.start, part.stop), side="right") - 1
    tags = pa.DictionaryArray.from_arrays(
        pa.array(number.astype(np.int32)), pa.array(rows.tags, pa.string())
    )
    arrays = [tags, *(pa.array(getattr(rows, name)[part]) for name in _SCALARS)]
    arrays += [pa.nulls(part.stop - part.start, field.type) for field in list(schema)[4:]]
    return pa.Table.from_arrays(arrays, schema=schema)


def _value_table(snapshot: Snapshot, schema: pa.Schema) -> pa.Table:
    values = snapshot.values
    arrays = [
        pa.array([value.tag for value in values], pa.string()).dictionary_encode(),
        pa.array([value.step for value in values], pa.int64()),
        pa.array([value.wall_time for value in values], pa.float64()),
        pa.nulls(len(values), pa.float64()),
        pa.array([value.kind for value in values], pa.string()).dictionary_encode(),
        pa.array([value.offset for value in values], pa.int64()),
        pa.array([value.length for value in values], pa.int64()),
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
