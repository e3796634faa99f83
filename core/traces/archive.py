"""Records with numpy arrays (a trace, a diagnosis) as files, and back.

The record without its arrays is MessagePack, typed by the record's own class; the arrays follow as
compressed blocks, whole numbers in the fewest bytes that hold them, floats byte by byte (the first
bytes of all values are alike, which LZ4 then finds: a fifth of the size, read at 2 GB a second).
Nothing in such a file is ever executed, and each part is behind its checksum.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, BinaryIO, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Kind = TypeVar("Kind")
_MAGIC = b"GPULSE-1"
_LENGTHS = struct.Struct("<QI")
_NUMBER = struct.Struct("<I")
_ARRAY = 1
_CODEC = pa.Codec("lz4")
_NARROW = (np.int8, np.int16, np.int32)
_KINDS = "bif"
_WRONG = (ValueError, TypeError, LookupError, struct.error, pa.ArrowException, msgspec.MsgspecError)


class Damaged(Exception):
    """The file is not what was written."""


class Block(msgspec.Struct):
    """One array.

    Attributes:
        dtype: as it was.
        stored: as it is in the file.
        shape: as it was.
        packed: compressed length in bytes.
        checksum: CRC-32 of the compressed bytes.
    """

    dtype: str
    stored: str
    shape: tuple[int, ...]
    packed: int
    checksum: int


class _Head(msgspec.Struct):
    key: str
    blocks: list[Block]
    record: msgspec.Raw


def save(stream: BinaryIO, key: str, record: object) -> None:
    """Write a record.

    Args:
        stream: where to.
        key: what must be asked for on loading.
        record: a dataclass of plain values, dataclasses and arrays of numbers.

    Raises:
        TypeError: it holds something else.
    """
    arrays: list[NDArray[Any]] = []

    def outside(value: Any) -> object:
        if isinstance(value, np.ndarray) and value.dtype.kind in _KINDS:
            arrays.append(value)
            return msgspec.msgpack.Ext(_ARRAY, _NUMBER.pack(len(arrays) - 1))
        if isinstance(value, np.generic):
            return value.item()
        raise TypeError(f"{type(value).__name__} cannot be kept")

    text = msgspec.msgpack.encode(record, enc_hook=outside)
    blocks, packed = [], []
    for array in arrays:
        block, content = _packed(array)
        blocks.append(block)
        packed.append(content)
    head = msgspec.msgpack.encode(_Head(key, blocks, msgspec.Raw(text)))
    stream.write(_MAGIC + _LENGTHS.pack(len(head), zlib.crc32(head)) + head)
    for content in packed:
        stream.write(content)


def load(stream: BinaryIO, key: str, kind: type[Kind]) -> Kind | None:
    """Read a record whose arrays are read-only; None where the file is of another key.

    Raises:
        Damaged: the file is not what :func:`save` wrote.
    """
    try:
        return _load(stream, key, kind)
    except _WRONG as error:
        raise Damaged(str(error)) from None


def _load(stream: BinaryIO, key: str, kind: type[Kind]) -> Kind | None:
    begin = stream.read(len(_MAGIC) + _LENGTHS.size)
    if begin[: len(_MAGIC)] != _MAGIC:
        raise ValueError("another format")
    length, checksum = _LENGTHS.unpack_from(begin, len(_MAGIC))
    text = stream.read(length) if length < 2**40 else b""
    if zlib.crc32(text) != checksum:
        raise ValueError("the head is damaged")
    head = msgspec.msgpack.decode(text, type=_Head)
    if head.key != key:
        return None
    arrays = [_unpacked(block, stream.read(block.packed)) for block in head.blocks]

    def inside(_: int, number: memoryview) -> NDArray[Any]:
        return arrays[_NUMBER.unpack(number)[0]]

    return msgspec.msgpack.decode(
        head.record, type=kind, ext_hook=inside, dec_hook=lambda _, value: value
    )


def _packed(array: NDArray[Any]) -> tuple[Block, bytes]:
    stored = np.ascontiguousarray(_narrow(array)).ravel()
    raw = stored.view(np.uint8)
    if stored.dtype.kind == "f":
        raw = np.ascontiguousarray(raw.reshape(stored.size, stored.itemsize).T)
    content = _CODEC.compress(raw.data, asbytes=True) if raw.size else b""
    block = Block(array.dtype.str, stored.dtype.str, array.shape, len(content), zlib.crc32(content))
    return block, content


def _narrow(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind != "i" or not array.size:
        return array
    low, high = int(array.min()), int(array.max())
    for kind in _NARROW:
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return array.astype(kind, copy=False)
    return array


def _unpacked(block: Block, content: bytes) -> NDArray[Any]:
    if len(content) != block.packed or zlib.crc32(content) != block.checksum:
        raise ValueError("a block is damaged")
    stored = np.dtype(block.stored)
    count = int(np.prod(block.shape, dtype=np.int64))
    raw = np.empty(0, np.uint8)
    if count:
        raw = np.frombuffer(_CODEC.decompress(content, count * stored.itemsize), np.uint8)
    if stored.kind == "f":
        raw = np.ascontiguousarray(raw.reshape(stored.itemsize, count).T).ravel()
    array = raw.view(stored).astype(block.dtype, copy=False).reshape(block.shape)
    array.flags.writeable = False
    return array
