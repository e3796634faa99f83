"""Finding records in bytes: whole, in pieces, damaged, and in spite of what payloads hold."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events.checksums import masked
from core.events.framing import FRAME_BYTES, HEADER_BYTES, find_frames


def header(length: int) -> bytes:
    packed = struct.pack("<Q", length)
    return packed + struct.pack("<I", masked(packed))


def record(payload: bytes) -> bytes:
    return header(len(payload)) + payload + struct.pack("<I", masked(payload))


def places(sizes: list[int]) -> list[tuple[int, int]]:
    """(offset, payload length) of records that follow each other."""
    offsets = np.cumsum([0, *(size + FRAME_BYTES for size in sizes)]).tolist()
    return list(zip(offsets, sizes, strict=False))


def found(buffer: bytes, **options) -> list[tuple[int, int]]:
    frames = find_frames(buffer, **options)
    return list(zip(frames.starts.tolist(), frames.lengths.tolist(), strict=True))


def found_in_pieces(content: bytes, cuts: list[int]) -> tuple[list, list, int, bool]:
    """Records, gaps, end and lost of bytes that come piece by piece, as a caller reads them."""
    records, gaps, at, lost, lost_at = [], [], 0, False, 0
    for cut in [*sorted(cuts), len(content)]:
        frames = find_frames(content[at:cut] if cut > at else b"", lost=lost, lost_at=lost_at - at)
        records += [
            (at + start, length)
            for start, length in zip(frames.starts.tolist(), frames.lengths.tolist(), strict=True)
        ]
        gaps += [(at + first, at + end) for first, end in frames.gaps]
        lost, lost_at = frames.lost, at + frames.lost_at
        at += frames.end
    return records, gaps, at, lost


SIZES = st.lists(
    st.one_of(st.integers(0, 300), st.sampled_from([0, 65_535, 65_536, 200_000])), max_size=8
)


@given(SIZES, st.integers(0, 2**32))
def test_records_of_every_size_are_found(sizes, seed):
    source = random.Random(seed)
    content = b"".join(record(source.randbytes(size)) for size in sizes)
    frames = find_frames(content)
    assert found(content) == places(sizes)
    assert (frames.end, frames.gaps, frames.lost, frames.need) == (len(content), [], False, 0)


@given(
    st.lists(st.one_of(st.integers(0, 60), st.just(70_000)), max_size=8),
    st.lists(st.floats(0, 1), max_size=6),
)
def test_bytes_may_come_in_any_pieces(sizes, shares):
    content = b"".join(record(bytes([size % 251]) * size) for size in sizes)
    cuts = [int(share * len(content)) for share in shares]
    assert found_in_pieces(content, cuts) == (places(sizes), [], len(content), False)


@given(
    st.lists(st.integers(0, 60), min_size=2, max_size=8),
    st.lists(st.floats(0, 1), max_size=6),
    st.data(),
)
def test_damage_is_passed_over_alike_in_any_pieces(sizes, shares, data):
    content = bytearray(b"".join(record(bytes([size + 1]) * size) for size in sizes))
    whole = places(sizes)
    hit = data.draw(st.integers(0, len(sizes) - 2), label="record whose header is hit")
    content[whole[hit][0] + data.draw(st.integers(0, 11))] ^= 1 << data.draw(st.integers(0, 7))
    cuts = [int(share * len(content)) for share in shares]
    records, gaps, end, lost = found_in_pieces(bytes(content), cuts)
    assert records == [each for index, each in enumerate(whole) if index != hit]
    assert gaps == [(whole[hit][0], whole[hit + 1][0])]
    assert (end, lost) == (len(content), False)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=4), st.integers(0, 10**6))
def test_a_record_that_is_cut_off_waits(sizes, where):
    content = b"".join(record(bytes(size)) for size in sizes)
    last, size = places(sizes)[-1]
    cut = last + where % (size + FRAME_BYTES)
    frames = find_frames(content[:cut])
    assert found(content[:cut]) == places(sizes)[:-1]
    assert (frames.end, frames.lost) == (last, False)
    assert frames.need == (size + FRAME_BYTES if cut - last >= HEADER_BYTES else 0)


@pytest.mark.parametrize("padding", [0, 70_000])
def test_event_files_inside_a_payload_are_not_records(padding):
    inner = b"".join(record(bytes([size]) * size) for size in (3, 0, 90)) + bytes(padding)
    sizes = [5, len(inner), 7]
    content = record(b"first") + record(inner) + record(b"another")
    assert found(content) == places(sizes)


def test_a_payload_full_of_zeros_hides_nothing():
    for size in (12, 16, 1000, 65_535, 100_000):
        content = record(bytes(size)) + record(b"next")
        assert found(content) == places([size, 4])


def test_headers_that_hold_for_nothing_inside_a_payload():
    lies = header(0) + header(40) + header(65_535) + header(2**40)
    content = record(lies * 5) + record(b"next")
    assert found(content) == places([len(lies) * 5, 4])


def test_the_checksum_of_a_payload_is_not_verified_while_headers_are_whole():
    content = bytearray(record(b"abc") + record(b"next"))
    content[HEADER_BYTES] ^= 1
    assert found(bytes(content)) == places([3, 4])


def test_a_damaged_place_ends_only_at_a_record_that_is_intact():
    bad = bytearray(record(b"damaged too"))
    bad[HEADER_BYTES] ^= 1
    content = record(b"a") + b"?" * 50 + bytes(bad) + record(b"good")
    first, good = FRAME_BYTES + 1, len(content) - FRAME_BYTES - 4
    assert found(content) == [(0, 1), (good, 4)]
    assert find_frames(content).gaps == [(first, good)]


def test_a_long_record_behind_damage_is_found():
    content = b"?" * 50 + record(bytes(70_000)) + record(bytes(100_000)) + record(b"last")
    long, longer = 50 + 70_000 + FRAME_BYTES, 50 + 170_000 + 2 * FRAME_BYTES
    assert found(content) == [(50, 70_000), (long, 100_000), (longer, 4)]
    assert find_frames(content).gaps == [(0, 50)]


def test_a_long_record_behind_damage_is_found_in_pieces():
    content = b"?" * 50 + record(b"x" * 70_000) + record(b"last")
    for cut in (51, 60, 61, 62, 5000, 70_000, 70_065, 70_066, 70_070):
        records, gaps, end, lost = found_in_pieces(content, [cut])
        assert records == [(50, 70_000), (50 + 70_000 + FRAME_BYTES, 4)], cut
        assert (gaps, end, lost) == ([(0, 50)], len(content), False)


def test_damage_without_an_end_says_where_it_began():
    frames = find_frames(record(b"a") + b"?" * 100)
    assert (frames.lost, frames.lost_at, frames.gaps) == (True, FRAME_BYTES + 1, [])


def test_a_header_that_lies_asks_for_what_it_claims():
    frames = find_frames(record(b"a") + header(2**40) + record(b"b"))
    assert (frames.end, frames.need) == (FRAME_BYTES + 1, 2**40 + FRAME_BYTES)


def test_of_no_bytes_nothing_is_found():
    frames = find_frames(b"")
    assert (len(frames.starts), frames.end, frames.need, frames.lost) == (0, 0, 0, False)
