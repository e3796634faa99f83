"""Fetching files of a remote folder into its mirror, several at a time."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.errors import GpulseError, NotFound
from core.remote.index import Index, beside
from core.remote.source import Entry, Source
from core.runs import is_event_file

PROBE_BYTES = 64
"""How much of what the mirror has is read again to see that an event file only grew."""

_CHUNK_BYTES = 8 << 20
_READERS = 8


@dataclass(slots=True)
class Inlet:
    """Fetches files into one mirror folder."""

    source: Source
    folder: Path
    index: Index

    def fetch(self, entry: Entry) -> int:
        """Bring one file up to what was listed; the bytes that were read.

        A file that is gone or shorter by now is left for the next look.
        """
        path = self.folder / entry.name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            read, done = self._append(entry, path) if is_event_file(path.name) else (0, False)
            if not done:
                more, done = self._replace(entry, path)
                read += more
        except NotFound:
            return 0
        if done:
            self.index.known[entry.name] = (entry.size, entry.tag)
        return read

    def _append(self, entry: Entry, path: Path) -> tuple[int, bool]:
        """Add what an event file has more than its mirror, if the mirror is how it begins.

        Readers see whole records and at most a partial last one, as with the writer itself.
        """
        size = path.stat().st_size if path.exists() else 0
        if not 0 < size < entry.size:
            return 0, False
        start = max(0, size - PROBE_BYTES)
        with path.open("r+b") as file:
            file.seek(start)
            tail = file.read()
            first = self.source.read(entry, start, min(entry.size, start + _CHUNK_BYTES))
            if not first.startswith(tail):
                return len(first), False
            file.write(first[len(tail) :])
            more = self._copy(entry, start + len(first), file)
        _set_mtime(path, entry.mtime_ns)
        return len(first) + more, start + len(first) + more == entry.size

    def _replace(self, entry: Entry, path: Path) -> tuple[int, bool]:
        """Put a whole new file in the place of the old one, in one step."""
        number, name = tempfile.mkstemp(dir=beside(self.folder, ".part"))
        scratch = Path(name)
        with os.fdopen(number, "wb") as file:
            read = self._copy(entry, 0, file)
        if read != entry.size:
            scratch.unlink()
            return read, False
        _set_mtime(scratch, entry.mtime_ns)
        if path.exists() and _stamp(path) == _stamp(scratch):
            # Caches know files by size and time; object stores tell time to the second.
            _set_mtime(scratch, scratch.stat().st_mtime_ns + 1000)
        scratch.replace(path)
        return read, True

    def _copy(self, entry: Entry, start: int, file: IO[bytes]) -> int:
        """Copy from ``start`` to the listed size; the bytes that came."""
        at = start
        while at < entry.size:
            chunk = self.source.read(entry, at, min(entry.size, at + _CHUNK_BYTES))
            file.write(chunk)
            at += len(chunk)
            if not chunk:
                break
        return at - start


class _Crew:
    """Threads that fetch files until all are there or one cannot be.

    They are daemons: a server or command line that is ended does not wait for them.
    """

    def __init__(self, inlet: Inlet, wanted: Sequence[Entry]) -> None:
        self._inlet = inlet
        self._todo: Iterator[Entry] = iter(wanted)
        self._stop = threading.Event()
        self.read: list[int] = []
        self.errors: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._work, name="gpulse-remote", daemon=True)
            for _ in range(min(_READERS, len(wanted)))
        ]

    def _work(self) -> None:
        try:
            for entry in self._todo:
                if self._stop.is_set():
                    break
                self.read.append(self._inlet.fetch(entry))
        except (GpulseError, OSError) as error:
            self.errors.append(error)
            self._stop.set()

    def run(self) -> None:
        """Fetch; an interrupt ends it after the files that are being read."""
        try:
            for thread in self._threads:
                thread.start()
            for thread in self._threads:
                thread.join()
        finally:
            self._stop.set()


def fetch_all(inlet: Inlet, wanted: Sequence[Entry]) -> int:
    """Fetch files; what came before an error stays in the mirror.

    Returns:
        Bytes read from the remote side.

    Raises:
        GpulseError: the remote side cannot be read.
        OSError: the mirror cannot be written.
    """
    scratch = beside(inlet.folder, ".part")
    scratch.mkdir(exist_ok=True)
    crew = _Crew(inlet, wanted)
    try:
        crew.run()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if crew.errors:
        raise crew.errors[0]
    return sum(crew.read)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _set_mtime(path: Path, mtime_ns: int | None) -> None:
    if mtime_ns is not None:
        os.utime(path, ns=(mtime_ns, mtime_ns))
