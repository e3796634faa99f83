"""Where the text of a trace may be cut: after the last whole entry of a buffer."""

from __future__ import annotations

import re

_BETWEEN = re.compile(rb'\}\s*(,)\s*\{\s*"(?:ph|name|cat|pid|tid|ts|dur|args|id|s|bp)"\s*:')
_PHASE_FIRST = re.compile(rb'\}\s*,\s*\{\s*"ph"\s*:')
_OVERLAP = 256
"""A match may begin so many bytes before the part that is searched for the first time."""
_LOOK_BACK = 16 << 10


class Cutter:
    """Finds the last comma between two entries.

    Kineto begins almost every entry with its phase, always in the same letters and white space;
    objects inside arguments are not written like that. Where no entry begins so, any comma between
    two objects of which the second begins with a key of an event is taken.
    """

    def __init__(self) -> None:
        self._separator: bytes | None = None
        self._learned = False
        self._searched = 0

    def cut(self, buffer: bytes | bytearray) -> int | None:
        """Position of the comma, or None where the buffer holds no whole entry.

        The next buffer must be what follows the comma, or this one with more text behind it.
        """
        if not self._learned and buffer:
            self._learned = True
            found = _PHASE_FIRST.search(buffer)
            self._separator = bytes(found[0]) if found else None
        low = max(self._searched - _OVERLAP, 0)
        at = self._by_separator(buffer, low)
        if at is None:
            at = _by_pattern(buffer, low)
        self._searched = 0 if at is not None else len(buffer)
        return at

    def _by_separator(self, buffer: bytes | bytearray, low: int) -> int | None:
        if self._separator is None:
            return None
        at = buffer.rfind(self._separator, low)
        return None if at < 0 else at + self._separator.index(b",")


def _by_pattern(buffer: bytes | bytearray, low: int) -> int | None:
    """The last match at or after ``low``, looking back ever further."""
    span = _LOOK_BACK
    while True:
        first = max(len(buffer) - span, low)
        matches = [match.start(1) for match in _BETWEEN.finditer(buffer, first)]
        if matches:
            return matches[-1]
        if first == low:
            return None
        span *= 8
