"""Numbers as traces write them (whole, with a point, as text, absurd) -> numpy columns.

Every function has a fast path for a chunk of plain numbers; one odd value sends its chunk, and no
other, the slow way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXACT_ABOVE_US = float(2**43)
"""Beyond this a float64 µs value no longer resolves a nanosecond."""
_LARGEST = 2**61
"""What a column of whole numbers can hold, with room for a difference."""
_DIGITS = re.compile(r"\d+")


class Clock:
    """Time stamps -> µs after the first one; the base is taken off before going to float."""

    def __init__(self) -> None:
        self._base: int | None = None

    def microseconds(self, values: list[Any]) -> NDArray[np.float64]:
        """float64 µs; NaN where a value is no number or an absurd one."""
        if self._base is None:
            known = next((number for number in map(exact, values) if number is not None), None)
            if known is None:
                return np.full(len(values), np.nan)
            self._base = int(known)
        column = _plain(values)
        if column is not None and column.dtype.kind == "i":
            return (column - self._base).astype(np.float64)
        if column is not None and np.abs(column).max(initial=0.0) < EXACT_ABOVE_US:
            return column - float(self._base)
        numbers = map(exact, values)
        return np.array([np.nan if n is None else float(n - self._base) for n in numbers])

    def nanoseconds(self, at: float) -> int:
        """A time (µs after the first stamp) as the file writes it, in ns."""
        return int((Decimal(self._base or 0) + Decimal(float(at))) * 1000)


def _plain(values: list[Any]) -> NDArray[Any] | None:
    """int64 or float64 of a chunk that holds nothing else; None where it does."""
    kinds = set(map(type, values))
    try:
        if kinds == {int}:
            column = np.fromiter(values, np.int64, len(values))
            return column if -_LARGEST <= column.min() <= column.max() <= _LARGEST else None
        if kinds <= {int, float}:
            column = np.fromiter(values, np.float64, len(values))
            return column if np.isfinite(column).all() else None
    except OverflowError:
        return None
    return None


def floats(values: list[Any]) -> NDArray[np.float64]:
    """Durations in µs; missing, negative, absurd and unreadable ones are 0."""
    column = _plain(values)
    if column is None:
        numbers = map(exact, values)
        column = np.array([0.0 if n is None else float(n) for n in numbers])
    column = column.astype(np.float64, copy=False)
    return np.where((column > 0) & (column <= _LARGEST), column, 0.0)


def integers(values: list[Any], otherwise: int) -> NDArray[np.int64]:
    """Whole numbers; ``otherwise`` for what is none."""
    column = _plain(values)
    if column is not None and column.dtype.kind == "i":
        return column
    numbers = map(exact, values)
    return np.array([otherwise if n is None else int(n) for n in numbers], np.int64)


def smalls(values: list[Any], otherwise: Callable[[], list[Any]]) -> NDArray[np.int32]:
    """Numbers of devices and streams; where one is missing, that of ``otherwise``, else 0."""
    column = _plain(values)
    if column is not None and column.dtype.kind == "i":
        return np.where((column >= -1) & (column < 2**31), column, 0).astype(np.int32)
    return np.array([_small(*pair) for pair in zip(values, otherwise(), strict=True)], np.int32)


def narrowed(codes: NDArray[Any], count: int) -> NDArray[Any]:
    """Codes from 0 to ``count`` - 1 in 16 bits if they fit: numpy then sorts them by their digits,
    in a tenth of the time."""
    return codes.astype(np.uint16) if count <= 1 << 16 else codes


def _small(*choices: object) -> int:
    for candidate in choices:
        if type(candidate) is int:
            return candidate if -1 <= candidate < 2**31 else 0
        digits = _DIGITS.search(candidate) if isinstance(candidate, str) else None
        if digits:
            return int(digits[0][:19]) % 2**31
    return 0


def exact(value: object) -> Decimal | None:
    """Every digit of a number that a column can hold; None for anything else."""
    try:
        number = Decimal(value) if isinstance(value, int | float | str | Decimal) else None
    except (InvalidOperation, ValueError):
        return None
    if number is None or not number.is_finite() or not -_LARGEST <= number <= _LARGEST:
        return None
    return number
