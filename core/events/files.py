"""Event files on disk: finding them, and judging one before a parser touches it.

An event file is a sequence of TFRecords: length (8 bytes, little endian), masked CRC-32C of the
length (4), payload, masked CRC-32C of the payload (4). tbparse's reader trusts the length, so a
damaged header makes it ask for gigabytes of memory; walking the headers first costs one seek a
record and rules that out.
"""

from __future__ import annotations

import os
import stat
import struct
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorboard.compat.proto import event_pb2
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

_LENGTH = struct.Struct("<Q")
_HEADER = struct.Struct("<QI")
_FRAME_BYTES = _HEADER.size + 4

_LAST_RECORDS = 64

_FOREIGN = (
    (b"version https://git-lfs", "is a Git LFS pointer, not the data; run: git lfs pull."),
    (b"\x00\x05\x16\x07", "is macOS metadata (AppleDouble), not an event file; delete it."),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A file, or a part of one, that could not be read.

    Attributes:
        file: the event file.
        message: one line that reads on after the file's name: what is wrong, what to do.
    """

    file: Path
    message: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the record headers of one file say.

    Attributes:
        whole_bytes: length of the prefix that consists of whole records.
        size_bytes: length of the file.
        records: number of whole records.
        problem: what is wrong with the file as a message, or "".
        last: (first byte, length) of the payloads of the last records, the last one first.
    """

    whole_bytes: int
    size_bytes: int
    records: int
    problem: str = ""
    last: tuple[tuple[int, int], ...] = ()


def find_event_files(path: Path) -> list[Path]:
    """All files below ``path`` that are named like event files, sorted by folder, then name.

    TensorBoard's rule: the name contains ``tfevents``. Symbolic links to folders are not
    followed, so a link cannot lead out of an allowed root or around in a circle.

    Args:
        path: a folder, or one event file (returned whatever its name).
    """
    if not path.is_dir():
        return [path] if path.exists() else []
    found: list[Path] = []
    for folder, folders, names in os.walk(path):
        folders.sort()
        found.extend(Path(folder) / name for name in sorted(names) if "tfevents" in name)
    return sorted(found, key=lambda file: (file.parent.as_posix(), file.name))


def inspect(path: Path) -> Inspection:
    """Walk the record headers of one file.

    Raises:
        OSError: the file cannot be opened or read.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        return Inspection(0, 0, 0, "is not a regular file.")
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size == 0:
            return Inspection(0, 0, 0, "is empty: its writer has not written anything yet.")
        head = stream.read(max(len(magic) for magic, _ in _FOREIGN))
        for magic, message in _FOREIGN:
            if head.startswith(magic):
                return Inspection(0, size, 0, message)
        if len(head) >= _HEADER.size:
            length, crc = _HEADER.unpack_from(head)
            if masked_crc32c(_LENGTH.pack(length)) != crc:
                return Inspection(0, size, 0, "is not an event file: its first bytes are foreign.")
        end = records = 0
        last: deque[tuple[int, int]] = deque(maxlen=_LAST_RECORDS)
        while end + _FRAME_BYTES <= size:
            stream.seek(end)
            header = stream.read(_LENGTH.size)
            if len(header) < _LENGTH.size:
                break
            length = _LENGTH.unpack(header)[0]
            if end + _FRAME_BYTES + length > size:
                break
            last.appendleft((end + _HEADER.size, length))
            end, records = end + _FRAME_BYTES + length, records + 1
    return Inspection(end, size, records, _damage(end, size), tuple(last))


def last_scalar(path: Path, inspection: Inspection) -> tuple[str, int] | None:
    """(tag, step) of the last scalar among the last records, None if none is found there.

    tbparse silently drops everything after a record with a wrong checksum; when this scalar is
    missing from what it returned, that is what happened.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        for offset, length in inspection.last:
            stream.seek(offset)
            try:
                event = event_pb2.Event.FromString(  # pyright: ignore[reportAttributeAccessIssue]
                    stream.read(length)
                )
            except DecodeError:
                continue
            scalars = [v.tag for v in event.summary.value if v.HasField("simple_value")]
            if scalars:
                return scalars[-1], event.step
    return None


def _damage(end: int, size: int) -> str:
    if end == size:
        return ""
    if end == 0:
        return "is truncated in its first record: nothing in it can be read."
    return (
        f"is cut off or damaged {end:,} bytes into its {size:,}: what follows is not read "
        "(normal while a job is writing it)."
    )
