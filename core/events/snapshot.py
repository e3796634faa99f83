"""Everything known of one event file at one moment, and how it is brought up to date."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from core.events import scan
from core.events.files import Problem, foreign
from core.events.rows import Rows, empty, merge
from core.events.scan import NeedsWhole, State
from core.events.values import Value

PROBE_BYTES = 256
"""So many first bytes, and last bytes before the end of what was read, tell a file that grew from
one that was replaced."""

QUIET_S = 60.0
"""A file that was written to within this many seconds may still be growing."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which content of a file this is: equal only if nothing was written in between."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @property
    def stamp(self) -> str:
        """The same as text, a key for caches."""
        return f"{self.size}:{self.mtime_ns}:{self.ctime_ns}:{self.inode}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An event file as it was read. Immutable: a newer state is another snapshot.

    Attributes:
        path: the file.
        identity: the content that was read.
        probe: digest of the first and the last bytes of what was read.
        state: where reading goes on.
        rows: its scalars, in one piece: everybody who looks at them shares it.
        values: everything else in it, in file order.
        unreadable: why nothing can be read at all, or "".
        saved: size of the file when this, or what it grew from, was kept on disk; -1 if never.
    """

    path: Path
    identity: Identity
    probe: str = ""
    state: State = field(default_factory=State)
    rows: Rows = field(default_factory=empty)
    values: tuple[Value, ...] = ()
    unreadable: str = ""
    saved: int = -1

    @property
    def nbytes(self) -> int:
        """Memory held, roughly."""
        return self.rows.nbytes + 300 * len(self.values) + 2000

    def problems(self) -> list[Problem]:
        """What could not be read, a line for each cause."""
        if self.unreadable:
            return [Problem(self.path, self.unreadable, 0 if self.identity.size else None)]
        return list(_problems(self))


def _problems(snapshot: Snapshot) -> Iterable[Problem]:
    path, damage, state = snapshot.path, snapshot.state.damage, snapshot.state
    size = snapshot.identity.size
    if damage.places:
        where = f"at byte {damage.gaps[0][0]:,}"
        if damage.places > 1:
            where = f"in {damage.places:,} places, first {where}"
        lost = f"{damage.lost_bytes:,} bytes are lost, what follows is read."
        yield Problem(path, f"is damaged {where}: {lost}", damage.gaps[0][0])
    if damage.open_at >= 0:
        rest = size - damage.open_at
        what = f"is damaged from byte {damage.open_at:,} on: its last {rest:,} bytes are lost."
        yield Problem(path, what, damage.open_at)
    elif state.end < size:
        what = (
            f"is cut off in the record at byte {state.end:,} of {size:,} "
            "(normal while a job is writing it)."
        )
        growing = time.time() - snapshot.identity.mtime_ns / 1e9 < QUIET_S
        yield Problem(path, what, state.end, pending=growing)
    if damage.foreign:
        count = len(damage.foreign)
        several = f"{count:,} records that hold" if count > 1 else "a record that holds"
        what = f"has {several} no event that can be parsed, at byte {damage.foreign[0]:,}."
        yield Problem(path, what, damage.foreign[0])
    for at, length in damage.too_large:
        what = f"has a record of {length / 2**20:,.0f} MiB at byte {at:,}: too large to be read."
        yield Problem(path, what, at)


def identify(status: os.stat_result) -> Identity:
    """The identity of a file from its status."""
    return Identity(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def update(path: Path, status: os.stat_result, known: Snapshot | None) -> Snapshot:
    """Read what is new in a file.

    Args:
        path: the file.
        status: its status, asked for by the caller.
        known: what was read before, by anyone; it need not be of the same content.

    Raises:
        OSError: the file cannot be read.
    """
    if not stat.S_ISREG(status.st_mode):
        return Snapshot(path, identify(status), unreadable="is not a regular file.")
    with path.open("rb") as stream:
        now = identify(os.fstat(stream.fileno()))
        if known is not None and known.identity == now:
            return known
        if known is not None and known.state.end and _continues(stream, now, known):
            return _grown(stream, now, known)
        return _fresh(stream, now, path)


def probe(stream: BinaryIO, end: int) -> str:
    """Digest of the first and the last bytes of what was read up to ``end``."""
    stream.seek(0)
    first = stream.read(min(PROBE_BYTES, end))
    stream.seek(max(0, end - PROBE_BYTES))
    return hashlib.blake2b(first + stream.read(min(PROBE_BYTES, end)), digest_size=16).hexdigest()


def _continues(stream: BinaryIO, now: Identity, known: Snapshot) -> bool:
    """Whether the file grew and still begins with what was read of it.

    One that was touched but did not grow may have been changed anywhere.
    """
    if known.state.whole or now.size < known.state.end or now.size == known.identity.size:
        return False
    return probe(stream, known.state.end) == known.probe


def _grown(stream: BinaryIO, now: Identity, known: Snapshot) -> Snapshot:
    try:
        rows, values, state = scan.scan(stream, known.state)
    except NeedsWhole:
        return _whole(stream, now, known.path)
    return replace(
        known,
        identity=now,
        probe=probe(stream, state.end) if state.end != known.state.end else known.probe,
        state=state,
        rows=merge((known.rows, rows)),
        values=(*known.values, *values) if values else known.values,
    )


def _fresh(stream: BinaryIO, now: Identity, path: Path) -> Snapshot:
    reason = foreign(stream.read(64), now.size)
    if reason:
        return Snapshot(path, now, unreadable=reason)
    try:
        rows, values, state = scan.scan(stream, State())
    except NeedsWhole:
        return _whole(stream, now, path)
    if not state.started and state.damage.open_at == 0:
        return Snapshot(path, now, unreadable="is not an event file: its first bytes are foreign.")
    return Snapshot(path, now, probe(stream, state.end), state, rows, tuple(values))


def _whole(stream: BinaryIO, now: Identity, path: Path) -> Snapshot:
    rows, values, state = scan.scan(stream, State(whole=True))
    return Snapshot(path, now, probe(stream, state.end), state, rows, tuple(values))
