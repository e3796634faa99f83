"""Event files of many scalars, with the bytes that torch's SummaryWriter would write, fast."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

FIRST_TIME = 1_700_000_000.0
SECONDS_A_POINT = 0.01
_CHUNK = 50_000


def _crc_table() -> np.ndarray:
    """Of CRC-32C (Castagnoli), reflected: uint32[256]."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> np.uint32(1)) ^ np.uint32(0x82F63B78), table >> 1)
    return table.astype(np.uint32)


_TABLE = _crc_table()


def masked_crcs(rows: np.ndarray) -> np.ndarray:
    """The masked CRC-32C of each row (uint8[n, length]) as uint32[n]."""
    crc = np.full(len(rows), 0xFFFFFFFF, np.uint32)
    for column in rows.T:
        crc = _TABLE[(crc ^ column) & np.uint32(255)] ^ (crc >> np.uint32(8))
    crc ^= np.uint32(0xFFFFFFFF)
    return (crc >> np.uint32(15) | crc << np.uint32(17)) + np.uint32(0xA282EAD8)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _varint_columns(numbers: np.ndarray, size: int) -> np.ndarray:
    """uint8[n, size]: numbers that all take ``size`` bytes."""
    shifts = np.arange(size, dtype=np.int64) * 7
    parts = (numbers[:, None] >> shifts & 127).astype(np.uint8)
    parts[:, :-1] |= 128
    return parts


def _constant(data: bytes, count: int) -> np.ndarray:
    return np.broadcast_to(np.frombuffer(data, np.uint8), (count, len(data)))


def _framed(payloads: np.ndarray) -> np.ndarray:
    """TFRecords of payloads of equal length."""
    count, size = payloads.shape
    length = np.frombuffer(struct.pack("<Q", size), np.uint8)
    head = length.tobytes() + masked_crcs(length[None])[:1].tobytes()
    foot = masked_crcs(payloads)[:, None].view(np.uint8)
    return np.hstack([_constant(head, count), payloads, foot])


def _records(tag: str, steps: np.ndarray, values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Records of one tag whose steps take equally many bytes (none for step 0)."""
    count = len(steps)
    name = tag.encode()
    inner = b"\x0a" + _varint(len(name)) + name + b"\x15"
    value = b"\x0a" + _varint(len(inner) + 4) + inner
    fixed = b"\x2a" + _varint(len(value) + 4) + value
    parts = [_constant(b"\x09", count), times.astype("<f8")[:, None].view(np.uint8)]
    if count and steps[0]:
        size = (int(steps[0]).bit_length() + 6) // 7
        parts += [_constant(b"\x10", count), _varint_columns(steps, size)]
    parts += [_constant(fixed, count), values.astype("<f4")[:, None].view(np.uint8)]
    return _framed(np.hstack(parts))


def scalars(tags: Sequence[str], which: np.ndarray, steps: np.ndarray, values: np.ndarray,
            times: np.ndarray) -> bytes:  # fmt: skip
    """The records of points in this order: the i-th is of ``tags[which[i]]``, steps[i] ≥ 0."""
    sizes = np.where(steps == 0, 0, (np.frexp(steps.astype(float))[1] + 6) // 7)
    groups: list[tuple[np.ndarray, np.ndarray]] = []
    lengths = np.zeros(len(steps), np.int64)
    for index, size in sorted(set(zip(which.tolist(), sizes.tolist(), strict=True))):
        rows = np.flatnonzero((which == index) & (sizes == size))
        records = _records(tags[int(index)], steps[rows], values[rows], times[rows])
        lengths[rows] = records.shape[1]
        groups.append((rows, records))
    begins = np.cumsum(lengths) - lengths
    out = np.zeros(int(lengths.sum()), np.uint8)
    for rows, records in groups:
        out[begins[rows][:, None] + np.arange(records.shape[1])] = records
    return out.tobytes()


def first_record() -> bytes:
    """What torch's SummaryWriter begins a file with."""
    version, writer = b"brain.Event:2", b"tensorboard.summary.writer.event_file_writer"
    source = b"\x0a" + _varint(len(writer)) + writer
    payload = b"\x09" + struct.pack("<d", FIRST_TIME) + b"\x1a" + _varint(len(version)) + version
    payload += b"\x52" + _varint(len(source)) + source
    return _framed(np.frombuffer(payload, np.uint8)[None]).tobytes()


def _values(index: np.ndarray) -> np.ndarray:
    return (np.exp(-index / 3e5) + np.sin(index * 12.9898) * 0.1).astype(np.float32)


def value_of(index: int) -> float:
    """The value of one point of the log below."""
    return float(_values(np.array([index]))[0])


def points(tags: Sequence[str], begin: int, end: int) -> bytes:
    """The points ``begin`` to ``end`` of an endless log: at each step one point of each tag."""
    stream = io.BytesIO()
    for first in range(begin, end, _CHUNK):
        index = np.arange(first, min(first + _CHUNK, end), dtype=np.int64)
        values = _values(index)
        times = FIRST_TIME + index * SECONDS_A_POINT
        stream.write(scalars(tags, index % len(tags), index // len(tags), values, times))
    return stream.getvalue()


def write(file: Path, tags: Sequence[str], count: int) -> Path:
    """An event file of ``count`` points."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(first_record() + points(tags, 0, count))
    return file
