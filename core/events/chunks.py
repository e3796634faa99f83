"""The records of an event file, chunk by chunk, so that a large file needs little memory."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from google.protobuf.message import DecodeError

from core.events.checksums import masked
from core.events.framing import FRAME_BYTES, HEADER_BYTES, Frames, find_frames
from core.events.values import Event

CHUNK_BYTES = 4 * 2**20
MAX_RECORD_BYTES = 256 * 2**20
"""A larger record (a huge picture, say) is passed over."""


def buffers(
    stream: BinaryIO, at: int, too_large: list[tuple[int, int]]
) -> Iterator[tuple[bytes, int, Frames]]:
    """(bytes, their offset in the file, the records in them), chunk by chunk.

    Args:
        stream: an event file opened for binary reading.
        at: first byte to read.
        too_large: gets (offset, bytes) of each record that was passed over for its size.
    """
    size = os.fstat(stream.fileno()).st_size
    carry, lost, lost_at, need = b"", False, 0, 0
    stream.seek(at)
    while True:
        fresh = stream.read(min(max(CHUNK_BYTES, need - len(carry)), max(0, size - stream.tell())))
        buffer = carry + fresh
        frames = find_frames(buffer, lost=lost, lost_at=lost_at - at)
        cut_off = frames.need and at + frames.end + frames.need > size
        if cut_off and not frames.lost:
            recovered = _search(stream, size, at + frames.end)
            if recovered is not None:
                # Its length is a lie: what it claims reaches past the end, yet records follow.
                frames.gaps.append((frames.end, recovered - at))
                yield buffer, at, frames
                carry, at, lost, need = b"", recovered, False, 0
                stream.seek(at)
                continue
            yield buffer, at, frames
            return
        yield buffer, at, frames
        if frames.need > MAX_RECORD_BYTES + FRAME_BYTES:
            too_large.append((at + frames.end, frames.need - FRAME_BYTES))
            carry, at, lost, need = b"", at + frames.end + frames.need, False, 0
            stream.seek(at)
            continue
        if not fresh:
            return
        lost, lost_at, need = frames.lost, at + frames.lost_at, frames.need
        carry = buffer[frames.end :]
        at += frames.end


def _search(stream: BinaryIO, size: int, after: int) -> int | None:
    """First byte of an intact record behind one that claims to reach past the end, or None."""
    at, carry = after + 1, b""
    stream.seek(at)
    while True:
        fresh = stream.read(min(CHUNK_BYTES, max(0, size - stream.tell())))
        buffer = carry + fresh
        frames = find_frames(buffer, lost=True, lost_at=0)
        if frames.gaps:
            return at + frames.gaps[0][1]
        if not fresh:
            return None
        carry = buffer[frames.end :]
        at += frames.end


def intact_event(record: bytes) -> Any | None:
    """The event of one record, None where its checksum is wrong or it holds no event."""
    payload = record[HEADER_BYTES:-4]
    if len(record) < FRAME_BYTES or masked(payload) != struct.unpack("<I", record[-4:])[0]:
        return None
    try:
        return Event.FromString(payload)
    except DecodeError:
        return None
