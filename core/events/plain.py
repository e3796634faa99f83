"""Plain scalar records, decoded many at once.

Nearly every record of a training log is the same message: a wall time, a step and a summary of
one value that is a tag and a ``simple_value`` (``tensorboard/compat/proto/event.proto``):

    09 time(8) [10 step(varint)] 2A n 0A n 0A n tag(n) 15 value(4)

Records of one length and one length of step have every field in the same column, so a whole group
of them is decoded by slicing. A record is taken only if each of its framing bytes is exactly so;
anything else is left to the general parser.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.events.checksums import masked_rows
from core.events.framing import HEADER_BYTES, windows

_BLOCK = 1 << 14
"""Rows decoded at once: their bytes stay in the processor's second-level cache."""
_MAX_MISSES = 16
"""So many records of a block that only look plain, and the rest is left to the general parser."""
_SHORTEST = 9 + 2 + 2 + 2 + 5
_LONGEST = 4096
_TIME, _STEP, _SUMMARY, _MESSAGE, _VALUE = 0x09, 0x10, 0x2A, 0x0A, 0x15
_MAX_STEP_BYTES = 10


@dataclass(slots=True)
class Plain:
    """Plain scalars of one buffer, in no particular order.

    Attributes:
        record: int64[n], index of the record that each row comes from.
        code: int32[n], index into ``tags``.
        step: int64[n].
        wall_time: float64[n], s since the epoch.
        value: float32[n].
        tags: distinct tags.
        damaged: indices of records with a wrong checksum.
        others: indices of the records that are not plain scalars; their checksums are unverified.
    """

    record: np.ndarray
    code: np.ndarray
    step: np.ndarray
    wall_time: np.ndarray
    value: np.ndarray
    tags: list[str]
    damaged: np.ndarray
    others: np.ndarray


class _Collector:
    def __init__(self) -> None:
        self.codes: dict[bytes, int] = {}
        self.rows: list[tuple[np.ndarray, ...]] = []
        self.damaged: list[np.ndarray] = []
        self.others: list[np.ndarray] = []

    def code(self, tag: bytes) -> int:
        """The number of a tag, -1 where it is not UTF-8."""
        try:
            tag.decode()
        except UnicodeDecodeError:
            return -1
        return self.codes.setdefault(tag, len(self.codes))


def decode(buffer: bytes, starts: np.ndarray, lengths: np.ndarray) -> Plain:
    """Decode the plain scalars among the records of a buffer, checksums verified.

    Args:
        buffer: part of an event file.
        starts: int64[m], offset of each record's header.
        lengths: int64[m], bytes of each payload.
    """
    data = np.frombuffer(buffer, np.uint8)
    out = _Collector()
    likely = (lengths >= _SHORTEST) & (lengths <= _LONGEST)
    ends = starts + lengths + HEADER_BYTES
    first = data[np.where(likely, starts + HEADER_BYTES, 0)] if len(data) else likely
    fifth = data[np.where(likely, ends - 5, 0)] if len(data) else likely
    likely &= (first == _TIME) & (fifth == _VALUE)
    out.others.append(np.flatnonzero(~likely))
    for length, group in _by_length(np.flatnonzero(likely), lengths):
        rows = windows(data, starts[group] + HEADER_BYTES, length + 4)
        for begin in range(0, len(group), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            _decode_block(rows[block], group[block], length, out)
    return _collected(out)


def _by_length(records: np.ndarray, lengths: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """(length, indices of the records of that length) for each length."""
    if not len(records):
        return []
    short = lengths[records].astype(np.uint16)
    order = np.argsort(short, kind="stable")
    cuts = np.flatnonzero(np.diff(short[order])) + 1
    return [(int(lengths[part[0]]), part) for part in np.split(records[order], cuts)]


def _decode_block(rows: np.ndarray, records: np.ndarray, length: int, out: _Collector) -> None:
    payload = rows[:, :length]
    stored = np.ascontiguousarray(rows[:, length:]).view("<u4")[:, 0]
    good = masked_rows(payload) == stored
    if not good.all():
        out.damaged.append(records[~good])
        payload, records = payload[good], records[good]
    misses = 0
    while len(records):
        layout = _layout(payload[0], length)
        if layout is None:
            misses += 1
            given_up = 1 if misses < _MAX_MISSES else len(records)
            out.others.append(records[:given_up])
            payload, records = payload[given_up:], records[given_up:]
            continue
        fits = _fits(payload, layout)
        _take(payload[fits], records[fits], layout, out)
        payload, records = payload[~fits], records[~fits]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Columns of the fields; ``fixed`` are the (first column, bytes) that frame them."""

    step: int
    step_bytes: int
    tag: int
    tag_bytes: int
    value: int
    fixed: tuple[tuple[int, np.ndarray], ...]


def _layout(row: np.ndarray, length: int) -> _Layout | None:
    """Where the fields of a record are, None if it is no plain scalar."""
    at, step_bytes = 9, 0
    if row[at] == _STEP:
        step_bytes = 1
        while at + step_bytes < length and row[at + step_bytes] & 0x80:
            step_bytes += 1
        if step_bytes > _MAX_STEP_BYTES or (step_bytes == _MAX_STEP_BYTES and row[at + 10] > 1):
            return None
        at += 1 + step_bytes
    frame = at
    for mark in (_SUMMARY, _MESSAGE):
        inner = _message(row, at, mark, length)
        if inner is None:
            return None
        at = inner
    tag, tag_bytes = _varint(row, at + 1, length)
    if at >= length or row[at] != _MESSAGE or tag + tag_bytes + 5 != length:
        return None
    value = tag + tag_bytes
    if row[value] != _VALUE:
        return None
    fixed = ((0, row[:1]), (frame, row[frame:tag]), (value, row[value : value + 1]))
    if step_bytes:
        fixed += ((9, row[9:10]),)
    return _Layout(10, step_bytes, tag, tag_bytes, value + 1, fixed)


def _message(row: np.ndarray, at: int, mark: int, length: int) -> int | None:
    """First byte inside a message that reaches to the end of the record."""
    if at >= length or row[at] != mark:
        return None
    inner, size = _varint(row, at + 1, length)
    return inner if inner + size == length else None


def _varint(row: np.ndarray, at: int, length: int) -> tuple[int, int]:
    """(first byte after it, value) of a length field; a value that fits nowhere if it is cut."""
    value = 0
    for shift in range(0, 35, 7):
        if at >= length:
            break
        byte = int(row[at])
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return at, value
    return at, length + 1


def _fits(payload: np.ndarray, layout: _Layout) -> np.ndarray:
    """Which rows have this very layout: bool[n]."""
    fits = np.ones(len(payload), bool)
    for at, expected in layout.fixed:
        for column, byte in enumerate(expected, at):
            fits &= payload[:, column] == byte
    if layout.step_bytes:
        last = layout.step + layout.step_bytes - 1
        for column in range(layout.step, last):
            fits &= payload[:, column] >= 0x80
        limit = 2 if layout.step_bytes == _MAX_STEP_BYTES else 0x80
        fits &= payload[:, last] < limit
    return fits


def _take(payload: np.ndarray, records: np.ndarray, layout: _Layout, out: _Collector) -> None:
    """Cut the fields out of rows of one layout."""
    step = np.zeros(len(records), np.uint64)
    for index in range(layout.step_bytes):
        bits = payload[:, layout.step + index].astype(np.uint64) & np.uint64(0x7F)
        step |= bits << np.uint64(7 * index)
    wall_time = np.ascontiguousarray(payload[:, 1:9]).view("<f8")[:, 0]
    value = np.ascontiguousarray(payload[:, layout.value : layout.value + 4]).view("<f4")[:, 0]
    code = _tag_codes(payload[:, layout.tag : layout.tag + layout.tag_bytes], out)
    known = code >= 0
    if not known.all():
        out.others.append(records[~known])
    out.rows.append(
        (records[known], code[known], step.view(np.int64)[known], wall_time[known], value[known])
    )


_WEIGHTS = np.random.default_rng(20240801).integers(1, 2**63, 512, dtype=np.uint64) | np.uint64(1)


def _tag_codes(tags: np.ndarray, out: _Collector) -> np.ndarray:
    """Number of each row's tag: int32[n], -1 where it is no text."""
    count, width = tags.shape
    if width == 0 or (tags == tags[:1]).all():
        return np.full(count, out.code(tags[0].tobytes()), np.int32)
    padded = np.zeros((count, -(-width // 8) * 8), np.uint8)
    padded[:, :width] = tags
    words = padded.view("<u8")
    weights = np.resize(_WEIGHTS, words.shape[1])
    hashed = (words * weights).sum(axis=1, dtype=np.uint64)
    hashed ^= hashed >> np.uint64(29)
    code, _ = pd.factorize(hashed)
    first = np.unique(code, return_index=True)[1]
    if not (words == words[first[code]]).all():  # two tags with one hash
        _, first, code = np.unique(words, axis=0, return_index=True, return_inverse=True)
    numbers = np.array([out.code(tags[row].tobytes()) for row in first], np.int32)
    return numbers[code.reshape(-1)]


def _collected(out: _Collector) -> Plain:
    def joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
        return np.concatenate(parts) if parts else np.empty(0, dtype)

    types = (np.int64, np.int32, np.int64, np.float64, np.float32)
    columns = [joined([row[i] for row in out.rows], kind) for i, kind in enumerate(types)]
    return Plain(
        *columns,
        tags=[tag.decode() for tag in out.codes],
        damaged=np.sort(joined(out.damaged, np.int64)),
        others=np.sort(joined(out.others, np.int64)),
    )
