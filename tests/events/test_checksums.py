"""Checksums of TFRecords: one buffer, many rows, and every short header."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

from core.events.checksums import SHORT, header_is_good, masked, masked_rows, short_headers


@given(st.binary(max_size=300))
def test_the_checksum_is_tensorboards(data):
    assert masked(data) == masked_crc32c(data)
    assert masked(memoryview(data)) == masked_crc32c(data)


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=40)))
def test_many_rows_have_the_checksums_of_each(rows):
    found = masked_rows(rows)
    assert found.dtype == np.uint32
    assert found.tolist() == [masked(row.tobytes()) for row in rows]


@given(st.binary(min_size=30, max_size=30), st.sets(st.integers(0, 29)), st.integers(1, 6))
def test_columns_that_are_equal_in_all_rows_count_too(shared, varying, count):
    rows = np.tile(np.frombuffer(shared, np.uint8), (count, 1))
    for column in varying:
        rows[:, column] += np.arange(count, dtype=np.uint8)
    assert masked_rows(rows).tolist() == [masked(row.tobytes()) for row in rows]


@pytest.mark.parametrize("shape", [(0, 0), (0, 20), (3, 0), (1, 1), (2, 3000)])
def test_rows_of_unusual_shapes(shape):
    rows = np.arange(shape[0] * shape[1], dtype=np.uint64).astype(np.uint8).reshape(shape)
    assert masked_rows(rows).tolist() == [masked(row.tobytes()) for row in rows]


def test_rows_that_are_a_view_with_strides():
    rows = np.arange(400, dtype=np.uint64).astype(np.uint8).reshape(10, 40)[::2, 3:30:2]
    assert masked_rows(rows).tolist() == [masked(row.tobytes()) for row in rows]


def test_every_short_length_has_its_headers_checksum():
    known = short_headers()
    assert len(known) == SHORT
    for length in (0, 1, 255, 256, 4097, SHORT - 1):
        assert known[length] == masked(struct.pack("<Q", length))


@given(st.integers(0, 2**64 - 1), st.integers(0, 95))
def test_a_header_with_any_flipped_bit_is_no_header(length, bit):
    header = struct.pack("<Q", length)
    header += struct.pack("<I", masked(header))
    assert header_is_good(header)
    flipped = bytearray(header)
    flipped[bit // 8] ^= 1 << bit % 8
    assert not header_is_good(bytes(flipped))


def test_a_header_that_is_cut_off_is_no_header():
    header = bytes(8) + struct.pack("<I", masked(bytes(8)))
    assert not any(header_is_good(header[:size]) for size in range(12))
