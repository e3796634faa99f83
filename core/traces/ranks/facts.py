"""What the text of a trace says beside its spans: whose rank it is, its clock, its collectives.

The text is watched while the spans are read, so that no file is read twice. Only what ranks need
is looked for: ``distributedInfo``, ``baseTimeNanoseconds`` (at the head of newer files, at the
tail of older ones), and the arguments that Kineto gives the kernels of collectives since torch 2.2
(``Collective name``, ``Process Group Name``, ``Seq`` …; libkineto ``output_json.cpp``).
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

HEAD_BYTES = 1 << 20
"""So far is searched for ``traceEvents``; 300 ranks in ten groups take 20 kB before it."""
_CARRY_BYTES = 1 << 16
"""Kept of each piece for what is cut by its end; an event of a collective takes 1 to 2 kB."""

_COLLECTIVE = re.compile(rb'"Collective name"')
_DISTRIBUTED = re.compile(rb'"distributedInfo"\s*:\s*(?=\{)')
_BASE = re.compile(rb'"baseTimeNanoseconds"\s*:\s*"?(\d{1,19})')
_FIRST_TS = re.compile(rb'"ph"\s*:\s*"X".{0,2000}?"ts"\s*:\s*"?(\d+)', re.DOTALL)
_UNEVEN = re.compile(r"all_?to_?all|send|recv|v$|^_?(?:gather|scatter)", re.IGNORECASE)
"""Collectives whose messages may differ in size from rank to rank."""


class _Args(msgspec.Struct, rename={
    "collective": "Collective name",
    "elements_in": "In msg nelems",
    "elements_out": "Out msg nelems",
    "group": "Process Group Name",
    "ranks": "Process Group Ranks",
    "sequence": "Seq",
}):  # fmt: skip
    correlation: Any = 0
    collective: Any = ""
    dtype: Any = ""
    elements_in: Any = 0
    elements_out: Any = 0
    group: Any = ""
    ranks: Any = ""
    sequence: Any = None


@dataclass(frozen=True, slots=True)
class Call:
    """What the arguments of one collective kernel say.

    Attributes:
        group: process group, by name and ranks; the same text on every member.
        signature: what calls must share to be the same collective.
        kind: the collective's name.
    """

    group: str
    signature: str
    kind: str


@dataclass(slots=True)
class Facts:
    """Fed with the pieces of a trace's text in order.

    Attributes:
        rank, world_size: of the file's ``distributedInfo``, None where it has none.
        backend: its ``backend``, or "".
        base_ns: ``baseTimeNanoseconds``, 0 where the file has none.
        first_us: time stamp of the first span in the head, None where none was seen.
        calls: correlation of a collective's kernel -> its arguments.
    """

    rank: int | None = None
    world_size: int | None = None
    backend: str = ""
    base_ns: int = 0
    first_us: int | None = None
    calls: dict[int, Call] = field(default_factory=dict)
    _head: bytes = b""
    _carry: bytes = b""

    def watch(self, piece: bytes) -> None:
        """Look through the next piece."""
        if len(self._head) < HEAD_BYTES:
            self._head += piece[: HEAD_BYTES - len(self._head)]
        text = self._carry + piece
        for match in _COLLECTIVE.finditer(text):
            self._note_call(text, match.start())
        self._carry = text[-_CARRY_BYTES:]

    def finish(self) -> Facts:
        """Read head and tail once everything was watched; returns itself."""
        for text in (self._head, self._carry):
            self._note_rank(text)
            base = _BASE.search(text)
            if base and not self.base_ns:
                self.base_ns = int(base[1])
        first = _FIRST_TS.search(self._head)
        self.first_us = int(first[1]) if first else None
        self._head = self._carry = b""
        return self

    def _note_call(self, text: bytes, at: int) -> None:
        low = text.find(b"{", text.rfind(b'"args"', max(at - 4096, 0), at))
        high = text.find(b"}", at)
        try:
            args = msgspec.json.decode(text[low : high + 1], type=_Args)
            correlation = int(args.correlation)
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError, ValueError):
            return
        if correlation > 0:
            self.calls[correlation] = _call(args)

    def _note_rank(self, text: bytes) -> None:
        match = _DISTRIBUTED.search(text)
        if match is None or self.rank is not None:
            return
        try:
            rest = text[match.end() :].decode("utf-8", "replace")
            known, _ = json.JSONDecoder(strict=False).raw_decode(rest)
        except (ValueError, RecursionError):
            return
        self.rank = _natural(known.get("rank"))
        self.world_size = _natural(known.get("world_size")) or None
        self.backend = str(known.get("backend", ""))


def _call(args: _Args) -> Call:
    kind = str(args.collective)
    group = f"{args.group} {args.ranks}".strip()
    if _natural(args.sequence) is not None:
        return Call(group, f"{kind} seq {args.sequence}", kind)
    size = "" if _UNEVEN.search(kind) else f" {args.elements_in} {args.elements_out}"
    return Call(group, f"{kind} {args.dtype}{size}", kind)


def _natural(value: object) -> int | None:
    try:
        number = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number < 2**31 else None


def read_head(path: Path) -> Facts:
    """The facts at the head of a file; empty where it cannot be read. Unpacks a MiB at most."""
    facts = Facts()
    try:
        with path.open("rb") as stream:
            text = stream.read(HEAD_BYTES)
        if text.startswith(b"\x1f\x8b"):
            text = zlib.decompressobj(wbits=31).decompress(text, HEAD_BYTES)
    except (OSError, zlib.error):
        return facts
    facts.watch(text)
    return facts.finish()
