"""Reading many ranks at once: as many processes as cores and memory allow."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from core.traces.ranks import store
from core.traces.ranks.summary import RankSummary, unpack
from core.traces.ranks.worker import NO, OK, answer, read_frame, write_frame

PARALLEL_BYTES = 32 * 2**20
"""So much text that nobody read yet, in two files or more, is read by processes of their own:
each costs about a second to start, in which 100 MB are read."""
_PROCESS_BYTES = 180 * 2**20
_PER_BYTE = 0.5
"""Peak memory of a process: its libraries and buffers, and so much for each byte of text
(measured: 169 MiB for 51 MiB of text, 337 for 512; these leave a fifth to spare)."""
_GZIP_RATIO = 12
"""Traces shrink to a tenth; the length in a gzip file's last bytes is only known modulo 4 GiB."""
_ROOT = Path(__file__).parents[3]

Answer = RankSummary | str
"""A summary, or one line of what is wrong with the file."""


def read_all(paths: Sequence[Path]) -> list[Answer]:
    """The summaries of traces, in their order; known ones are not read again."""
    found: dict[Path, Answer] = {}
    where = store.folder()
    for path in paths:
        known = store.load(path, where)
        if known is not None:
            found[path] = known
    cold = sorted({p for p in paths if p not in found}, key=text_bytes, reverse=True)
    slots = in_flight([text_bytes(path) for path in cold])
    if slots < 2:
        found |= {path: _taken(path, answer(path)) for path in cold}
    else:
        found |= _read_by_processes(cold, slots)
    return [found[path] for path in paths]


def in_flight(sizes: Sequence[int], cores: int | None = None, free: int | None = None) -> int:
    """How many ranks are read at the same time; 1 means here, without a process.

    Args:
        sizes: bytes of text of each rank.
        cores: what may compute; what this process may use where not given.
        free: bytes of memory to spend; half of what is free where not given.
    """
    if len(sizes) < 2 or sum(sizes) < PARALLEL_BYTES:
        return 1
    cores = cores or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    free = free if free is not None else _free_bytes() // 2
    one = _PROCESS_BYTES + int(_PER_BYTE * max(sizes))
    return max(1, min(cores or os.cpu_count() or 1, free // one, len(sizes)))


def text_bytes(path: Path) -> int:
    """About how long the text of a trace is, packed or not; 0 where it cannot be known."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            if stream.read(2) != b"\x1f\x8b":
                return size
            stream.seek(-4, os.SEEK_END)
            said = int.from_bytes(stream.read(4), "little")
    except OSError:
        return 0
    # Several members, or 4 GiB and more: the last length says too little.
    return said if size <= said <= 40 * size else _GZIP_RATIO * size


def _free_bytes() -> int:
    """Memory that may be had without swapping; the limit of the control group counts too."""
    free = 2 * 2**30
    with contextlib.suppress(OSError, ValueError, IndexError):
        text = Path("/proc/meminfo").read_text()
        free = 1024 * int(text.split("MemAvailable:")[1].split()[0])
    with contextlib.suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())
        free = min(free, limit - int((group / "memory.current").read_text()))
    return max(free, 0)


def _taken(path: Path, content: bytes) -> Answer:
    """Keep a summary that came as bytes, or pass on what is wrong."""
    if content.startswith(OK):
        found = unpack(content[len(OK) :])
        if found is not None:
            store.save(path, content[len(OK) :])
            return found
    return content[len(NO) :].decode("utf-8", "replace") or f"{path.name} gave no answer."


def _read_by_processes(paths: Sequence[Path], slots: int) -> dict[Path, Answer]:
    todo: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for path in paths:
        todo.put(path)
    found: dict[Path, Answer] = {}
    threads = [threading.Thread(target=_serve, args=(todo, found)) for _ in range(slots)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except BaseException:
        while True:  # nothing more is begun; what runs ends by itself
            try:
                todo.get_nowait()
            except queue.Empty:
                break
        raise
    return found


def _serve(todo: queue.SimpleQueue[Path], found: dict[Path, Answer]) -> None:
    """Give a process one rank after the other; one that died is replaced."""
    process: subprocess.Popen[bytes] | None = None
    while True:
        try:
            path = todo.get_nowait()
        except queue.Empty:
            break
        process = process or _start()
        content = _ask(process, path)
        if content is None:
            found[path] = _ended(path, process)
            process = None
        else:
            found[path] = _taken(path, content)
    if process is not None:
        _close(process)


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "core.traces.ranks.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=_ROOT,
    )


def _ask(process: subprocess.Popen[bytes], path: Path) -> bytes | None:
    if process.stdin is None or process.stdout is None:
        return None
    try:
        write_frame(process.stdin, os.fsencode(path.absolute()))  # type: ignore[arg-type]
        return read_frame(process.stdout)  # type: ignore[arg-type]
    except OSError:
        return None


def _close(process: subprocess.Popen[bytes]) -> int:
    """End a process, which does so by itself once nothing more can come in; its exit code."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    return process.wait()


def _ended(path: Path, process: subprocess.Popen[bytes]) -> str:
    code = _close(process)
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    more = " It may need more memory than there is." if code == -9 else ""
    return f"{path.name} ended the process that read it ({how}).{more}"
