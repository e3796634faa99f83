"""A process of its own that reads ranks: ``python -m core.traces.ranks.worker``.

Frames of a length (8 bytes, little-endian) and as many bytes, both ways: a path comes in, an
answer goes out (``ok`` and a packed summary, or ``no`` and one line of what is wrong).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

from core.errors import GpulseError
from core.traces.ranks.summary import pack, summarise

OK, NO = b"ok", b"no"


def write_frame(stream: BinaryIO, content: bytes) -> None:
    """Send one frame."""
    stream.write(len(content).to_bytes(8, "little"))
    stream.write(content)
    stream.flush()


def read_frame(stream: BinaryIO) -> bytes | None:
    """Receive one frame, None at the end of the stream (also in the middle of a frame)."""
    size = stream.read(8)
    if len(size) < 8:
        return None
    wanted = int.from_bytes(size, "little")
    content = stream.read(wanted)
    return content if len(content) == wanted else None


def answer(path: Path) -> bytes:
    """Read one rank; what is wrong with it is an answer too."""
    try:
        return OK + pack(summarise(path))
    except GpulseError as error:
        return NO + str(error).encode()
    except MemoryError:
        return NO + f"{path.name} needs more memory than there is. Profile fewer steps.".encode()
    except OSError as error:
        return NO + f"{path.name} cannot be read: {error.strerror or error}.".encode()


def main() -> None:
    """Answer until no more comes in."""
    # Whatever prints must not end up among the frames.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        write_frame(out, answer(Path(os.fsdecode(frame))))


if __name__ == "__main__":
    main()
