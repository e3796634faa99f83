"""Whatever is killed: nothing is lost, doubled or orphaned."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import psutil
import pytest

from core import jobs
from core.errors import GpulseError
from core.jobs import api, daemon
from core.jobs.engines import Attempt
from core.jobs.engines.local import LocalEngine
from core.jobs.store import open_store
from core.jobs.supervisor import Supervisor

TOY = {"train": "toy_job", "profile": "toy_job"}


def kill_supervisor(room) -> psutil.Process:
    room.until(room.supervisors)
    (process,) = room.supervisors()
    process.kill()
    room.until(lambda: not room.supervisors())
    return process


def test_jobs_are_adopted_with_their_exit_codes_after_the_supervisor_was_killed(room):
    short, long = room.launch(sleep=0.6), room.launch(sleep=2, exit=7)
    short, long = room.until_running(short), room.until_running(long)
    old = kill_supervisor(room)
    assert long.pid in psutil.pids()
    room.until(lambda: short.pid not in psutil.pids())

    short, long = jobs.wait(short.id, 20), jobs.wait(long.id, 20)

    assert (short.state, short.exit_code, room.starts(short)) == ("succeeded", 0, 1)
    assert (long.state, long.exit_code, room.starts(long)) == ("failed", 7, 1)
    assert [process.pid for process in room.supervisors()] != [old.pid]
    record = json.loads((short.run_dir / "job.json").read_text())
    assert record["states"][-1]["state"] == "succeeded"


def test_an_adopted_job_can_be_stopped(room):
    job = room.until_running(room.launch(sleep=60, deaf=True, children=["kept"]))
    kill_supervisor(room)

    jobs.stop(job.id)
    job = jobs.wait(job.id, 20)

    assert (job.state, job.exit_code) == ("cancelled", -9)
    assert {process.pid for process in room.processes()} == {p.pid for p in room.supervisors()}


def test_a_job_whose_processes_vanished_is_lost_and_nothing_of_it_is_left(room):
    job = room.until_running(room.launch(sleep=60, children=["kept"]))
    start = json.loads((room.state / "attempts" / job.id / "start.json").read_text())
    kill_supervisor(room)
    os.kill(start["guard"], signal.SIGKILL)

    job = jobs.wait(job.id, 20)

    assert (job.state, job.exit_code) == ("lost", None)
    assert "vanished" in job.error
    assert {process.pid for process in room.processes()} == {p.pid for p in room.supervisors()}


def test_a_stranger_with_a_recycled_process_id_is_never_signalled(folders):
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"]) as stranger:
        attempt = folders.state / "attempts" / "old"
        attempt.mkdir(parents=True)
        record = {"guard": stranger.pid, "pid": stranger.pid}
        (attempt / "start.json").write_text(json.dumps(record))
        (attempt / "lock").touch()
        _stored(folders, "old", "running")

        with open_store() as store:
            jobs_left = Supervisor(store, LocalEngine(folders.state, TOY), 1).step()
            assert store.get("old").state == "lost"

        assert jobs_left
        assert stranger.poll() is None
        stranger.kill()


def test_supervisors_that_died_around_the_start_never_run_a_job_twice(folders):
    job = _stored(folders, "twice", "queued", sleep=0.3)
    engines = [LocalEngine(folders.state, TOY) for _ in range(4)]
    with open_store() as store:
        store.change(job.id, "starting", allowed=("queued",), started=time.time())
        # Each supervisor "dies" right after telling its engine to start: the next knows nothing
        # of the process, and may find the guard not begun.
        for engine in engines:
            Supervisor(store, engine, 1).step()
        last = Supervisor(store, engines[-1], 1)
        folders.until(lambda: not last.step())
        job = store.get(job.id)

    assert (job.state, folders.starts(job)) == ("succeeded", 1)
    left = [Attempt(job.id, job.kind, job.run_dir)]
    folders.until(lambda: {e.poll(left)[job.id].phase for e in engines} == {"absent", "refused"})


def test_supervisors_killed_at_random_lose_and_double_nothing(room):
    dice = random.Random(2)
    launched = [room.launch(sleep=dice.uniform(0, 0.6)) for _ in range(8)]
    for _ in range(3):
        daemon.ensure_supervisor()
        time.sleep(dice.uniform(0.3, 0.8))
        for process in room.supervisors():
            process.kill()

    done = [jobs.wait(job.id, 30) for job in launched]

    assert {job.state for job in done} == {"succeeded"}
    assert [room.starts(job) for job in done] == [1] * 8
    assert {process.pid for process in room.processes()} == {p.pid for p in room.supervisors()}


def test_of_several_supervisors_one_stays(room):
    assert daemon.ensure_supervisor()
    assert not daemon.ensure_supervisor()
    rivals = [
        subprocess.Popen([sys.executable, str(room.toy_supervisor)], stderr=subprocess.DEVNULL)
        for _ in range(2)
    ]

    assert [rival.wait(20) for rival in rivals] == [0, 0]
    assert len(room.supervisors()) == 1


def test_an_idle_supervisor_leaves_and_the_next_job_gets_a_new_one(room, monkeypatch):
    monkeypatch.setenv("GPULSE_IDLE_EXIT_S", "0")
    for _ in range(3):
        job = room.launch()
        # Not wait(), which would replace a supervisor that had left too early.
        room.until(lambda job=job: jobs.get(job.id).final)
        assert jobs.get(job.id).state == "succeeded"
    room.until(lambda: not room.supervisors())


def test_a_supervisor_told_to_end_leaves_its_jobs_running(room):
    job = room.until_running(room.launch(sleep=1))
    (process,) = room.supervisors()
    process.terminate()
    room.until(lambda: not room.supervisors())

    assert jobs.get(job.id).state == "running"
    assert jobs.wait(job.id, 20).state == "succeeded"


def test_wait_says_so_when_no_supervisor_keeps_running(folders, monkeypatch):
    monkeypatch.setattr(
        daemon, "supervisor_argv", lambda lock: [sys.executable, "-S", "-c", "raise SystemExit(1)"]
    )
    monkeypatch.setattr(api, "ENSURE_EVERY_S", 0.0)
    monkeypatch.setattr(api, "WAIT_TICK_S", 0.05)
    monkeypatch.setattr(api, "MAX_STARTS", 3)
    job = folders.launch()

    with pytest.raises(GpulseError, match="does not keep running"):
        jobs.wait(job.id, 30)
    assert jobs.get(job.id).state == "queued"


def _stored(folders, name: str, state: str, **params: object) -> jobs.Job:
    run_dir = folders.runs / name
    run_dir.mkdir(parents=True)
    (run_dir / "job.json").write_text(json.dumps({"params": params}))
    job = jobs.Job(name, "train", "digits", params, "cpu", None, state, run_dir, time.time())
    with open_store() as store:
        store.insert(job)
    return job
