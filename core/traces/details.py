"""What some spans carry beside their time: shapes, stacks, occupancy; and what devices are."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.traces.columns import Category, Hardware
from core.traces.decoding import ABSENT, Args, Event

_LONGEST_STACK = 4_000
"""Characters kept of one stack: about forty lines, of which the innermost come first."""
NO_ARGS = Args()


class Details:
    """Interns the texts that repeat a thousandfold and keeps the highest memory mark.

    The texts stay undecoded bytes until the end, so that a span costs one look into a dictionary.
    """

    def __init__(self) -> None:
        self._inputs: dict[bytes, int] = {}
        self._stacks: dict[bytes, int] = {}
        self.reserved_bytes: dict[int, int] = {}

    def columns(
        self, args: list[Args | None], kinds: NDArray[np.int8]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """The columns ``inputs``, ``stack``, ``blocks_per_sm`` and ``occupancy_pct``."""
        size = len(args)
        inputs, stack = np.full(size, -1, np.int32), np.full(size, -1, np.int32)
        blocks, occupancy = np.full(size, np.nan, np.float32), np.full(size, np.nan, np.float32)
        rows = np.flatnonzero(kinds == Category.CPU_OP)
        for column, texts, known in (
            (inputs, [ABSENT if arg is None else arg.shapes for arg in args], self._inputs),
            (stack, [ABSENT if arg is None else arg.stack for arg in args], self._stacks),
        ):
            if texts.count(ABSENT) < len(texts):
                column[rows] = _interned([texts[row] for row in rows.tolist()], known)
        rows = np.flatnonzero(kinds == Category.KERNEL)
        mine = [args[row] or NO_ARGS for row in rows.tolist()]
        for column, values in (
            (blocks, [arg.blocks_per_sm for arg in mine]),
            (occupancy, [arg.occupancy_pct for arg in mine]),
        ):
            if values.count(None) < len(values):
                column[rows] = _floats(values)
        return inputs, stack, blocks, occupancy

    def add_memory(self, events: list[Event]) -> None:
        """Look at the ``[memory]`` events of the allocator; the host's have device −1."""
        marks = [e.args for e in events if e.name == "[memory]" and e.args is not None]
        for device in {arg.device_id for arg in marks}:
            if type(device) is int and device >= 0:
                sizes = [a.reserved for a in marks if a.device_id == device]
                most = max((size for size in sizes if type(size) is int), default=0)
                self.reserved_bytes[device] = max(self.reserved_bytes.get(device, 0), most)

    def input_texts(self) -> tuple[str, ...]:
        """Shapes by code, without white space."""
        return tuple("".join(key.decode("utf-8", "replace").split()) for key in self._inputs)

    def stack_texts(self) -> tuple[str, ...]:
        """Stacks by code."""
        return tuple(_unquoted(key)[:_LONGEST_STACK] for key in self._stacks)


def _interned(texts: list[msgspec.Raw], known: dict[bytes, int]) -> list[int]:
    return [-1 if text is ABSENT else known.setdefault(bytes(text), len(known)) for text in texts]


def _floats(values: list[Any]) -> NDArray[np.float64]:
    """Non-negative numbers, NaN for anything else."""
    column = np.asarray(values)
    if column.dtype.kind not in "iuf":
        numbers = [float(v) if isinstance(v, int | float | Decimal) else np.nan for v in values]
        column = np.asarray(numbers)
    column = column.astype(np.float64)
    return np.where((column >= 0) & (column < 2**31), column, np.nan)


def hardware(properties: object) -> dict[int, Hardware]:
    """Device index -> what the file's ``deviceProperties`` say of it."""
    entries = properties if isinstance(properties, list) else []
    return {
        entry["id"]: Hardware(
            (_whole(entry.get("computeMajor")), _whole(entry.get("computeMinor"))),
            _whole(entry.get("totalGlobalMem")),
        )
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("id"), int)
    }


def _whole(value: Any) -> int:
    return value if type(value) is int and value >= 0 else 0


def _unquoted(text: bytes) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return ""
    # A lone surrogate goes into no file and onto no screen.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
