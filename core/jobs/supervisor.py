"""The process that runs the queue: ``python -m core.jobs.supervisor``.

It outlives the web server and holds no state that matters: everything is in the store, in the
engine's attempt folders and in the processes themselves. It may be killed at any instant; the next
one takes over what runs. Being told to start an attempt twice is harmless (see ``engines``).
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from core.errors import BadInput, EngineDown, GpulseError, SubmitRejected, Unsatisfiable
from core.jobs import daemon
from core.jobs.engines import Attempt, Engine, Seen
from core.jobs.engines.choice import make_engine
from core.jobs.folders import read_json, state_folder, write_json
from core.jobs.logs import error_line, full_disk
from core.jobs.model import ACTIVE, UNFINISHED, Job, describe
from core.jobs.schedule import Plan, plan
from core.jobs.store import Store, open_store
from core.settings import settings

TICK_S = 0.1
BUSY_PAUSE_S = 1.0
LOCK_PATIENCE_S = 1.0
MOST_IN_ENGINE = 500
"""Attempts given to an engine with a queue of its own; the others wait in ours."""
LOST = "vanished without an exit code: the machine went down, or its processes were killed"

log = logging.getLogger("gpulse.supervisor")


class Supervisor:
    """One pass over the queue at a time.

    Args:
        store: the open job store.
        engine: who runs the attempts.
        slots: cores of this machine that running jobs may keep for themselves.
    """

    def __init__(self, store: Store, engine: Engine, slots: int) -> None:
        self._store = store
        self._engine = engine
        self._slots = slots

    def clean(self) -> None:
        """Forget attempts of jobs that are over (left by a supervisor that died just then)."""
        unfinished = {job.key for job in self._store.in_states(ACTIVE)}
        for key in self._engine.known():
            if key not in unfinished:
                self._engine.forget(key)

    def step(self) -> bool:
        """Bring every job one step on; whether anything is left to do."""
        active = self._store.in_states(ACTIVE)
        try:
            seen = self._engine.poll([_attempt(job) for job in active])
            for job in active:
                self._advance(job, seen[job.key])
            self._begin()
        except EngineDown as error:
            self._wait_for_engine(error)
        for job in self._store.to_export():
            self._export(job)
        return bool(active or self._store.in_states(UNFINISHED))

    def _begin(self) -> None:
        """Start queued jobs: all that fit, or all there are where the engine has its own queue."""
        queued = self._store.in_states(("queued",))
        if not queued:
            return
        active = self._store.in_states(ACTIVE)
        if self._engine.queues:
            room = max(0, MOST_IN_ENGINE - len(active))
            chosen = Plan(tuple((job, "") for job in queued[:room]), {})
        else:
            here = self._engine.resources()[0]
            slots = self._slots if self._engine.name == "local" else here.cpus
            chosen = plan(queued, active, here, slots)
        for job, gpu_ids in chosen.begin:
            self._start(job, gpu_ids)
        for job in queued:
            self._explain(job, chosen.waiting.get(job.id, ""))

    def _explain(self, job: Job, waiting: str) -> None:
        if job.waiting != waiting:
            self._store.note(job.id, waiting=waiting)

    def _wait_for_engine(self, error: EngineDown) -> None:
        log.warning("%s", error)
        for job in self._store.in_states(UNFINISHED):
            self._explain(job, str(error))
        time.sleep(BUSY_PAUSE_S)

    def _start(self, job: Job, gpu_ids: str) -> None:
        """Begin a queued job: it is on record as starting before anything runs."""
        self._store.note(job.id, gpu_ids=gpu_ids)
        if self._store.change(job.id, "starting", allowed=("queued",), started=time.time()):
            self._submit(self._store.get(job.id))

    def _submit(self, job: Job) -> None:
        # Export first: once the job process exists, it is the one to write job.json, until its
        # first progress.json.
        self._export(job)
        try:
            native = self._engine.submit(_attempt(job))
        except (OSError, SubmitRejected, Unsatisfiable) as error:
            self._finish(job, "failed", error=f"could not be started: {error}")
        else:
            self._store.note(job.id, native=native)

    def _advance(self, job: Job, seen: Seen) -> None:
        if seen.pid is not None and seen.pid != job.pid:
            self._store.note(job.id, pid=seen.pid)
        if seen.gpu_ids and seen.gpu_ids != job.gpu_ids:
            self._store.note(job.id, gpu_ids=seen.gpu_ids)
        self._explain(job, seen.reason if seen.phase == "waiting" else "")
        match seen.phase:
            case "waiting" | "alive":
                self._watch(job)
            case "ended":
                self._conclude(job, seen)
            case "absent" if not job.cancel_requested:
                self._submit(job)
            case "absent":
                self._finish(job, "cancelled")
            case "refused":
                why = seen.reason or error_line(job.run_dir, 1)
                self._finish(job, "failed", error=f"could not be started: {why}")
            case "vanished":
                self._vanished(job)

    def _vanished(self, job: Job) -> None:
        """Over without an exit code: told to end, or lost; then it may be due another attempt."""
        if job.cancel_requested:
            self._finish(job, "cancelled")
        elif job.attempt <= job.retries and self._store.again(job.id, allowed=ACTIVE):
            self._engine.forget(job.key)
            log.info("%s lost, queued as attempt %d", job.id, job.attempt + 1)
        else:
            self._finish(job, "lost", error=LOST)

    def _watch(self, job: Job) -> None:
        if job.cancel_requested:
            self._engine.cancel(_attempt(job))
        if job.state == "starting" and (job.run_dir / "progress.json").exists():
            self._store.change(job.id, "running", allowed=("starting",))

    def _conclude(self, job: Job, seen: Seen) -> None:
        code = seen.exit_code
        cancelled = job.cancel_at is not None and (seen.ended or time.time()) >= job.cancel_at
        if cancelled or seen.why == "cancelled":
            self._finish(job, "cancelled", exit_code=code, ended=seen.ended)
        elif seen.why == "timed-out":
            limit = f"over its time limit of {job.needs.time_limit_s:g} s"
            self._finish(job, "timed-out", exit_code=code, ended=seen.ended, error=limit)
        elif seen.why == "out-of-memory":
            limit = f"took more than its {job.needs.memory_mib} MiB of memory"
            self._finish(job, "failed", exit_code=code, ended=seen.ended, error=limit)
        elif code == 0:
            self._finish(job, "succeeded", exit_code=code, ended=seen.ended)
        else:
            why = full_disk(job.run_dir) or error_line(job.run_dir, 1 if code is None else code)
            self._finish(job, "failed", exit_code=code, ended=seen.ended, error=why)

    def _finish(
        self,
        job: Job,
        state: str,
        *,
        exit_code: int | None = None,
        ended: float | None = None,
        error: str = "",
    ) -> None:
        self._store.change(
            job.id,
            state,
            allowed=ACTIVE,
            ended=time.time() if ended is None else ended,
            exit_code=exit_code,
            error=" ".join(error.split()),
        )
        self._store.note(job.id, waiting="")
        self._engine.forget(job.key)
        log.info("%s %s %s", job.id, state, error)

    def _export(self, job: Job) -> None:
        """Bring ``job.json`` up to date, keeping what the job process added to it."""
        path = job.run_dir / "job.json"
        content = {
            **(read_json(path) or {}),
            **describe(job),
            "argv": self._engine.argv(_attempt(job)),
            "states": self._store.history(job.id),
        }
        try:
            write_json(path, content)
        except OSError as error:
            log.warning("%s: job.json cannot be written: %s", job.id, error)
        self._store.set_exported(job)


def _attempt(job: Job) -> Attempt:
    return Attempt(job.key, job.kind, job.run_dir, job.needs, job.gpu_ids, job.priority, job.native)


def serve(store: Store, engine: Engine, stop: list[int]) -> None:
    """Run the queue until nothing is left to do for ``idle_exit_s``, or ``stop`` is not empty."""
    config = settings()
    supervisor = Supervisor(store, engine, config.cpu_slots)
    supervisor.clean()
    idle_since = time.monotonic()
    while not stop:
        if supervisor.step():
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since >= config.idle_exit_s:
            return
        time.sleep(TICK_S)


def supervise(lock: IO[bytes], engine: Engine, stop: list[int]) -> None:
    """Hold the lock and serve; before leaving, look once more for a job that came just then.

    Raises:
        BadInput: the store cannot be used.
    """
    while not stop and daemon.take(lock, patience_s=LOCK_PATIENCE_S):
        try:
            with open_store() as store:
                serve(store, engine, stop)
        except BadInput:
            raise
        except GpulseError as error:  # a busy store or a full disk passes
            log.warning("%s", error)
            time.sleep(BUSY_PAUSE_S)
            continue
        fcntl.flock(lock, fcntl.LOCK_UN)
        with open_store() as store:
            if not store.in_states(UNFINISHED):
                return


def main(argv: Sequence[str], engine: Callable[[Path], Engine] = make_engine) -> int:
    """Be the supervisor of the state folder, or leave at once where there is one.

    Args:
        argv: ``--lock N`` where the lock was taken already and is open as file N.
        engine: makes the engine for a state folder.
    """
    parser = argparse.ArgumentParser(prog="core.jobs.supervisor", description=main.__doc__)
    parser.add_argument("--lock", type=int)
    given = parser.parse_args(argv).lock
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stop.append(number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        state = state_folder()
        with _lock_file(state, given) as lock:
            supervise(lock, engine(state), stop)
    except GpulseError as error:
        log.error("%s", error)
        return 1
    return 0


def _lock_file(state: Path, given: int | None) -> IO[bytes]:
    if given is None:
        return (state / daemon.LOCK_NAME).open("ab")
    os.set_inheritable(given, False)  # a job process must not keep the lock
    return os.fdopen(given, "ab")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
