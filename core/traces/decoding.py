"""Kineto JSON text -> typed events, in chunks of bounded size, whatever the damage.

msgspec decodes only the fields that are used (measured: the fastest of nine parsers at a fifth of
a gigabyte of memory for a gigabyte of text). What it refuses is cleaned and tried again; what
still fails is salvaged entry by entry.
"""

from __future__ import annotations

import functools
import json
import operator
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, ClassVar

import msgspec
import numpy as np

from core.errors import Unreadable
from core.traces.cutting import Cutter
from core.traces.numbers import EXACT_ABOVE_US
from core.traces.reading import Limits

Number = int | float | str | None
ABSENT = msgspec.Raw()
"""Stands for a text that an event does not carry."""


_ARGUMENTS = {
    "shapes": "Input Dims",
    "stack": "Call stack",
    "blocks_per_sm": "blocks per SM",
    "occupancy_pct": "est. achieved occupancy %",
    "reserved": "Total Reserved",
    "device_id": "Device Id",
}


class Args(msgspec.Struct, gc=False, rename=_ARGUMENTS):
    """The arguments of an event that the diagnosis uses; texts that repeat stay undecoded."""

    correlation: Number = -1
    stream: Number = None
    device: Number = None
    bytes: Number = 0
    name: Number = None
    shapes: msgspec.Raw = ABSENT
    stack: msgspec.Raw = ABSENT
    blocks_per_sm: Number = None
    occupancy_pct: Number = None
    reserved: Number = None
    device_id: Number = None


class _Fields(msgspec.Struct, gc=False, kw_only=True):
    cat: str | None = None
    name: str | int | float | None = ""
    pid: Number = None
    tid: Number = None
    ts: Number = None
    dur: Number = 0
    args: Args | None = None


class Event(_Fields, gc=False, kw_only=True):
    """One entry of ``traceEvents``."""

    ph: str | None = None


class ExactEvent(Event, gc=False, kw_only=True):
    """An event whose time stamp keeps every digit."""

    ts: Decimal | None = None  # type: ignore[assignment]


class _Document(msgspec.Struct):
    traceEvents: list[Event]
    deviceProperties: Any = None


class Whole(_Fields, gc=False, kw_only=True, tag_field="ph", tag="X"):
    """A span."""

    ph: ClassVar[str] = "X"


class Begin(_Fields, gc=False, kw_only=True, tag_field="ph", tag="B"):
    """Where a span begins."""

    ph: ClassVar[str] = "B"


class End(_Fields, gc=False, kw_only=True, tag_field="ph", tag="E"):
    """Where one ends."""

    ph: ClassVar[str] = "E"


class Instant(msgspec.Struct, gc=False, kw_only=True, tag_field="ph", tag="i"):
    """A moment, such as a mark of the allocator."""

    name: str | int | float | None = ""
    args: Args | None = None
    ph: ClassVar[str] = "i"
    ts: ClassVar[None] = None


class Meta(_Fields, gc=False, kw_only=True, tag_field="ph", tag="M"):
    """A name of a thread or process."""

    ph: ClassVar[str] = "M"


def _passed_over(phase: str) -> type[msgspec.Struct]:
    """An entry of which nothing is read."""
    unused = {"ph": phase, "ts": None}
    return msgspec.defstruct(
        f"_Phase{phase}", [], namespace=unused, gc=False, tag_field="ph", tag=phase
    )


_READ = Whole | Begin | End | Meta | Instant
_PHASES = functools.reduce(operator.or_, map(_passed_over, "sftICbenNDOPRSTpFcvVa"), _READ)
_BY_PHASE: Any = msgspec.json.Decoder(list[_PHASES])  # type: ignore[valid-type]
"""Arrows are every third entry; they cost least where nothing of them is read."""
_EVENTS = msgspec.json.Decoder(list[Event])
_EXACT = msgspec.json.Decoder(list[ExactEvent])
_ARRAY = re.compile(rb'"traceEvents"\s*:\s*\[')
_NEXT = re.compile(r"\}\s*,\s*(?=\{)")
_NOT_JSON = re.compile(r"(?<=[:\[,])\s*(?:N/A|-?NaN|-?nan|-?Infinity|-?inf)(?=\s*[,\]}])")
_DAMAGE = (msgspec.DecodeError, UnicodeDecodeError)
_CONTROL = dict.fromkeys(range(32), " ")
_SCANNER = json.JSONDecoder(strict=False, parse_float=Decimal, parse_constant=lambda _: None)


class Stream:
    """The events of one file, and what became known about it on the way.

    Attributes:
        source: name for messages.
        device_properties: the file's ``deviceProperties``, or None.
        truncated: the text ends in the middle.
        skipped: entries that could not be read.
    """

    def __init__(self, source: str, allowed: Limits) -> None:
        self.source = source
        self.device_properties: Any = None
        self.truncated = False
        self.skipped = 0
        self._limits = allowed
        self._exact = False

    def events(self, pieces: Iterable[bytes]) -> Iterator[list[Event]]:
        """Decode the pieces of a file in order.

        Raises:
            Unreadable: the text is not a Kineto trace, or beyond the limits.
        """
        pieces = iter(pieces)
        head, bare = self._find_array(pieces)
        cutter, buffer = Cutter(), bytearray(b"[" + head)
        for piece in pieces:
            cut = cutter.cut(buffer)
            if cut is not None:
                rest = buffer[cut + 1 :]
                buffer[cut:] = b"]"
                yield self._decode(buffer)
                buffer = bytearray(b"[") + rest
            self._limits.check_entry(self.source, len(buffer))
            buffer += piece
        yield self._decode_tail(bytes(buffer[1:]), bare=bare)

    def _find_array(self, pieces: Iterator[bytes]) -> tuple[bytes, bool]:
        head = b""
        for piece in pieces:
            searched = max(len(head) - 64, 0)
            head += piece
            text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
            if text[:1] == b"[":
                return text[1:], True
            if text and text[:1] != b"{":
                break
            match = _ARRAY.search(head, searched)
            if match:
                self._read_properties(head[: match.start()])
                return head[match.end() :], False
            self._limits.check_entry(self.source, len(head))
        raise Unreadable(
            f"{self.source} is not a PyTorch trace: no traceEvents in it. "
            "Choose a file written by torch.profiler (*.pt.trace.json or .json.gz)."
        )

    def _read_properties(self, head: bytes) -> None:
        text = head.strip().rstrip(b",") + b"}"
        try:
            self.device_properties = msgspec.json.decode(text).get("deviceProperties")
        except (*_DAMAGE, AttributeError, RecursionError):
            self.device_properties = None

    def _decode(self, text: bytearray) -> list[Event]:
        """The events of one piece, in brackets.

        Tried in this order: by their phase, which fails at an unknown one; any event; any event
        of the cleaned text; entry by entry.
        """
        for decoder in (_BY_PHASE, _EVENTS):
            try:
                return self._typed(text, decoder)
            except _DAMAGE:
                continue
            except RecursionError:
                return self._salvage(text[1:-1])
        try:
            return self._typed(_cleaned(text), _EVENTS)
        except (*_DAMAGE, RecursionError):
            return self._salvage(text[1:-1])

    def _typed(self, text: bytes | bytearray, decoder: Any) -> list[Event]:
        if not self._exact:
            events = decoder.decode(text)
            if not _loses_digits(events):
                return events
            self._exact = True
        return _EXACT.decode(text)  # type: ignore[return-value]

    def _decode_tail(self, text: bytes, *, bare: bool) -> list[Event]:
        whole = b'{"traceEvents":[' + text + (b"}" if bare else b"")
        try:
            document = msgspec.json.decode(whole, type=_Document)
        except (*_DAMAGE, RecursionError):
            return self._salvage(text)
        if self.device_properties is None:
            self.device_properties = document.deviceProperties
        if self._exact or _loses_digits(document.traceEvents):
            return self._salvage(text)
        return document.traceEvents

    def _salvage(self, body: bytes | bytearray) -> list[Event]:
        """Entry by entry; what cannot be read is counted, an unfinished last one is dropped."""
        text = _cleaned(body).decode("utf-8", "replace")
        events: list[Event] = []
        at = _next_entry(text, 0)
        while at < len(text) and text[at] != "]":
            try:
                entry, end = _SCANNER.raw_decode(text, at)
            except (json.JSONDecodeError, RecursionError) as error:
                if isinstance(error, RecursionError):
                    self._limits.check_depth(self.source, _depth(text[at:]))
                match = _NEXT.search(text, at)
                if match is None:
                    self.truncated = True
                    break
                self.skipped += 1
                at = match.end()
                continue
            if isinstance(entry, dict):
                events.append(_event(entry))
            else:
                self.skipped += 1
            at = _next_entry(text, end)
        return events


def _next_entry(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at


def _loses_digits(events: list[Event]) -> bool:
    """Whether time stamps come as floats too large for their digits.

    Every eighth is looked at: a file writes its time stamps in one way.
    """
    stamps = [event.ts for event in events[::8]]
    kinds = set(map(type, stamps))
    if float not in kinds:
        return False
    if not kinds <= {int, float}:
        stamps = [stamp for stamp in stamps if type(stamp) is float]
    return max(stamps) > EXACT_ABOVE_US  # type: ignore[type-var, operator]


def _depth(text: str) -> int:
    """Levels of nesting of a text; brackets inside strings count too."""
    code = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    opens = np.isin(code, np.frombuffer(b"[{", np.uint8))
    closes = np.isin(code, np.frombuffer(b"]}", np.uint8))
    return int(np.cumsum(opens.astype(np.int64) - closes).max(initial=0))


def _cleaned(body: bytes | bytearray) -> bytes:
    """Valid UTF-8 without control characters, and null where a value is not JSON."""
    text = body.decode("utf-8", "replace").translate(_CONTROL)
    return _NOT_JSON.sub("null", text).encode("utf-8", "replace")


def _event(entry: dict[str, Any]) -> Event:
    args = entry.get("args")
    return Event(
        ph=_text(entry.get("ph")),
        cat=_text(entry.get("cat")),
        name=_scalar(entry.get("name")) or "",
        pid=_scalar(entry.get("pid")),
        tid=_scalar(entry.get("tid")),
        ts=_scalar(entry.get("ts")),
        dur=_scalar(entry.get("dur")),
        args=_args(args if isinstance(args, dict) else {}),
    )


def _args(entry: dict[str, Any]) -> Args:
    known: dict[str, Any] = {}
    for key, name in zip(Args.__struct_fields__, Args.__struct_encode_fields__, strict=True):
        if name not in entry:
            continue
        value = entry[name]
        raw = key in ("shapes", "stack")
        known[key] = msgspec.Raw(json.dumps(value, default=str).encode()) if raw else _scalar(value)
    return Args(**known)


def _text(value: object) -> str | None:
    """Text without lone surrogates, which no file or screen takes."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def _scalar(value: object) -> Any:
    return value if isinstance(value, int | float | Decimal) else _text(value)
