"""The local engine: each attempt is a process tree on this machine, under a guard of its own.

Its guard enforces its limits; GPUs are given out by the supervisor, from what NVML says.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from core.jobs import devices, procs
from core.jobs.engines import Attempt, Gpu, Node, Seen, attempts
from core.jobs.engines.attempts import MODULES
from core.jobs.folders import PROJECT_ROOT, read_json

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
        gpus: tells the GPUs that jobs may be given, and whether strangers use them.
    """

    name = "local"
    queues = False

    def __init__(
        self,
        state: Path,
        modules: Mapping[str, str] = MODULES,
        grace_s: float = STOP_GRACE_S,
        gpus: Callable[[], tuple[Gpu, ...]] = devices.gpus,
    ) -> None:
        self._gpus = gpus
        self._state = state
        self._folder = state / "attempts"
        self._modules = modules
        self._grace_s = grace_s
        self._guards: dict[str, subprocess.Popen[bytes]] = {}
        self._endings: dict[str, _Ending] = {}

    def resources(self) -> list[Node]:
        """This machine; GPUs on which programs outside the queue compute are marked."""
        gpus = self._gpus()
        return [Node(socket.gethostname(), os.cpu_count() or 1, len(gpus), gpus)]

    def argv(self, attempt: Attempt) -> list[str]:
        """The command line of the job process."""
        return attempts.job_argv(attempt, self._modules)

    def submit(self, attempt: Attempt) -> str:
        """Start the attempt's guard; a second guard of the same attempt does nothing."""
        folder = self._folder / attempt.key
        folder.mkdir(parents=True, exist_ok=True)
        grace = ("--grace", f"{self._grace_s:g}")
        command = attempts.guard_argv(folder, attempt, self.argv(attempt), *grace)
        with (attempt.run_dir / "log.txt").open("ab") as log:
            self._guards[attempt.key] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=PROJECT_ROOT,
                env=self._environment(folder, attempt),
                start_new_session=True,
            )
        return str(self._guards[attempt.key].pid)

    def _environment(self, folder: Path, attempt: Attempt) -> dict[str, str]:
        own = attempts.environment(self._state, str(folder))
        if attempt.gpu_ids or self._gpus():
            # A job that was given none must see none; NVML and CUDA count alike only by bus.
            own["CUDA_VISIBLE_DEVICES"] = attempt.gpu_ids
            own["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
            own[devices.ASSIGNED] = attempt.gpu_ids
        return {**os.environ, **own}

    def poll(self, attempts: Sequence[Attempt]) -> dict[str, Seen]:
        """What has become of these attempts; a few file reads each."""
        return {attempt.key: self._look(attempt.key) for attempt in attempts}

    def _look(self, key: str) -> Seen:
        folder = self._folder / key
        guard = self._guards.get(key)
        guarded = (guard is not None and guard.poll() is None) or attempts.is_held(folder / "lock")
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
        return attempts.ended(folder) or Seen("vanished", pid)

    def cancel(self, attempt: Attempt) -> None:
        """SIGTERM to the whole tree now, SIGKILL after the grace; driven on by :meth:`poll`."""
        if attempt.key not in self._endings:
            now = time.monotonic()
            self._endings[attempt.key] = _Ending(now, now + self._grace_s)

    def read_log(self, attempt: Attempt, offset: int = 0, limit: int = 65_536) -> tuple[bytes, int]:
        """(what the run's log holds from ``offset``, the offset after it)."""
        return attempts.read_log(attempt, offset, limit)

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
