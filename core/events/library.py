"""Snapshots of event files, shared by everyone in this process: nothing unchanged is read twice.

An event file is looked for in memory, then in the state folder, then read; a file that grew is
read from where reading ended. Many files at once are read by processes of their own.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.events import cachefile, snapshot
from core.events.snapshot import Identity, Snapshot
from core.settings import settings

PARALLEL_BYTES = 64 * 2**20
"""So many bytes that were never read, in two files or more, are read by several processes: each
costs about a second to start."""

_SAVE_SHARE = 8
"""A file that grows is saved again when one byte in so many is new."""

_ROOT = Path(__file__).parents[2]


class _Library:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Path, Snapshot] = OrderedDict()
        self._busy: dict[Path, threading.Lock] = {}
        self._bytes = 0

    def peek(self, path: Path) -> Snapshot | None:
        """What is in memory, of whatever content."""
        with self._lock:
            known = self._known.get(path)
            if known is not None:
                self._known.move_to_end(path)
            return known

    def get(self, path: Path) -> Snapshot:
        """The snapshot of a file's present content."""
        try:
            status = path.stat()
            known = self.peek(path)
            if known is not None and known.identity == snapshot.identify(status):
                return known
            with self._lock:
                busy = self._busy.setdefault(path, threading.Lock())
            with busy:
                return self._bring_up(path, status)
        except (OSError, MemoryError) as error:
            return _unreadable(path, error)

    def _bring_up(self, path: Path, status: os.stat_result) -> Snapshot:
        now = snapshot.identify(status)
        known = self.peek(path)
        if known is None:
            known = cachefile.load(path)
        if known is None or known.identity != now:
            known = _kept(snapshot.update(path, status, known))
        self._remember(known)
        return known

    def _remember(self, fresh: Snapshot) -> None:
        limit = settings().memory_mib * 2**20
        with self._lock:
            old = self._known.pop(fresh.path, None)
            self._bytes += fresh.nbytes - (old.nbytes if old else 0)
            self._known[fresh.path] = fresh
            while self._bytes > limit and len(self._known) > 1:
                path, dropped = self._known.popitem(last=False)
                self._bytes -= dropped.nbytes
                self._busy.pop(path, None)

    def forget(self) -> None:
        """Drop everything in memory."""
        with self._lock:
            self._known.clear()
            self._busy.clear()
            self._bytes = 0


_library = _Library()
peek, get, forget = _library.peek, _library.get, _library.forget


def get_all(files: Sequence[Path]) -> list[Snapshot]:
    """The snapshots of many files, those never read before in parallel."""
    _read_in_parallel(files)
    return [get(path) for path in files]


def identity_of(path: Path) -> Identity | None:
    """The identity of a file's present content, None where there is none."""
    try:
        return snapshot.identify(path.stat())
    except OSError:
        return None


def _kept(fresh: Snapshot) -> Snapshot:
    """The snapshot, kept on disk too, but not at every small growth of its file."""
    size = fresh.identity.size
    if fresh.saved >= 0 and size < fresh.saved + max(fresh.saved // _SAVE_SHARE, 2**16):
        return fresh
    try:
        cachefile.save(fresh)
    except OSError:
        # Without room for it the file is read again next time; nothing else is lost.
        return replace(fresh, saved=-1)
    return replace(fresh, saved=size)


def _unreadable(path: Path, error: BaseException) -> Snapshot:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    message = f"cannot be read: {' '.join(str(reason).split())}."
    return Snapshot(path, Identity(0, 0, 0, 0), unreadable=message)


def _read_in_parallel(files: Sequence[Path]) -> None:
    """Have files that nobody read yet read by other processes, which keep them on disk.

    Whatever goes wrong there goes unsaid: what is not on disk afterwards is read here.
    """
    processes = min(os.cpu_count() or 1, 8)
    if processes < 2 or len(files) < 2:
        return
    cold = [(size, path) for path in files if (size := _unread_bytes(path))]
    if len(cold) < 2 or sum(size for size, _ in cold) < PARALLEL_BYTES:
        return
    cold.sort(reverse=True)
    shares = [cold[first::processes] for first in range(min(processes, len(cold)))]
    threads = [
        threading.Thread(target=_work, args=([path for _, path in share],)) for share in shares
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _work(files: Sequence[Path]) -> None:
    """Have another process read files, and wait for it."""
    names = b"\0".join(os.fsencode(path.absolute()) for path in files)
    with contextlib.suppress(OSError):
        subprocess.run(
            [sys.executable, "-m", "core.events.worker"],
            input=names,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            check=False,
        )


def _unread_bytes(path: Path) -> int:
    """Size of a file of which nothing is known in memory or on disk, else 0."""
    if peek(path) is not None or cachefile.file_of(path).exists():
        return 0
    identity = identity_of(path)
    return identity.size if identity else 0
