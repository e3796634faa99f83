"""Where the records of an event file are, found all at once, around any damage.

A header is recognised by its own checksum: for payloads below 64 KiB, six zero bytes and a CRC
that is known beforehand for each length. So the headers of a whole buffer are found without
walking from one to the next; the walk then only confirms that each record ends where the next one
begins, and where it does not (a long record, damage), looks closer.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from core.events.checksums import SHORT, header_is_good, masked, masked_rows, short_headers

HEADER_BYTES = 12
FRAME_BYTES = HEADER_BYTES + 4
"""A record is its payload and this many bytes."""

_RECOVERED = 1 << 28
"""Behind damage, payloads below this many bytes are searched for."""


@dataclass(slots=True)
class Frames:
    """The records of one buffer.

    Attributes:
        starts: int64[n], offset of each record's header.
        lengths: int64[n], bytes of each payload (its checksum is not verified yet).
        gaps: (first byte, end) of damaged stretches between records.
        end: where to go on: the first byte that belongs to no record found here.
        need: bytes of the record that begins at ``end`` if its header is good, else 0.
        lost: whether ``end`` is inside a damaged stretch; it began at ``lost_at``.
        lost_at: first byte of that stretch.
    """

    starts: np.ndarray
    lengths: np.ndarray
    gaps: list[tuple[int, int]] = field(default_factory=list)
    end: int = 0
    need: int = 0
    lost: bool = False
    lost_at: int = 0


def _candidates(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and payload lengths of everything that has a good short header."""
    count = len(data) - HEADER_BYTES + 1
    if count <= 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    zero = data == 0
    two = zero[:-1] & zero[1:]
    starts = np.flatnonzero(two[2 : count + 2] & two[4 : count + 4] & two[6 : count + 6])
    lengths = data[starts].astype(np.int64) | data[starts + 1].astype(np.int64) << 8
    crc = np.zeros(len(starts), np.uint32)
    for byte in range(4):
        crc |= data[starts + 8 + byte].astype(np.uint32) << np.uint32(8 * byte)
    good = crc == short_headers()[lengths]
    return starts[good], lengths[good]


def windows(data: np.ndarray, at: np.ndarray, width: int) -> np.ndarray:
    """``width`` bytes from each offset: uint8[len(at), width]."""
    every = np.ndarray((len(data) - width + 1,), f"V{width}", data, strides=(1,))
    return every[at].view(np.uint8).reshape(len(at), width)


def _long_candidates(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and payload lengths of everything that has a good header of a long record."""
    count = len(data) - HEADER_BYTES + 1
    if count <= 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    zero = data == 0
    two = zero[:-1] & zero[1:]
    likely = two[4 : count + 4] & two[6 : count + 6] & ~two[2 : count + 2]
    starts = np.flatnonzero(likely & (data[3 : count + 3] < _RECOVERED >> 24))
    headers = windows(data, starts, HEADER_BYTES)
    good = masked_rows(headers[:, :8]) == np.ascontiguousarray(headers[:, 8:]).view("<u4")[:, 0]
    lengths = np.ascontiguousarray(headers[good, :8]).view("<i8")[:, 0]
    return starts[good], lengths


class _Walk:
    """The walk along the candidates of one buffer."""

    def __init__(self, buffer: bytes) -> None:
        self.buffer = buffer
        self.short = _candidates(np.frombuffer(buffer, np.uint8))
        starts, lengths = self.short
        whole = starts + lengths + FRAME_BYTES <= len(buffer)
        self.starts, self.lengths = starts[whole], lengths[whole]
        self.ends = self.starts + self.lengths + FRAME_BYTES
        following = np.append(self.starts[1:], -1)
        self.breaks = np.flatnonzero(self.ends != following)
        self.pieces: list[tuple[np.ndarray, np.ndarray]] = []
        self.gaps: list[tuple[int, int]] = []

    def chain(self, at: int) -> int:
        """Take every record from ``at`` on that follows its predecessor; return the end."""
        first = int(np.searchsorted(self.starts, at))
        if first == len(self.starts) or self.starts[first] != at:
            return at
        last = int(self.breaks[np.searchsorted(self.breaks, first)])
        self.pieces.append((self.starts[first : last + 1], self.lengths[first : last + 1]))
        return int(self.ends[last])

    def long_record(self, at: int) -> int:
        """Bytes of a record whose good header is at ``at``, 0 without one."""
        header = self.buffer[at : at + HEADER_BYTES]
        if not header_is_good(header):
            return 0
        return struct.unpack_from("<Q", header)[0] + FRAME_BYTES

    @cached_property
    def headers(self) -> tuple[np.ndarray, np.ndarray]:
        """Offsets and ends of all that may be a record, of any length; asked for after damage."""
        long = _long_candidates(np.frombuffer(self.buffer, np.uint8))
        starts = np.concatenate([self.short[0], long[0]])
        ends = starts + np.concatenate([self.short[1], long[1]]) + FRAME_BYTES
        order = np.argsort(starts)
        return starts[order], ends[order]

    def recover(self, after: int) -> tuple[int, bool]:
        """The next record after ``after`` whose payload is whole, and True.

        Or, without one, where the search must go on when more bytes come, and False.
        """
        starts, ends = self.headers
        goes_on = max(after, len(self.buffer) - HEADER_BYTES + 1)
        for index in range(int(np.searchsorted(starts, after)), len(starts)):
            start, end = int(starts[index]), int(ends[index])
            if end > len(self.buffer):
                goes_on = min(goes_on, start)
                continue
            stored = struct.unpack_from("<I", self.buffer, end - 4)[0]
            if masked(self.buffer[start + HEADER_BYTES : end - 4]) == stored:
                return start, True
        return goes_on, False

    def frames(self, end: int, **state: int) -> Frames:
        empty = np.empty(0, np.int64)
        starts = np.concatenate([piece[0] for piece in self.pieces]) if self.pieces else empty
        lengths = np.concatenate([piece[1] for piece in self.pieces]) if self.pieces else empty
        return Frames(starts, lengths, self.gaps, end, **state)  # pyright: ignore[reportArgumentType]


def find_frames(buffer: bytes, *, lost: bool = False, lost_at: int = 0) -> Frames:
    """Find the records of a buffer that begins at a record, or in a damaged stretch.

    Args:
        buffer: part of an event file.
        lost: the buffer begins inside a damaged stretch.
        lost_at: where that began, as an offset into the buffer (0 or negative).

    Returns:
        The records; what is not among them lies in ``gaps`` or from ``end`` on. A caller with
        more bytes calls again with those from ``end`` on; one without knows that the file is cut
        off there (``need`` above 0 or too few bytes for a header) or damaged (``lost``).
    """
    walk, at = _Walk(buffer), 0
    while True:
        if lost:
            at, found = walk.recover(at)
            if not found:
                return walk.frames(at, lost=True, lost_at=lost_at)
            walk.gaps.append((lost_at, at))
            lost = False
        at = walk.chain(at)
        if at + HEADER_BYTES > len(buffer):
            return walk.frames(at)
        size = walk.long_record(at)
        if size and at + size > len(buffer):
            return walk.frames(at, need=size)
        if size and size - FRAME_BYTES >= SHORT:
            walk.pieces.append((np.array([at]), np.array([size - FRAME_BYTES])))
            at += size
        elif not size:
            lost, lost_at, at = True, at, at + 1
