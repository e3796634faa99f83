"""The small process between the supervisor and a job process; run by path, standard library only.

    python -I -S guard.py FOLDER [--time S] [--memory MIB] [--grace S] [--alone] PROGRAM ARGUMENT...

It begins the attempt at most once, whoever asks how often, and records the exit code even when no
supervisor is there to wait for it. In FOLDER:

- ``lock``: held (flock) for as long as this process lives; the kernel lets go of it at any death.
- ``start.json``: ``{"guard": pid, "pid": pid of the job process}``, there before the job's program
  is entered; where it exists, the attempt has begun and is never begun again.
- ``exit.json``: ``{"code": int, "ended": s since the epoch, "why": ""}``; a negative code is a
  signal; "why" is "timed-out" or "out-of-memory" where a limit ended the job, "cancelled" where
  this process was told to end it.

On Linux it is the reaper of every orphan of the job, so that all of the job's processes stay its
descendants, and it lives until the last of them is gone. It keeps the job to its limits: the time
since its start, and the memory of all its processes together (their proportional share of what
they share). With ``--alone`` no supervisor is on this machine: then a SIGTERM to the guard (Slurm's
scancel) ends the job's whole tree; without, such signals are ignored and the supervisor's engine
ends it.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LOCK_ATTEMPTS, LOCK_PAUSE_S = 40, 0.05
DISK_FULL_PATIENCE_S = 600
LIMIT_TICK_S = 0.5
GRACE_S = 5.0
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


class Ender:
    """Ends the job's tree for a reason: SIGTERM to all of it, SIGKILL after the grace."""

    def __init__(self, grace_s: float) -> None:
        self.why = ""
        self._grace_s = grace_s
        self._asked = threading.Event()

    def ask(self, why: str) -> None:
        """Begin, unless it has begun; may be called from a signal handler."""
        if not self._asked.is_set():
            self.why = why
            self._asked.set()

    def watch(self, time_s: float, memory_mib: float) -> None:
        """Look at the limits (0 is none) until one is passed or an end is asked for; then end."""
        deadline = time.monotonic() + time_s
        while not self._asked.wait(LIMIT_TICK_S):
            if time_s and time.monotonic() >= deadline:
                self.ask("timed-out")
            elif memory_mib and sum(map(memory_kib, descendants())) > memory_mib * 1024:
                self.ask("out-of-memory")
        kill_at = time.monotonic() + self._grace_s
        told: set[int] = set()
        while True:
            for pid in descendants():
                late = time.monotonic() >= kill_at
                if late or pid not in told:
                    told.add(pid)
                    signal_quietly(pid, signal.SIGKILL if late else signal.SIGTERM)
            time.sleep(0.1)


def signal_quietly(pid: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, number)


def descendants() -> list[int]:
    """All live processes below this one; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rsplit(")", 1)[1].split()[:2]
        except (OSError, ValueError, IndexError):
            continue
        if state != "Z":
            children.setdefault(int(parent), []).append(int(stat.parent.name))
    found, todo = [], [os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def memory_kib(pid: int) -> int:
    """Proportional set size of a process; 0 where it is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("Pss:")), 0)
    except OSError:
        return 0


def record_exit(folder: Path, code: int, why: str) -> None:
    """Write the exit code; a full disk is waited for, a folder that is gone is not."""
    deadline = time.monotonic() + DISK_FULL_PATIENCE_S
    ended = time.time()
    while True:
        try:
            write_json(folder / "exit.json", {"code": code, "ended": ended, "why": why})
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return


def watch(folder: Path, job: int, ender: Ender) -> int:
    """Reap the job process and every orphan of it, until none is left; the job's exit code."""
    code = 0
    while True:
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return code
        if pid == job:
            code = os.waitstatus_to_exitcode(status)
            record_exit(folder, code, ender.why)


def keep(folder: Path, limits: dict[str, float], argv: list[str]) -> int:
    """Run the guard under a keeper, for where no supervisor could clear up after a killed guard.

    Whichever of the two is killed, the other ends the tree.
    """
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    guard = os.fork()
    if guard == 0:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        os._exit(exit_status(main(folder, limits, argv)))
    for number in FORWARDED_DEFAULT:
        signal.signal(number, lambda number, _frame: signal_quietly(guard, number))
    ended, status = os.waitpid(-1, 0)
    while ended != guard:
        ended, status = os.waitpid(-1, 0)
    while left := descendants():
        for pid in left:
            signal_quietly(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.05)
    return os.waitstatus_to_exitcode(status)


def exit_status(code: int) -> int:
    """An exit code as a shell gives it: 128 and the number of a signal."""
    return code if code >= 0 else 128 - code


def options(words: list[str]) -> tuple[dict[str, float], list[str]]:
    """(limits by name, program with its arguments)."""
    found = {"time": 0.0, "memory": 0.0, "grace": GRACE_S, "alone": 0.0}
    while words and words[0].startswith("--"):
        name = words.pop(0)[2:]
        found[name] = 1.0 if name == "alone" else float(words.pop(0))
    return found, words


def main(folder: Path, limits: dict[str, float], argv: list[str]) -> int:
    start = folder / "start.json"
    if not hold_lock(folder) or start.exists() or not folder.exists():
        return 0  # begun by another, or over and forgotten
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    ender = Ender(limits["grace"])
    for number in FORWARDED_DEFAULT:
        told = (lambda *_: ender.ask("cancelled")) if limits["alone"] else signal.SIG_IGN
        signal.signal(number, told)
    gate, opener = os.pipe()
    job = os.fork()
    if job == 0:
        os.close(opener)
        become_job(gate, argv)
    os.close(gate)
    devices = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    write_json(start, {"guard": os.getpid(), "pid": job, "gpu_ids": devices})
    os.write(opener, b"1")
    os.close(opener)
    threading.Thread(
        target=ender.watch, args=(limits["time"], limits["memory"]), daemon=True
    ).start()
    return watch(folder, job, ender)


if __name__ == "__main__":
    where, (asked, program) = Path(sys.argv[1]), options(sys.argv[2:])
    if asked["alone"]:
        sys.exit(exit_status(keep(where, asked, program)))
    main(where, asked, program)
