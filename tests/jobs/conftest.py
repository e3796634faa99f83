"""A state and runs folder of its own for each test, and a supervisor that runs toy jobs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from core import jobs
from core.jobs import daemon

PROGRAMS = Path(__file__).with_name("programs")
ROOT = Path(__file__).parents[2]
TOY_SUPERVISOR = PROGRAMS / "toy_supervisor.py"


@dataclass(frozen=True)
class Room:
    """Folders of one test and what lives in them."""

    state: Path
    runs: Path
    programs: Path = PROGRAMS
    toy_supervisor: Path = TOY_SUPERVISOR

    def launch(
        self, kind: str = "train", asked: dict[str, object] | None = None, **params: object
    ) -> jobs.Job:
        """Queue a toy job; ``asked`` holds needs, priority and retries."""
        spec = {"kind": kind, "workload": "digits", "params": params, **(asked or {})}
        return jobs.launch(jobs.JobSpec.model_validate(spec))

    def until(self, condition: Callable[[], object], timeout_s: float = 20.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, "the condition was not met in time"
            time.sleep(0.02)

    def until_running(self, job: jobs.Job) -> jobs.Job:
        self.until(lambda: jobs.get(job.id).state not in {"queued", "starting"})
        job = jobs.get(job.id)
        assert job.state == "running", job
        return job

    def processes(self) -> list[psutil.Process]:
        """Every live process that was started for this test's state folder."""
        found = []
        for process in psutil.process_iter():
            try:
                mine = process.environ().get("GPULSE_STATE_DIR") == str(self.state)
                if mine and process.pid != os.getpid() and process.status() != "zombie":
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def supervisors(self) -> list[psutil.Process]:
        found = []
        for process in self.processes():
            try:
                if str(TOY_SUPERVISOR) in process.cmdline()[:2]:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def starts(self, job: jobs.Job) -> int:
        """How often the job's program was entered."""
        ledger = job.run_dir / "starts.txt"
        return len(ledger.read_text().split()) if ledger.exists() else 0


def prepare(room: Room, patch: pytest.MonkeyPatch) -> Room:
    """Point the settings at the folders of ``room``."""
    patch.setenv("GPULSE_STATE_DIR", str(room.state))
    patch.setenv("GPULSE_RUNS_DIR", str(room.runs))
    patch.setenv("GPULSE_CPU_SLOTS", "2")
    patch.setenv("GPULSE_IDLE_EXIT_S", "20")
    patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(PROGRAMS)]))
    return room


@contextmanager
def toy_supervisors(room: Room, patch: pytest.MonkeyPatch) -> Iterator[Room]:
    """Let supervisors run toy jobs; at the end nothing that was started is left."""
    command = [sys.executable, str(TOY_SUPERVISOR), "--lock"]
    patch.setattr(daemon, "supervisor_argv", lambda lock: [*command, str(lock)])
    yield room
    for process in room.processes():
        process.kill()
    room.until(lambda: not room.processes())


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    """Folders only; no supervisor is expected to start."""
    return prepare(Room(tmp_path / "state", tmp_path / "runs"), monkeypatch)


@pytest.fixture
def room(folders: Room, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """Folders of the test's own, with supervisors that run toy jobs."""
    with toy_supervisors(folders, monkeypatch) as ready:
        yield ready


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    base = tmp_path_factory.mktemp("room")
    room = Room(base / "state", base / "runs")
    with pytest.MonkeyPatch.context() as patch, toy_supervisors(room, patch) as ready:
        yield ready


@pytest.fixture
def common_room(_shared: Room, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """A room that the tests of a module share, one after the other, with its one supervisor."""
    yield prepare(_shared, monkeypatch)
    for job in jobs.list_jobs():
        jobs.stop(job.id)
    for job in jobs.list_jobs():
        assert jobs.wait(job.id, 20).final
