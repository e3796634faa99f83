"""The text of a trace file, plain or gzip, in pieces; and the limits that keep a bad file small."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import NotFound, Unreadable
from core.settings import settings

PIECE_BYTES = 256 << 10
"""Text decoded at once. The entries of such a piece stay in the processor's cache, which halves
the time of decoding against pieces of 4 MiB."""
READ_BYTES = 256 << 10
_MIB, _GIB = 2**20, 2**30


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may ask for before it is refused; each can be raised by a setting.

    Attributes:
        text_bytes: length of the text, unpacked.
        entry_bytes: length of one entry, or of what comes before the first.
        depth: levels of nesting.
        spans: spans kept.
    """

    text_bytes: float
    entry_bytes: int
    depth: int
    spans: int

    def check_text(self, source: str, count: int) -> None:
        """Refuse a text longer than the limit.

        Raises:
            Unreadable: it is.
        """
        if count > self.text_bytes:
            raise Unreadable(
                f"{source} unpacks to more than {self.text_bytes / _GIB:.4g} GiB. If you trust "
                "the file, raise GPULSE_TRACE_GIB."
            )

    def check_entry(self, source: str, count: int) -> None:
        """Refuse an entry, or a beginning without entries, longer than the limit.

        Raises:
            Unreadable: it is.
        """
        if count > self.entry_bytes:
            raise Unreadable(
                f"{source} has {self.entry_bytes // _MIB} MiB without the end of an entry, so it "
                "is hardly a trace. If you trust the file, raise GPULSE_TRACE_ENTRY_MIB."
            )

    def check_depth(self, source: str, depth: int) -> None:
        """Refuse deeper nesting than the limit.

        Raises:
            Unreadable: it is deeper.
        """
        if depth > self.depth:
            raise Unreadable(
                f"{source} nests {depth:,} levels deep, so it is hardly a trace. If you trust the "
                "file, raise GPULSE_TRACE_DEPTH."
            )

    def check_spans(self, source: str, count: int) -> None:
        """Refuse more spans than the limit.

        Raises:
            Unreadable: there are more.
        """
        if count > self.spans:
            raise Unreadable(
                f"{source} holds more than {self.spans:,} spans. Profile fewer steps, or, where "
                "there is memory for them, raise GPULSE_TRACE_SPANS."
            )


def limits() -> Limits:
    """The limits that are set now."""
    now = settings()
    return Limits(
        text_bytes=now.trace_gib * _GIB,
        entry_bytes=now.trace_entry_mib * _MIB,
        depth=now.trace_depth,
        spans=now.trace_spans,
    )


class Pieces:
    """The text of a file in pieces of at most ``PIECE_BYTES``, read as they are asked for.

    Attributes:
        truncated: the packed data ended early or is damaged.
    """

    def __init__(self, path: Path, allowed: Limits) -> None:
        self.truncated = False
        self._path, self._limits = path, allowed

    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces in order.

        Raises:
            NotFound: there is no such file.
            Unreadable: the file may not be read, or its text is longer than allowed.
        """
        count = 0
        try:
            with self._path.open("rb") as file:
                head = file.read(2)
                file.seek(0)
                packed = head == b"\x1f\x8b"
                size = READ_BYTES if packed else PIECE_BYTES
                raw = iter(lambda: file.read(size), b"")
                for piece in self._unpacked(raw) if packed else raw:
                    count += len(piece)
                    self._limits.check_text(self._path.name, count)
                    yield piece
        except FileNotFoundError:
            raise NotFound(f"There is no file {self._path}. Check the path of the trace.") from None
        except OSError as error:
            raise Unreadable(f"Cannot read {self._path}: {error.strerror or error}.") from None

    def _unpacked(self, raw: Iterator[bytes]) -> Iterator[bytes]:
        """Gzip members one after the other; a damaged or missing end gives what came before."""
        member = zlib.decompressobj(wbits=31)
        for data in raw:
            while data:
                try:
                    text = member.decompress(data, PIECE_BYTES)
                except zlib.error:
                    self.truncated = True
                    return
                if text:
                    yield text
                data = member.unconsumed_tail
                if member.eof:
                    data = member.unused_data.lstrip(b"\0")
                    if data:
                        member = zlib.decompressobj(wbits=31)
        self.truncated |= not member.eof
