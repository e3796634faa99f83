"""The local engine: each attempt is a process tree on this machine, under a guard of its own.

It keeps one folder an attempt (see ``guard.py``), so that what an attempt has come to is told by
files and a kernel lock, not by the memory of a supervisor: any later one finds it the same.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from core.jobs import procs
from core.jobs.engines import Attempt, Seen
from core.jobs.folders import PROJECT_ROOT, read_json

MODULES = {"train": "core.training", "profile": "core.training", "tune": "core.loader"}
"""The only programs that are ever started, by kind of job."""

GUARD = Path(__file__).with_name("guard.py")
STOP_GRACE_S = 5.0
"""Between SIGTERM and SIGKILL when a job is stopped."""
LEFTOVER_GRACE_S = 2.0
"""For children to end by themselves once the job process has (workers, resource tracker)."""


@dataclass(slots=True)
class _Ending:
    """How far the end of a process tree has come (seconds of the monotonic clock)."""

    term_at: float
    kill_at: float
    told: set[psutil.Process] = field(default_factory=set)


class LocalEngine:
    """Runs attempts on this machine.

    Args:
        state: state folder; attempts are kept in its ``attempts/``.
        modules: Python module to run for each kind.
        grace_s: seconds between SIGTERM and SIGKILL.
    """

    def __init__(
        self,
        state: Path,
        modules: Mapping[str, str] = MODULES,
        grace_s: float = STOP_GRACE_S,
    ) -> None:
        self._state = state
        self._folder = state / "attempts"
        self._modules = modules
        self._grace_s = grace_s
        self._guards: dict[str, subprocess.Popen[bytes]] = {}
        self._endings: dict[str, _Ending] = {}

    def argv(self, attempt: Attempt) -> list[str]:
        """The command line of the job process."""
        return [sys.executable, "-m", self._modules[attempt.kind], str(attempt.run_dir)]

    def submit(self, attempt: Attempt) -> None:
        """Start the attempt's guard; a second guard of the same attempt does nothing."""
        folder = self._folder / attempt.key
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-I", "-S", str(GUARD), str(folder), *self.argv(attempt)]
        with (attempt.run_dir / "log.txt").open("ab") as log:
            self._guards[attempt.key] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=PROJECT_ROOT,
                env=self._environment(folder),
                start_new_session=True,
            )

    def _environment(self, folder: Path) -> dict[str, str]:
        return {
            **os.environ,
            procs.COOKIE: str(folder),
            "GPULSE_STATE_DIR": str(self._state),
            "PYTHONUNBUFFERED": "1",
        }

    def poll(self, attempts: Sequence[Attempt]) -> dict[str, Seen]:
        """What has become of these attempts; a few file reads each."""
        return {attempt.key: self._look(attempt.key) for attempt in attempts}

    def _look(self, key: str) -> Seen:
        folder = self._folder / key
        guard = self._guards.get(key)
        guarded = (guard is not None and guard.poll() is None) or _is_held(folder / "lock")
        # Files after the lock: whoever held it has written all it ever will once it is free.
        start, end = read_json(folder / "start.json"), read_json(folder / "exit.json")
        pid = start["pid"] if start else None
        if guarded:
            if end:
                self._end_later(key, LEFTOVER_GRACE_S)
            if start and key in self._endings:
                self._drive(key, spare=start["guard"])
            return Seen("alive", pid)
        if start is None:
            return Seen("absent" if guard is None else "refused")
        if self._remain(key):
            return Seen("alive", pid)
        if end:
            return Seen("ended", pid, end["code"], end["ended"])
        return Seen("vanished", pid)

    def cancel(self, key: str) -> None:
        """SIGTERM to the whole tree now, SIGKILL after the grace; driven on by :meth:`poll`."""
        if key not in self._endings:
            now = time.monotonic()
            self._endings[key] = _Ending(now, now + self._grace_s)

    def _end_later(self, key: str, grace_s: float) -> None:
        if key not in self._endings:
            at = time.monotonic() + grace_s
            self._endings[key] = _Ending(at, at)

    def _drive(self, key: str, spare: int) -> None:
        """Signal what is left of a tree; the guard is spared, it has the exit code to record."""
        ending, now = self._endings[key], time.monotonic()
        if now < ending.term_at:
            return
        for process in procs.members(self._cookie(key)):
            if process.pid == spare:
                continue
            if now >= ending.kill_at:
                procs.send(process, signal.SIGKILL)
            elif process not in ending.told:
                ending.told.add(process)
                procs.send(process, signal.SIGTERM)

    def _remain(self, key: str) -> bool:
        """Kill what outlived its guard; whether there was anything."""
        left = procs.members(self._cookie(key))
        for process in left:
            procs.send(process, signal.SIGKILL)
        return bool(left)

    def _cookie(self, key: str) -> str:
        return str(self._folder / key)

    def forget(self, key: str) -> None:
        """Remove the attempt's folder; a guard that comes too late finds none and does nothing."""
        self._guards.pop(key, None)
        self._endings.pop(key, None)
        shutil.rmtree(self._folder / key, ignore_errors=True)

    def known(self) -> list[str]:
        """Keys of the attempts that have a folder."""
        try:
            return sorted(path.name for path in self._folder.iterdir())
        except FileNotFoundError:
            return []


def _is_held(lock: Path) -> bool:
    """Whether a live guard holds its lock."""
    try:
        with lock.open("r+b") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
