"""Kineto JSON text -> typed events, in chunks of bounded size, whatever the damage.

msgspec decodes only the fields that are used (measured: the fastest of nine parsers at a fifth of
a gigabyte of memory for a gigabyte of text). What it refuses is cleaned and tried again; what
still fails is salvaged entry by entry.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from core.errors import NotFound, Unreadable

CHUNK_BYTES = 4 << 20
READ_BYTES = 1 << 20
_EXACT_ABOVE_US = float(2**43)
"""Beyond this a float64 µs value no longer resolves a nanosecond."""

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


class Event(msgspec.Struct, gc=False, kw_only=True):
    """One entry of ``traceEvents``."""

    ph: str | None = None
    cat: str | None = None
    name: str | int | float | None = ""
    pid: Number = None
    tid: Number = None
    ts: Number = None
    dur: Number = 0
    args: Args | None = None


class ExactEvent(Event, gc=False, kw_only=True):
    """An event whose time stamp keeps every digit."""

    ts: Decimal = Decimal("nan")  # type: ignore[assignment]


class _Document(msgspec.Struct):
    traceEvents: list[Event]
    deviceProperties: Any = None


_EVENTS = msgspec.json.Decoder(list[Event])
_EXACT = msgspec.json.Decoder(list[ExactEvent])
_BETWEEN = re.compile(rb'\}\s*(,)\s*\{\s*"(?:ph|name|cat|pid|tid|ts|dur|args|id|s|bp)"\s*:')
_ARRAY = re.compile(rb'"traceEvents"\s*:\s*\[')
_NOT_JSON = re.compile(r"(?<=[:\[,])\s*(?:N/A|-?NaN|-?nan|-?Infinity|-?inf)(?=\s*[,\]}])")
_CONTROL = dict.fromkeys(range(32), " ")
_SCANNER = json.JSONDecoder(strict=False, parse_float=Decimal, parse_constant=lambda _: None)


@dataclass(slots=True)
class Stream:
    """The events of one file, and what became known about it on the way.

    Attributes:
        source: name for messages.
        device_properties: the file's ``deviceProperties``, or None.
        truncated: the text ends in the middle.
        skipped: entries that could not be read.
    """

    source: str
    device_properties: Any = None
    truncated: bool = False
    skipped: int = 0
    _exact: bool = field(default=False, repr=False)

    def events(self, pieces: Iterable[bytes]) -> Iterator[list[Event]]:
        """Decode the pieces of a file in order.

        Raises:
            Unreadable: the text is not a Kineto trace.
        """
        pieces = iter(pieces)
        buffer, bare = self._find_array(pieces)
        for piece in pieces:
            buffer += piece
            if len(buffer) < CHUNK_BYTES:
                continue
            cut = _last_boundary(buffer)
            if cut is not None:
                body, buffer = buffer[:cut], buffer[cut + 1 :]
                yield self._decode(body)
        yield self._decode_tail(buffer, bare=bare)

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
        raise Unreadable(
            f"{self.source} is not a PyTorch trace: no traceEvents in it. "
            "Choose a file written by torch.profiler (*.pt.trace.json or .json.gz)."
        )

    def _read_properties(self, head: bytes) -> None:
        text = head.strip().rstrip(b",") + b"}"
        try:
            self.device_properties = msgspec.json.decode(text).get("deviceProperties")
        except (msgspec.DecodeError, UnicodeDecodeError, AttributeError):
            self.device_properties = None

    def _decode(self, body: bytes) -> list[Event]:
        for text in (body, None):
            wrapped = b"[" + (_cleaned(body) if text is None else text) + b"]"
            try:
                return self._typed(wrapped)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
        return self._salvage(body)

    def _typed(self, text: bytes) -> list[Event]:
        if not self._exact:
            events = _EVENTS.decode(text)
            if not any(type(e.ts) is float and e.ts > _EXACT_ABOVE_US for e in events):
                return events
            self._exact = True
        try:
            return _EXACT.decode(text)  # type: ignore[return-value]
        except msgspec.ValidationError:  # entries without a time stamp (metadata)
            return self._salvage(text[1:-1])

    def _decode_tail(self, text: bytes, *, bare: bool) -> list[Event]:
        whole = b'{"traceEvents":[' + text + (b"}" if bare else b"")
        try:
            document = msgspec.json.decode(whole, type=_Document)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._salvage(text)
        if self.device_properties is None:
            self.device_properties = document.deviceProperties
        if self._exact or any(
            type(e.ts) is float and e.ts > _EXACT_ABOVE_US for e in document.traceEvents
        ):
            return self._salvage(text)
        return document.traceEvents

    def _salvage(self, body: bytes) -> list[Event]:
        """Entry by entry; what cannot be read is counted, an unfinished last one is dropped."""
        text = _cleaned(body).decode("utf-8", "replace")
        events: list[Event] = []
        at = _next_entry(text, 0)
        while at < len(text) and text[at] != "]":
            try:
                entry, end = _SCANNER.raw_decode(text, at)
            except (json.JSONDecodeError, RecursionError):
                match = re.compile(r"\}\s*,\s*(?=\{)").search(text, at)
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


def _last_boundary(buffer: bytes) -> int | None:
    """Position of the comma after the last whole event, looking back ever further."""
    span = 1 << 16
    while True:
        low = max(len(buffer) - span, 0)
        matches = [match.start(1) for match in _BETWEEN.finditer(buffer, low)]
        if matches:
            return matches[-1]
        if low == 0:
            return None
        span *= 8


def _cleaned(body: bytes) -> bytes:
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
    return value if isinstance(value, str) else None


def _scalar(value: object) -> Any:
    return value if isinstance(value, int | float | str | Decimal) else None


def read_pieces(path: Path, stream: Stream) -> Iterator[bytes]:
    """The text of a plain or gzip file in pieces of at most a few MiB.

    Raises:
        NotFound: there is no such file.
        Unreadable: the file may not be read, or is not gzip though it begins like it.
    """
    try:
        with path.open("rb") as file:
            head = file.read(2)
            file.seek(0)
            raw = iter(lambda: file.read(READ_BYTES), b"")
            yield from _inflate(raw, stream) if head == b"\x1f\x8b" else raw
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}. Check the path of the trace.") from None
    except OSError as error:
        raise Unreadable(f"Cannot read {path}: {error.strerror or error}.") from None


def _inflate(raw: Iterator[bytes], stream: Stream) -> Iterator[bytes]:
    """Gzip members one after the other; a damaged or missing end gives what came before."""
    member = zlib.decompressobj(wbits=31)
    for piece in raw:
        data = piece
        while data:
            try:
                text = member.decompress(data, CHUNK_BYTES)
            except zlib.error:
                stream.truncated = True
                return
            if text:
                yield text
            data = member.unconsumed_tail
            if member.eof:
                data = member.unused_data.lstrip(b"\0")
                if data:
                    member = zlib.decompressobj(wbits=31)
    stream.truncated |= not member.eof
