"""Kill web servers, supervisors, guards and jobs at random; then see that nothing is lost.

A web server here is a process that launches jobs as a page does, one after the other; jobs are toy
programs, so that a kill every half a second meets every moment of a job's life. At the end every
job must be in a final state that it came to once, no program may have been entered more often than
the job had attempts, no process may be left, and the store must pass SQLite's own check.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from tests.bench.measure import ROOT, Figure, report

PROGRAMS = ROOT / "tests" / "jobs" / "programs"
TOY = PROGRAMS / "toy_supervisor.py"
TARGETS = ("server", "supervisor", "guard", "job")
SETTLE_S = 120.0

_SERVER = """
import random, sys, time
from core import jobs
from core.jobs import daemon
from core.jobs.model import Needs
daemon.supervisor_argv = lambda lock: [sys.executable, sys.argv[1], "--lock", str(lock)]
chance = random.Random(int(sys.argv[2]))
for _ in range(int(sys.argv[3])):
    kept = ["kept"] if chance.random() < 0.2 else []
    params = {"sleep": chance.uniform(0, 2), "exit": chance.choice([0, 0, 3]), "children": kept}
    spec = {"kind": "train", "workload": "digits", "params": params, "retries": 1}
    job = jobs.launch(jobs.JobSpec.model_validate(spec))
    if chance.random() < 0.1:
        jobs.stop(job.id)
    while sum(not known.final for known in jobs.list_jobs()) > 6:
        jobs.ensure_supervisor()
        time.sleep(0.1)
"""


class Room:
    """Folders of the bench, and the processes that were started for them."""

    def __init__(self, folder: Path) -> None:
        self.state, self.runs = folder / "state", folder / "runs"
        self.environment = {
            **os.environ,
            "GPULSE_STATE_DIR": str(self.state),
            "GPULSE_RUNS_DIR": str(self.runs),
            "GPULSE_CPU_SLOTS": "4",
            "GPULSE_IDLE_EXIT_S": "3",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(PROGRAMS)]),
        }

    def serve(self, seed: int) -> subprocess.Popen[bytes]:
        """A web server with work for minutes."""
        command = [sys.executable, "-c", _SERVER, str(TOY), str(seed), "100000"]
        return subprocess.Popen(
            command, cwd=ROOT, env=self.environment, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def alive(self) -> Iterator[tuple[str, psutil.Process]]:
        """(what it is, process) of all that carry this state folder in their environment."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                    continue
                if process.environ().get("GPULSE_STATE_DIR") == str(self.state):
                    yield _kind(process.cmdline()), process


def _kind(words: Sequence[str]) -> str:
    text = " ".join(words)
    if str(TOY) in text and "--lock" in text and "core.jobs" not in text.split(" -c ")[0]:
        return "server" if " -c " in text else "supervisor"
    if "guard.py" in text:
        return "guard"
    return "job" if "toy_job" in text else "other"


def _kill_one(room: Room, chance: random.Random) -> str:
    """SIGKILL to a process of a random kind; "" where there is none of that kind just now."""
    wanted = chance.choice(TARGETS)
    found = [process for kind, process in room.alive() if kind == wanted]
    if not found:
        return ""
    with contextlib.suppress(psutil.Error):
        chance.choice(found).send_signal(signal.SIGKILL)
    return wanted


def _rampage(room: Room, kills: int, seed: int) -> Counter[str]:
    chance = random.Random(seed)
    killed: Counter[str] = Counter()
    server = room.serve(seed)
    while killed.total() < kills:
        time.sleep(chance.uniform(0.05, 0.9))
        killed.update(filter(None, [_kill_one(room, chance)]))
        if server.poll() is not None:
            server = room.serve(chance.randrange(10**6))
    server.kill()
    server.wait()
    return killed


def _settle(room: Room) -> bool:
    """Let a supervisor finish what is left; whether all came to its end."""
    code = (
        "import sys, time\nfrom core import jobs\nfrom core.jobs import daemon\n"
        "daemon.supervisor_argv = lambda lock: [sys.executable, sys.argv[1], '--lock', str(lock)]\n"
        f"deadline = time.monotonic() + {SETTLE_S}\n"
        "while any(not job.final for job in jobs.list_jobs(100000)):\n"
        "    assert time.monotonic() < deadline\n"
        "    jobs.ensure_supervisor(); time.sleep(0.2)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(TOY)], cwd=ROOT, env=room.environment, check=False
    )
    deadline = time.monotonic() + 15
    while any(True for _ in room.alive()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return done.returncode == 0


def _faults(room: Room) -> tuple[Counter[str], Counter[str]]:
    """(jobs by final state, what is wrong and how often)."""
    states: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    store = sqlite3.connect(room.state / "jobs.db")
    if store.execute("PRAGMA integrity_check").fetchone() != ("ok",):
        wrong["store damaged"] += 1
    final = ("succeeded", "failed", "cancelled", "timed-out", "lost")
    for job, state, attempts, run_dir in store.execute(
        "SELECT id, state, attempt, run_dir FROM job"
    ):
        states[state] += 1
        history = [row[0] for row in store.execute(
            "SELECT state FROM change WHERE job_id = ? ORDER BY rowid", (job,)
        )]  # fmt: skip
        wrong["not in a final state"] += state not in final
        wrong["ended more than once"] += sum(word in final for word in history) > 1
        ledger = Path(run_dir) / "starts.txt"
        starts = len(ledger.read_text().split()) if ledger.exists() else 0
        wrong["begun more often than it had attempts"] += starts > attempts
        wrong["succeeded without having run"] += state == "succeeded" and starts == 0
        wrong["job.json behind"] += _exported(Path(run_dir)) != state
    folders = {path.name for path in room.runs.iterdir()}
    known = {row[0] for row in store.execute("SELECT id FROM job")}
    # A server killed between making the folder and storing the job leaves a folder and no job.
    wrong["job without a folder"] += len(known - folders)
    store.close()
    wrong["process left"] += sum(1 for _ in room.alive())
    return states, +wrong


def _exported(run_dir: Path) -> str:
    try:
        return json.loads((run_dir / "job.json").read_text())["states"][-1]["state"]
    except (OSError, ValueError, LookupError):
        return ""


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(words)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    room = Room(folder)
    try:
        killed = _rampage(room, args.kills, args.seed)
        settled = _settle(room)
        states, wrong = _faults(room)
    finally:
        for _, process in room.alive():
            process.kill()
        shutil.rmtree(folder, ignore_errors=True)
    title = f"{args.kills} processes killed while jobs were launched, queued and run"
    return report(title, _figures(killed, states, wrong, settled), args.json)


def _figures(
    killed: Counter[str], states: Counter[str], wrong: Counter[str], settled: bool
) -> list[Figure]:
    story = ", ".join(f"{count} × {fault}" for fault, count in wrong.items())
    return [
        *(Figure(f"killed: {kind}", killed[kind], "times") for kind in TARGETS),
        *(Figure(f"jobs that {state}", states[state], "jobs") for state in sorted(states)),
        Figure("all jobs came to an end", float(settled), "", at_least=1.0),
        Figure("faults", float(wrong.total()), "", at_most=0.0, note=story),
    ]
