"""Kineto files -> :class:`Trace`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from core.errors import NotFound
from core.traces.building import Builder
from core.traces.columns import Trace
from core.traces.decoding import Stream
from core.traces.reading import Pieces, limits

_HEAP_BYTES = 8 << 20
_ENDINGS = (".json", ".json.gz")


def find_traces(path: Path | str) -> list[Path]:
    """Trace files: the path itself, or every ``*.json`` / ``*.json.gz`` named like one below it.

    A name counts when it holds ``trace``; a folder without any such name gives all of its
    ``*.json.gz`` and ``*.json`` files except GPUlse's own job files.

    Raises:
        NotFound: the path does not exist, or holds no trace.
    """
    root = Path(path)
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise NotFound(f"There is no {root}. Give a trace file or a folder that holds one.")
    files = sorted(p for p in root.rglob("*") if p.name.endswith(_ENDINGS) and p.is_file())
    named = [p for p in files if "trace" in p.name.lower()]
    own = {"job.json", "progress.json", "trials.json"}
    found = named or [p for p in files if p.name not in own]
    if not found:
        raise NotFound(
            f"{root} holds no trace (*.pt.trace.json or *.pt.trace.json.gz). "
            "Profile a run with torch.profiler first."
        )
    return found


def load_trace(path: Path | str, watch: Callable[[bytes], None] | None = None) -> Trace:
    """Read one Kineto trace, plain or gzip.

    A file that ends in the middle gives what it holds, with ``incomplete`` saying so.

    Args:
        path: the file.
        watch: called with every piece of the text, in order, for what the columns do not hold.

    Raises:
        NotFound: there is no such file.
        Unreadable: it is not a trace, holds no span, or is beyond a limit (GPULSE_TRACE_*).
    """
    _keep_blocks()
    file, allowed = Path(path), limits()
    pieces, stream = Pieces(file, allowed), Stream(file.name, allowed)
    builder = Builder(file.name, allowed)
    for events in stream.events(iter(pieces) if watch is None else _watched(pieces, watch)):
        builder.add(events)
    stream.truncated |= pieces.truncated
    return builder.trace(stream)


def _keep_blocks() -> None:
    """Have glibc keep blocks that are freed for the next ones of their size.

    It fetches blocks from 128 KiB on from the system and gives them back, until a larger one was
    freed: every piece of text and every column would be made of new pages. A block that is never
    written to costs nothing. Where a server has fixed the limit (``core.ui.memory``) it stays.
    """
    np.empty(_HEAP_BYTES, np.uint8)


def _watched(pieces: Iterable[bytes], watch: Callable[[bytes], None]) -> Iterator[bytes]:
    for piece in pieces:
        watch(piece)
        yield piece


def parse_trace(text: bytes, source: str = "trace") -> Trace:
    """The same for the text of a trace held in memory."""
    allowed = limits()
    stream, builder = Stream(source, allowed), Builder(source, allowed)
    for events in stream.events([text]):
        builder.add(events)
    return builder.trace(stream)
