"""What every engine must do, through the queue as its users see it: one suite, each engine."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from core import jobs
from core.errors import EngineDown, Unsatisfiable
from core.jobs import api
from core.jobs.engines import Attempt, Engine, slurm
from core.jobs.engines.cluster import FOLDER
from core.jobs.model import Needs
from tests.jobs import ray_cluster, slurm_cluster
from tests.jobs.conftest import PROGRAMS, ROOT, Room, prepare, toy_supervisors

SLURM_MISSING = slurm_cluster.missing()
RAY_MISSING = ray_cluster.missing()
PATIENCE_S = 60.0
ONE_GPU = {"needs": Needs(gpus=1)}


def toy_engine(state: Path) -> Engine:
    """The engine that the toy supervisor uses, as the web server sees it."""
    sys.path.insert(0, str(PROGRAMS))
    try:
        import toy_supervisor  # pyright: ignore[reportMissingImports]
    finally:
        sys.path.remove(str(PROGRAMS))
    return toy_supervisor.toy_engine(state)


ENGINES = [
    "local",
    pytest.param("slurm", marks=pytest.mark.skipif(bool(SLURM_MISSING), reason=SLURM_MISSING)),
    pytest.param("ray", marks=pytest.mark.skipif(bool(RAY_MISSING), reason=RAY_MISSING)),
]


@contextmanager
def surroundings(room: Room, engine: str, conf: str) -> Iterator[pytest.MonkeyPatch]:
    """The settings under which the queue of ``room`` uses an engine with two GPUs."""
    with pytest.MonkeyPatch.context() as patch:
        prepare(room, patch)
        patch.setenv("TOY_ENGINE", engine)
        patch.setenv("TOY_GPUS", "2")
        patch.setenv("GPULSE_ENGINE", engine)
        patch.setenv("GPULSE_CPU_SLOTS", "4")
        patch.setenv("SLURM_CONF" if engine == "slurm" else "GPULSE_RAY_ADDRESS", conf)
        patch.setattr(api, "make_engine", toy_engine)
        yield patch


@pytest.fixture(scope="module", params=ENGINES)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Room, str, str]]:
    """Folders, engine and Slurm's configuration; the engine is up while the module runs."""
    base = tmp_path_factory.mktemp(request.param)
    room = Room(base / "state", base / "runs")
    if request.param == "local":
        with surroundings(room, "local", "") as patch, toy_supervisors(room, patch):
            yield room, "local", ""
        return
    slurm_wanted = request.param == "slurm"
    cluster = slurm_cluster.SlurmCluster() if slurm_wanted else ray_cluster.RayCluster()
    try:
        cluster.start()
        settings = surroundings(room, request.param, cluster.address)
        with settings as patch, toy_supervisors(room, patch):
            yield room, request.param, cluster.address
    finally:
        cluster.stop()


@pytest.fixture
def room(place: tuple[Room, str, str]) -> Iterator[Room]:
    """The place with its settings: other tests' fixtures set them anew for each test."""
    with surroundings(*place):
        yield place[0]


@pytest.fixture(autouse=True)
def _quiet(room: Room) -> Iterator[None]:
    """Each test leaves an empty queue and no process of a job."""
    yield
    for job in jobs.list_jobs():
        jobs.stop(job.id)
    for job in jobs.list_jobs(1000):
        assert jobs.wait(job.id, PATIENCE_S).final
    room.until(lambda: not of_jobs(room), PATIENCE_S)


def of_jobs(room: Room) -> list[psutil.Process]:
    """Processes of toy jobs, their children included."""
    found = []
    for process in psutil.process_iter():
        try:
            mine = process.environ().get("GPULSE_JOB", "")
            ours = str(room.state) in mine or mine.startswith("gpulse-")
            if ours and process.status() != "zombie":
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def over(job: jobs.Job) -> jobs.Job:
    job = jobs.wait(job.id, PATIENCE_S)
    assert job.final, (job.state, job.waiting)
    return job


def started(room: Room, job: jobs.Job) -> jobs.Job:
    room.until(lambda: jobs.get(job.id).state == "running", PATIENCE_S)
    return jobs.get(job.id)


def submit_again(state: str, job_id: str) -> None:
    """What a supervisor does that died before it could note that it had submitted."""
    toy_engine(Path(state)).submit(attempt_of(jobs.get(job_id)))


def attempt_of(job: jobs.Job) -> Attempt:
    return Attempt(job.key, job.kind, job.run_dir, job.needs, native=job.native)


def test_it_tells_what_it_has(room):
    nodes = toy_engine(room.state).resources()

    assert [node.gpu_count for node in nodes] == [2]
    assert nodes[0].cpus >= 1


def test_a_job_trains_on_a_gpu_while_its_log_grows(room):
    job = room.launch(events=True, lines=10, asked=ONE_GPU)
    engine, offset, sizes = toy_engine(room.state), 0, set()
    while not jobs.get(job.id).final:
        found, offset = engine.read_log(attempt_of(jobs.get(job.id)), offset)
        sizes.add(offset)
        assert isinstance(found, bytes)
        time.sleep(0.1)

    job = over(job)
    assert (job.state, job.exit_code) == ("succeeded", 0)
    assert len(sizes) > 2, "the log is read while it grows"
    assert "line 9" in jobs.read_log(job)
    assert list(job.run_dir.glob("events*"))
    assert job.gpu_ids in {"0", "1"}, "of Ray's own devices only the number is known"


def test_what_is_submitted_twice_runs_once(room):
    job = started(room, room.launch(sleep=3))
    again = "import sys, tests.jobs.test_conformance as suite; suite.submit_again(*sys.argv[1:])"

    subprocess.run([sys.executable, "-c", again, str(room.state), job.id], check=True, cwd=ROOT)

    assert over(job).state == "succeeded"
    assert room.starts(job) == 1


def test_the_exit_code_of_a_job_that_fails_is_kept(room):
    job = over(room.launch(exit=3, error="boom"))

    assert (job.state, job.exit_code, job.error) == ("failed", 3, "boom")


def test_a_program_that_is_not_there_is_a_failure(room):
    job = over(room.launch("tune"))

    assert job.state == "failed"
    assert "no_such_module" in job.error


def test_more_than_there_is_is_refused_at_once(room):
    with pytest.raises(Unsatisfiable, match=r"64 GPUs a node asked for; the largest node has 2"):
        room.launch(asked={"needs": Needs(gpus=64)})
    with pytest.raises(Unsatisfiable, match="nodes"):
        room.launch(asked={"needs": Needs(nodes=9)})


def test_a_job_that_waits_for_a_gpu_can_be_cancelled(room):
    holders = [started(room, room.launch(sleep=60, asked=ONE_GPU)) for _ in range(2)]
    waiting = room.launch(asked=ONE_GPU)
    room.until(lambda: jobs.get(waiting.id).waiting, PATIENCE_S)

    began = time.monotonic()
    jobs.stop(waiting.id)

    assert over(waiting).state == "cancelled"
    assert time.monotonic() - began < 20
    assert room.starts(waiting) == 0
    assert {jobs.get(job.id).state for job in holders} == {"running"}


def test_cancel_ends_the_whole_tree(room):
    job = started(room, room.launch(children=["kept", "kept"], deaf=True, sleep=60))
    room.until(lambda: len(of_jobs(room)) >= 3, PATIENCE_S)

    jobs.stop(job.id)
    jobs.stop(job.id)

    assert over(job).state == "cancelled"
    room.until(lambda: not of_jobs(room), PATIENCE_S)
    jobs.stop(job.id)
    assert jobs.get(job.id).state == "cancelled", "stopping what is over changes nothing"


def test_a_time_limit_ends_a_job(room):
    job = over(room.launch(sleep=60, asked={"needs": Needs(time_limit_s=2)}))

    assert job.state == "timed-out"
    assert "2 s" in job.error
    assert job.elapsed_s < 40


def test_a_memory_limit_ends_a_job(room):
    job = over(room.launch(memory_mib=300, asked={"needs": Needs(memory_mib=150)}))

    assert job.state == "failed"
    assert "150 MiB" in job.error


def test_two_gpus_are_never_given_to_three_jobs(room):
    asked = [room.launch(spans=1.5, asked=ONE_GPU) for _ in range(5)]
    spans = [json.loads((over(job).run_dir / "span.json").read_text()) for job in asked]

    for device in ("0", "1"):
        mine = sorted((span["from"], span["to"]) for span in spans if span["devices"] == device)
        assert mine, "both GPUs are used"
        assert all(end <= begin for (_, end), (begin, _) in pairwise(mine))
    assert {span["devices"] for span in spans} == {"0", "1"}


def test_the_supervisor_may_be_killed_at_any_time(room):
    job = started(room, room.launch(sleep=3, exit=4))
    for process in room.supervisors():
        process.kill()
    time.sleep(0.5)

    job = over(job)
    assert (job.state, job.exit_code, room.starts(job)) == ("failed", 4, 1)


def test_nothing_outlives_a_guard_that_was_killed(room):
    job = started(room, room.launch(children=["kept"], sleep=60))
    kill_guard(room, job)

    assert over(job).state in {"lost", "failed"}
    room.until(lambda: not of_jobs(room), 20)


def kill_guard(room: Room, job: jobs.Job) -> None:
    """SIGKILL to the process that watches a job."""
    places = (room.state / "attempts" / job.key, job.run_dir / FOLDER / job.key)
    records = [place / "start.json" for place in places]
    start = next(record for record in records if record.exists())
    os.kill(json.loads(start.read_text())["guard"], signal.SIGKILL)


def test_an_attempt_that_was_lost_is_begun_again(room):
    job = started(room, room.launch(sleep=4, asked={"retries": 1}))
    kill_guard(room, job)
    room.until(lambda: jobs.get(job.id).attempt == 2 or jobs.get(job.id).final, PATIENCE_S)

    job = over(job)
    assert (job.attempt, job.state) == (2, "succeeded")


def test_someone_who_comes_later_sees_the_job(room):
    job = started(room, room.launch(sleep=2))

    seen = toy_engine(room.state).poll([attempt_of(job)])[job.key]

    assert seen.phase == "alive"
    assert over(job).state == "succeeded"


@pytest.mark.slow
def test_a_hundred_tiny_jobs_all_end(room):
    many = [room.launch() for _ in range(100)]

    deadline = time.monotonic() + 240
    while any(not jobs.get(job.id).final for job in many):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert {jobs.get(job.id).state for job in many} == {"succeeded"}
    assert {room.starts(job) for job in many} == {1}


def test_a_job_begins_soon_after_it_is_launched(room, record_property):
    waits = []
    for _ in range(5):
        job = over(room.launch(spans=0.01))
        waits.append(json.loads((job.run_dir / "span.json").read_text())["from"] - job.created)
    median = statistics.median(waits)
    record_property("launch_to_running_s", median)

    assert median < 15, "a queue that is empty does not make a job wait"


def test_the_highest_priority_is_next(room):
    if toy_engine(room.state).queues:
        pytest.skip("who is next is Slurm's own decision")
    holders = [started(room, room.launch(sleep=2, asked=ONE_GPU)) for _ in range(2)]
    low = room.launch(spans=0.3, asked={**ONE_GPU, "priority": -1})
    high = room.launch(spans=0.3, asked={**ONE_GPU, "priority": 5, "needs": Needs(gpus=2)})

    assert jobs.get(low.id).state == "queued"
    begun = [json.loads((over(job).run_dir / "span.json").read_text()) for job in (low, high)]
    assert begun[1]["from"] < begun[0]["from"]
    assert all(over(job).state == "succeeded" for job in holders)


def test_an_engine_that_does_not_answer_loses_nothing(room, monkeypatch):
    if toy_engine(room.state).name == "local":
        pytest.skip("the local engine is this machine")
    job = started(room, room.launch(sleep=4))
    with monkeypatch.context() as patch:
        patch.setattr(slurm, "COMMAND_S", 0.5)
        patch.setenv("GPULSE_RAY_ADDRESS", "http://127.0.0.1:9")
        patch.setenv("SLURM_CONF", "/nowhere/slurm.conf")
        with pytest.raises(EngineDown, match=r"Slurm|Ray"):
            toy_engine(room.state).poll([attempt_of(job)])
        queued = room.launch()
        assert queued.state == "queued", "taken, though nobody can say whether it fits"

    assert over(job).state == "succeeded"
    assert over(queued).state == "succeeded"
