"""What makes a kept result of a trace still true: the same content, read by the same code."""

from __future__ import annotations

import functools
import hashlib
import os
import stat
from pathlib import Path

from core.errors import NotFound, Unreadable

_SAMPLES, _SAMPLE_BYTES = 8, 4096


def content_key(path: Path) -> str:
    """Path, size, times, inode and samples of a file's content, and the digest of our code.

    Raises:
        NotFound: there is no such file.
        Unreadable: it may not be read, or is no ordinary file (a pipe would be waited for).
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Unreadable(f"{path} is no ordinary file. Give a trace that was saved to one.")
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            last = max(status.st_size - _SAMPLE_BYTES, 0)
            for number in range(_SAMPLES):
                stream.seek(last * number // (_SAMPLES - 1))
                digest.update(stream.read(_SAMPLE_BYTES))
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}. Check the path of the trace.") from None
    except OSError as error:
        raise Unreadable(f"Cannot read {path}: {error.strerror or error}.") from None
    times = f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"
    return f"{path.absolute()}:{times}:{digest.hexdigest()}:{code_digest()}"


@functools.cache
def code_digest() -> str:
    """Digest of this package's source: an upgrade, or a change of a rule, judges anew."""
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
