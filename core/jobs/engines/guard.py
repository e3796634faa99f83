"""The small process between the supervisor and a job process; run by path, standard library only.

    python -I -S guard.py FOLDER PROGRAM ARGUMENT...

It begins the attempt at most once, whoever asks how often, and records the exit code even when no
supervisor is there to wait for it. In FOLDER:

- ``lock``: held (flock) for as long as this process lives; the kernel lets go of it at any death.
- ``start.json``: ``{"guard": pid, "pid": pid of the job process}``, there before the job's program
  is entered; where it exists, the attempt has begun and is never begun again.
- ``exit.json``: ``{"code": int, "ended": s since the epoch}``; a negative code is a signal.

On Linux it is the reaper of every orphan of the job, so that all of the job's processes stay its
descendants, and it lives until the last of them is gone.
"""

import ctypes
import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LOCK_ATTEMPTS, LOCK_PAUSE_S = 40, 0.05
DISK_FULL_PATIENCE_S = 600
FORWARDED_DEFAULT = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def write_json(path: Path, content: dict) -> None:
    scratch = path.with_suffix(".tmp")
    scratch.write_text(json.dumps(content))
    scratch.replace(path)


def prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def hold_lock(folder: Path) -> bool:
    """Take the lock for life. A supervisor's look at it lasts microseconds, so try again."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(LOCK_ATTEMPTS):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_S)
        else:
            return True
    return False


def become_job(gate: int, argv: list[str]) -> None:
    """In the forked child: own session, wait until it is on record, then enter the program."""
    os.setsid()
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in FORWARDED_DEFAULT:
        signal.signal(number, signal.SIG_DFL)
    if os.read(gate, 1) != b"1":
        os._exit(70)
    try:
        os.execv(argv[0], argv)
    except OSError as error:
        os.write(2, f"error: {argv[0]} cannot be run: {error.strerror}.\n".encode())
        os._exit(127)


def record_exit(folder: Path, code: int) -> None:
    """Write the exit code; a full disk is waited for, a folder that is gone is not."""
    deadline = time.monotonic() + DISK_FULL_PATIENCE_S
    ended = time.time()
    while True:
        try:
            write_json(folder / "exit.json", {"code": code, "ended": ended})
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return


def watch(folder: Path, job: int) -> None:
    """Reap the job process and every orphan of it, until none is left."""
    while True:
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return
        if pid == job:
            record_exit(folder, os.waitstatus_to_exitcode(status))


def main(folder: Path, argv: list[str]) -> None:
    start = folder / "start.json"
    if not hold_lock(folder) or start.exists() or not folder.exists():
        return  # begun by another, or over and forgotten
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in FORWARDED_DEFAULT:
        signal.signal(number, signal.SIG_IGN)
    gate, opener = os.pipe()
    job = os.fork()
    if job == 0:
        os.close(opener)
        become_job(gate, argv)
    os.close(gate)
    write_json(start, {"guard": os.getpid(), "pid": job})
    os.write(opener, b"1")
    os.close(opener)
    watch(folder, job)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
