"""What the engines share: the job's command line, its guard's, and the files of an attempt.

An attempt has a folder (see ``guard.py``), so that what has become of it is told by files and a
kernel lock, not by the memory of a supervisor: any later one finds it the same.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from core.jobs import procs
from core.jobs.engines import Attempt, Seen
from core.jobs.folders import PROJECT_ROOT, read_json
from core.jobs.logs import LOG_NAME

MODULES = {"train": "core.training", "profile": "core.training", "tune": "core.loader"}
"""The only programs that are ever started, by kind of job."""

GUARD = Path(__file__).with_name("guard.py")
LAUNCHER = "core.training.launch"
"""Starts several training processes on a node and waits for them (torch elastic)."""


def job_argv(attempt: Attempt, modules: Mapping[str, str] = MODULES) -> list[str]:
    """The command line of the job process."""
    module, needs = modules[attempt.kind], attempt.needs
    if needs.processes * needs.nodes > 1 and module == MODULES["train"]:
        size = [str(needs.processes), str(needs.nodes)]
        return [sys.executable, "-m", LAUNCHER, *size, str(attempt.run_dir)]
    return [sys.executable, "-m", module, str(attempt.run_dir)]


def guard_argv(folder: Path, attempt: Attempt, argv: list[str], *options: str) -> list[str]:
    """The command line of the guard of an attempt."""
    needs = attempt.needs
    limits = []
    if needs.time_limit_s:
        limits += ["--time", f"{needs.time_limit_s:g}"]
    if needs.memory_mib:
        limits += ["--memory", str(needs.memory_mib)]
    return [sys.executable, "-I", "-S", str(GUARD), str(folder), *limits, *options, *argv]


def environment(state: Path, cookie: str) -> dict[str, str]:
    """What a job process is told by its environment, beside what it inherits."""
    given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    path = dict.fromkeys([str(PROJECT_ROOT), *(str(Path(part).absolute()) for part in given)])
    return {
        procs.COOKIE: cookie,
        "GPULSE_STATE_DIR": str(state),
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONUNBUFFERED": "1",
    }


def read_log(attempt: Attempt, offset: int, limit: int) -> tuple[bytes, int]:
    """(the bytes of the run's log from ``offset``, the offset after them)."""
    try:
        with (attempt.run_dir / LOG_NAME).open("rb") as log:
            log.seek(offset)
            found = log.read(limit)
    except OSError:
        return b"", offset
    return found, offset + len(found)


def ended(folder: Path) -> Seen | None:
    """What the guard recorded of the end, None before it."""
    start, end = read_json(folder / "start.json"), read_json(folder / "exit.json")
    if end is None:
        return None
    begun = start or {}
    return Seen(
        "ended",
        begun.get("pid"),
        end["code"],
        end["ended"],
        why=end.get("why", ""),
        gpu_ids=begun.get("gpu_ids", ""),
    )


def is_held(lock: Path) -> bool:
    """Whether a live guard holds its lock."""
    try:
        with lock.open("r+b") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
