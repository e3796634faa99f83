"""Masked CRC-32C, the checksum of TFRecords: one buffer at a time, or many rows at once.

A record is length (8 bytes, little endian), masked CRC of the length (4), payload, masked CRC of
the payload (4). The mask is ``rotate_right(crc, 15) + 0xA282EAD8`` (TensorFlow,
``core/lib/hash/crc32c.h``).
"""

from __future__ import annotations

import struct
from functools import cache

import google_crc32c
import numpy as np

_POLYNOMIAL = 0x82F63B78
_MASK_DELTA = 0xA282EAD8
SHORT = 1 << 16
"""Payloads below this many bytes have their header checksum in :func:`short_headers`."""


def masked(data: bytes | memoryview) -> int:
    """Masked CRC-32C of one buffer."""
    crc = google_crc32c.value(bytes(data))
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def header_is_good(header: bytes) -> bool:
    """Whether the first 12 bytes of a record hold a length and its checksum."""
    return len(header) >= 12 and masked(header[:8]) == struct.unpack_from("<I", header, 8)[0]


@cache
def _table(distance: int) -> np.ndarray:
    """What a byte, ``distance`` bytes before the end, adds to the checksum: uint32[256]."""
    if distance == 0:
        table = np.arange(256, dtype=np.uint32)
        for _ in range(8):
            odd = (table & np.uint32(1)).astype(bool)
            table = np.where(odd, (table >> np.uint32(1)) ^ np.uint32(_POLYNOMIAL), table >> 1)
        return table.astype(np.uint32)
    nearer = _table(distance - 1)
    return _table(0)[nearer & np.uint32(0xFF)] ^ (nearer >> np.uint32(8))


@cache
def _zeros(length: int) -> int:
    """The checksum register after ``length`` zero bytes, before its final inversion."""
    return google_crc32c.value(bytes(length)) ^ 0xFFFFFFFF


def masked_rows(rows: np.ndarray) -> np.ndarray:
    """Masked CRC-32C of every row.

    The checksum is linear over GF(2): it is that of as many zeros, exclusive-or what each byte
    adds by its distance from the end. Columns that are equal in all rows are added once.

    Args:
        rows: uint8[n, length].

    Returns:
        uint32[n].
    """
    count, length = rows.shape
    for distance in range(length):  # filled from the near end, so that no call recurses deeply
        _table(distance)
    register = _zeros(length)
    varies = (rows != rows[:1]).any(axis=0) if count else np.zeros(length, bool)
    for column in np.flatnonzero(~varies) if count else ():
        register ^= int(_table(length - 1 - int(column))[rows[0, column]])
    crc = np.full(count, register, np.uint32)
    for column in np.flatnonzero(varies):
        crc ^= _table(length - 1 - int(column))[rows[:, column]]
    crc ^= np.uint32(0xFFFFFFFF)
    return ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + np.uint32(_MASK_DELTA)


@cache
def short_headers() -> np.ndarray:
    """Masked CRC of the length field of every payload shorter than :data:`SHORT`: uint32[SHORT]."""
    lengths = np.arange(SHORT, dtype="<u8")
    return masked_rows(lengths.view(np.uint8).reshape(SHORT, 8))
