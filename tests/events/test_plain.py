"""Plain scalars decoded many at once: as protobuf decodes each, or left to it."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.compat.proto import event_pb2

from core.events.checksums import masked
from core.events.framing import find_frames
from core.events.plain import decode

Event = event_pb2.Event  # pyright: ignore[reportAttributeAccessIssue]


def varint(number: int, padding: int = 0) -> bytes:
    """A varint; each byte of padding makes it longer than it need be."""
    number &= 2**64 - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    for _ in range(padding):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def field(mark: int, content: bytes, padding: int = 0) -> bytes:
    return bytes([mark]) + varint(len(content), padding) + content


def message(tag: bytes, step: int | None, value: bytes, time: bytes, *padding: int) -> bytes:
    """A scalar event, every byte of it chosen."""
    step_pad, outer, middle, inner = (*padding, 0, 0, 0, 0)[:4]
    steps = b"" if step is None else b"\x10" + varint(step, step_pad)
    summary = field(0x0A, field(0x0A, tag, inner) + b"\x15" + value, middle)
    return b"\x09" + time + steps + field(0x2A, summary, outer)


def record(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    return b"".join(
        (length, struct.pack("<I", masked(length)), payload, struct.pack("<I", masked(payload)))
    )


def decoded(payloads: list[bytes]):
    content = b"".join(map(record, payloads))
    frames = find_frames(content)
    return decode(content, frames.starts, frames.lengths)


def bits(number: float) -> bytes:
    return struct.pack("<d", number)


def assert_as_protobuf(payloads: list[bytes]) -> set[int]:
    """Compare what was decoded, bit by bit; return the indices of what was left."""
    found = decoded(payloads)
    assert not len(found.damaged)
    left = set(found.others.tolist())
    assert left | set(found.record.tolist()) == set(range(len(payloads)))
    assert len(left) + len(found.record) == len(payloads)
    values = found.value.view(np.uint32).tolist()
    for row, index in enumerate(found.record.tolist()):
        event = Event.FromString(payloads[index])
        (value,) = event.summary.value
        assert value.WhichOneof("value") == "simple_value"
        assert found.tags[found.code[row]] == value.tag
        assert found.step[row] == event.step
        assert bits(found.wall_time[row]) == bits(event.wall_time)
        plain = payloads[index][-4:]
        assert values[row] == struct.unpack("<I", plain)[0]
        same = struct.unpack("<f", plain)[0]
        assert value.simple_value == same or (math.isnan(value.simple_value) and math.isnan(same))
        assert event.ByteSize() <= len(payloads[index])
    return left


INT64 = st.integers(-(2**63), 2**63 - 1)
STEPS = st.one_of(
    st.none(),
    st.sampled_from([0, 1, -1, -(2**63), 2**63 - 1]),
    st.integers(0, 62).map(lambda power: 2**power),
    INT64,
)
TAGS = st.one_of(
    st.sampled_from(["loss", "Loss/träin", "損失", "a" * 200, "b" * 3000, "", "🔥"]), st.text()
)
FOUR, EIGHT = (st.binary(min_size=size, max_size=size) for size in (4, 8))
SCALARS = st.builds(lambda tag, *rest: message(tag.encode(), *rest), TAGS, STEPS, FOUR, EIGHT)


@given(st.lists(SCALARS, max_size=12))
def test_scalars_are_decoded_as_protobuf_decodes_them(payloads):
    left = assert_as_protobuf(payloads)
    # Nothing with a tag is left, unless by its length.
    assert all(len(payloads[index]) < 20 or len(payloads[index]) > 4096 for index in left)


@given(st.lists(SCALARS, min_size=1, max_size=6), st.integers(0, 2**31), st.integers(1, 255))
def test_no_changed_byte_is_decoded_wrongly(payloads, where, change):
    content = bytearray(payloads[-1])
    content[where % len(content)] ^= change
    payloads[-1] = bytes(content)
    assert_as_protobuf(payloads)


@given(st.lists(st.integers(0, 3), min_size=4, max_size=4), STEPS)
def test_numbers_longer_than_they_need_be_are_never_decoded_wrongly(padding, step):
    payload = message(b"loss", step, bytes(4), bits(1.0), *padding)
    assert_as_protobuf([payload])


@pytest.mark.parametrize("last", [0x02, 0x7F])
def test_a_step_of_more_than_64_bits_is_left(last):
    payload = message(b"loss", -1, bytes(4), bits(1.0)).replace(
        b"\xff\x01\x2a", bytes([0xFF, last, 0x2A])
    )
    assert decoded([payload]).others.tolist() == [0]


def test_many_tags_of_one_length_are_told_apart():
    tags = [f"layer{number:05}/weight" for number in range(700)] * 3
    payloads = [message(tag.encode(), 5, bytes(4), bits(1.0)) for tag in tags]
    found = decoded(payloads)
    assert len(set(found.tags)) == len(found.tags) == 700
    order = np.argsort(found.record)
    assert [found.tags[code] for code in found.code[order]] == tags


def test_a_step_that_is_nought_may_be_written_or_not():
    payloads = [message(b"loss", step, bytes(4), bits(1.0)) for step in (0, None)]
    found = decoded(payloads)
    assert (found.step.tolist(), len(found.others)) == ([0, 0], 0)


def test_the_bits_of_a_nan_are_kept():
    odd = bytes.fromhex("0100c07f")
    found = decoded([message(b"loss", 1, odd, bytes.fromhex("010000000000f87f"))])
    assert found.value.tobytes() == odd
    assert found.wall_time.tobytes() == bytes.fromhex("010000000000f87f")


def test_a_wrong_checksum_is_damage():
    payloads = [message(b"loss", step, bytes(4), bits(step)) for step in range(5)]
    content = bytearray(b"".join(map(record, payloads)))
    frames = find_frames(bytes(content))
    content[frames.starts[2] + 15] ^= 1
    content[frames.starts[4] + frames.lengths[4] + 12] ^= 1  # the checksum itself
    found = decode(bytes(content), frames.starts, frames.lengths)
    assert found.damaged.tolist() == [2, 4]
    assert sorted(found.step.tolist()) == [0, 1, 3]
    assert found.others.tolist() == []


def unusual() -> dict[str, bytes]:
    event = Event(wall_time=1.0, step=3)
    event.summary.value.add(tag="loss", simple_value=1.0)
    one = event.SerializeToString()
    with_metadata = Event.FromString(one)
    with_metadata.summary.value[0].metadata.plugin_data.plugin_name = "scalars"
    no_time = Event(step=3, summary=event.summary)
    event.summary.value.add(tag="other", simple_value=2.0)
    value = field(0x0A, b"loss") + b"\x15" + bytes(4)
    return {
        "two values": event.SerializeToString(),
        "metadata": with_metadata.SerializeToString(),
        "no wall time": no_time.SerializeToString(),
        "an unknown field": one + b"\xf8\x01\x01",
        "an unknown field inside": b"\x09"
        + bits(1.0)
        + field(0x2A, field(0x0A, b"\x40\x01" + value)),
        "a tag that is no text": message(b"lo\xffs", 3, bytes(4), bits(1.0)),
        "half a character": message("損".encode()[:2], 3, bytes(4), bits(1.0)),
        "a surrogate": message(b"\xed\xa0\x80", 3, bytes(4), bits(1.0)),
        "the value before the tag": b"\x09"
        + bits(1.0)
        + field(0x2A, field(0x0A, b"\x15" + bytes(4) + field(0x0A, b"loss"))),
        "a length that is too great": one.replace(b"\x0a\x04loss", b"\x0a\x05loss"),
        "a length that is too small": one.replace(b"\x0a\x04loss", b"\x0a\x03loss"),
        "nothing": b"",
        "a text": Event(wall_time=1.0, file_version="brain.Event:2").SerializeToString(),
    }


@pytest.mark.parametrize("name", unusual())
def test_what_is_unusual_is_left_to_the_general_parser(name):
    usual = message(b"loss", 7, bytes(4), bits(1.0))
    found = decoded([usual, unusual()[name], usual])
    assert found.others.tolist() == [1]
    assert found.step.tolist() == [7, 7]


def test_many_that_only_look_plain_hide_no_row():
    usual = message(b"loss", 7, bytes(4), bits(1.0))
    odd = usual.replace(b"\x0a\x04loss", b"\x0a\x05loss")
    with pytest.raises(DecodeError):
        Event.FromString(odd)
    left = assert_as_protobuf([usual] * 3 + [odd] * 40 + [usual])
    assert set(range(3, 43)) <= left


def test_of_nothing_nothing_is_decoded():
    none = np.empty(0, np.int64)
    found = decode(b"", none, none)
    assert (len(found.record), found.tags, len(found.damaged), len(found.others)) == (0, [], 0, 0)
