"""Exactly one supervisor for a state folder: started when needed, found again by a lock.

The lock is a flock on a file, taken by whoever finds no supervisor and handed over to the new one
as an open file: from the first look on there is no instant at which a second could start, and
the kernel lets go of it however the supervisor dies.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from core.errors import GpulseError
from core.jobs import procs
from core.jobs.folders import PROJECT_ROOT, state_folder, unwritable

DETACH = Path(__file__).with_name("detach.py")
LOCK_NAME = "supervisor.lock"
LOG_NAME = "supervisor.log"
LOG_LIMIT_BYTES = 1 << 20


def supervisor_argv(lock: int) -> list[str]:
    """The command line of a supervisor that is given the lock as open file ``lock``."""
    return [sys.executable, "-m", "core.jobs.supervisor", "--lock", str(lock)]


def ensure_supervisor() -> bool:
    """See to it that a supervisor runs; 0.1 ms when it does, about 30 ms to start one.

    Any number of processes and threads may call this at once. Returns whether one was started.

    Raises:
        BadInput: the state folder cannot be written.
    """
    state = state_folder()
    try:
        with (state / LOCK_NAME).open("ab") as lock:
            if not take(lock):
                return False
            _start(state, lock.fileno())
    except OSError as error:
        raise unwritable(state, "state", "GPULSE_STATE_DIR", error.strerror) from None
    return True


def take(lock: IO[bytes], patience_s: float = 0.0) -> bool:
    """Take the lock, trying for ``patience_s`` seconds; whether it was free."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
        else:
            return True


def _start(state: Path, lock: int) -> None:
    """Start a supervisor in a session of its own, with nothing of ours but the lock."""
    environment = {name: value for name, value in os.environ.items() if name != procs.COOKIE}
    given = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    path = dict.fromkeys([str(PROJECT_ROOT), *(str(Path(part).absolute()) for part in given)])
    environment["PYTHONPATH"] = os.pathsep.join(path)
    environment["GPULSE_STATE_DIR"] = str(state)
    log_path = state / LOG_NAME
    too_long = log_path.exists() and log_path.stat().st_size > LOG_LIMIT_BYTES
    with log_path.open("wb" if too_long else "ab") as log:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(DETACH), *supervisor_argv(lock)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=PROJECT_ROOT,
            env=environment,
            pass_fds=(lock,),
            start_new_session=True,
            check=False,
        )
    if done.returncode != 0:
        raise GpulseError(f"The job supervisor could not be started. See {log_path}.")
