from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from core import pictures


def _png(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height)).save(stream, "PNG")
    return stream.getvalue()


def _claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims a size."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for chunk in (header, b"IDAT" + zlib.compress(b"")):
        content += struct.pack(">I", len(chunk) - 4) + chunk
        content += struct.pack(">I", zlib.crc32(chunk))
    return content


def test_a_picture_is_shown() -> None:
    assert pictures.objection(_png(6, 4)) == ""


@pytest.mark.parametrize("size", [(10_000, 10_000), (100_000, 100_000)])
def test_a_few_bytes_that_claim_a_huge_picture_are_refused(size: tuple[int, int]) -> None:
    assert pictures.objection(_claims(*size)) == "large"


def test_too_many_bytes_are_refused_unseen() -> None:
    assert pictures.objection(bytes(pictures.MAX_BYTES + 1)) == "large"


@pytest.mark.parametrize("content", [b"", b"not a picture", _png(60, 40)[:40]])
def test_what_cannot_be_decoded_is_named(content: bytes) -> None:
    assert pictures.objection(content) == "broken"
