"""A real trace repeated in time: the text of its events again and again, later and later."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

_FIRST = re.compile(rb'"traceEvents"\s*:\s*\[')
_NUMBERS = re.compile(
    rb'((?<="ts": )\d+(?:\.\d+)?|(?<="correlation": )\d+|(?<="External id": )\d+'
    rb'|(?<="id": )\d+|(?<=ProfilerStep#)\d+)'
)
_NEW_IDS = 10_000_000
_NEW_STEPS = 1000


class Repeater:
    """Writes a trace as Kineto formats it, so that parsers meet the white space they know.

    Time stamps are moved by the length of the trace, correlations, flows and steps are numbered
    on; everything else is the same letters.

    Attributes:
        size: bytes of text of one repetition.
    """

    def __init__(self, source: Path) -> None:
        text = source.read_bytes()
        if text[:2] == b"\x1f\x8b":
            text = gzip.decompress(text)
        first = _FIRST.search(text)
        if first is None:
            raise ValueError(f"{source} has no traceEvents")
        last = text.rfind(b"}", 0, text.rfind(b"]")) + 1
        self._head, self._tail = text[: first.end()], text[last:]
        self._parts = _NUMBERS.split(text[first.end() : last])
        self._adds = [self._kind(part) for part in self._parts[:-1:2]]
        stamps = [
            int(number.partition(b".")[0])
            for number, add in zip(self._parts[1::2], self._adds, strict=True)
            if add == 0
        ]
        self._length = max(stamps) - min(stamp for stamp in stamps if stamp) + 1000
        self.size = last - first.end()

    @staticmethod
    def _kind(before: bytes) -> int:
        if before.endswith(b'"ts": '):
            return 0
        return _NEW_STEPS if before.endswith(b"ProfilerStep#") else _NEW_IDS

    def write(self, path: Path, megabytes: float) -> Path:
        """Write so many whole repetitions that the file has about this size."""
        with path.open("wb") as file:
            file.write(self._head)
            for copy in range(max(round(megabytes * 1e6 / self.size), 1)):
                file.write(b"," if copy else b"")
                file.write(self._copy(copy))
            file.write(self._tail)
        return path

    def _copy(self, copy: int) -> bytes:
        parts = self._parts.copy()
        moves = [copy * (add or self._length) for add in self._adds]
        for index, move in enumerate(moves):
            whole, point, rest = parts[2 * index + 1].partition(b".")
            if whole != b"0":  # correlation 0 means none
                parts[2 * index + 1] = b"%d%b%b" % (int(whole) + move, point, rest)
        return b"".join(parts)
