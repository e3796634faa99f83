"""A job from launch to its end, with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core import jobs
from core.errors import BadInput


def test_a_job_runs_to_success_and_leaves_a_complete_record(common_room):
    seen: list[str] = []
    job = common_room.launch(sleep=0.4)
    assert (job.state, job.run_dir.parent, job.run_dir.name) == ("queued", common_room.runs, job.id)

    job = jobs.wait(job.id, 20, on_tick=lambda now: seen.append(now.state))

    assert (job.state, job.exit_code, job.error, job.final) == ("succeeded", 0, "", True)
    assert "running" in seen
    assert job.started is not None
    assert job.ended is not None
    assert job.created <= job.started <= job.ended
    assert job.elapsed_s == job.ended - job.started
    assert jobs.read_log(job) == "working\n"
    record = json.loads((job.run_dir / "job.json").read_text())
    states = [change["state"] for change in record["states"]]
    assert states == ["queued", "starting", "running", "succeeded"]
    assert record["argv"] == [sys.executable, "-m", "toy_job", str(job.run_dir)]
    assert record["device_used"] == "cpu", "what the job process added is kept"
    assert record["id"] == job.id
    assert list((common_room.state / "attempts").iterdir()) == []


def test_progress_is_read_while_the_job_runs(common_room):
    job = common_room.until_running(common_room.launch(sleep=5))

    progress = jobs.progress(job)

    assert progress is not None
    assert (progress.done, progress.total, progress.unit, progress.fraction) == (
        1,
        4,
        "epoch",
        0.25,
    )
    assert progress.eta_now_s is not None
    assert 20 < progress.eta_now_s <= 30
    assert job.pid is not None
    assert job.elapsed_s > 0


def test_failing_jobs_say_why_in_one_line(common_room):
    launched = [
        common_room.launch(**{"raise": "loss is NaN"}),
        common_room.launch(error="No CUDA device.", exit=2),
        common_room.launch(exit=3),
        common_room.launch(signal=signal.SIGKILL),
        common_room.launch(kind="tune"),
    ]

    done = [jobs.wait(job.id, 30) for job in launched]

    assert {job.state for job in done} == {"failed"}
    assert [(job.exit_code, job.error) for job in done[:4]] == [
        (1, "RuntimeError: loss is NaN"),
        (2, "No CUDA device."),
        (3, "working"),
        (-9, "killed by signal 9 (SIGKILL)"),
    ]
    assert done[4].exit_code == 1
    assert done[4].error.endswith("No module named no_such_module")


def test_a_run_folder_that_was_removed_fails_the_job_and_spares_the_others(common_room):
    first = [common_room.launch(sleep=1) for _ in range(2)]
    doomed, good = common_room.launch(), common_room.launch()
    (doomed.run_dir / "job.json").unlink()
    doomed.run_dir.rmdir()

    assert [jobs.wait(job.id, 20).state for job in [*first, good]] == ["succeeded"] * 3
    job = jobs.wait(doomed.id, 20)
    assert job.state == "failed"
    assert job.error.startswith("could not be started: ")


def test_no_more_jobs_run_at_once_than_there_are_slots(common_room):
    launched = [common_room.launch(sleep=0.6) for _ in range(4)]

    done = [jobs.wait(job.id, 30) for job in launched]

    assert {job.state for job in done} == {"succeeded"}
    for job in done:
        start = job.started or 0.0
        at_once = sum((o.started or 0.0) <= start < (o.ended or 0.0) for o in done)
        assert at_once <= 2


def test_stop_cancels_a_queued_job_on_the_spot(common_room):
    busy = [common_room.launch(sleep=10) for _ in range(2)]
    for job in busy:
        common_room.until_running(job)
    queued = common_room.launch()

    stopped = jobs.stop(queued.id)

    assert stopped.state == "cancelled"
    common_room.until(lambda: json.loads((queued.run_dir / "job.json").read_text())["ended"])
    assert common_room.starts(queued) == 0


def test_stop_ends_the_whole_tree_though_it_ignores_sigterm(common_room):
    # Each child has a session of its own; on Linux one without the cookie is found as well.
    children = ["kept", "cleared"] if sys.platform == "linux" else ["kept"]
    job = common_room.until_running(common_room.launch(sleep=60, deaf=True, children=children))
    tree = [int(pid) for pid in (job.run_dir / "children.txt").read_text().split()] + [job.pid]

    assert jobs.stop(job.id).cancel_requested
    jobs.stop(job.id)
    job = jobs.wait(job.id, 20)

    assert (job.state, job.exit_code, job.error) == ("cancelled", -9, "")
    assert not any(_alive(pid) for pid in tree)
    assert jobs.stop(job.id) == job, "a job that is over stays as it is"


def test_what_a_job_leaves_behind_is_ended_before_it_counts_as_over(common_room):
    job = jobs.wait(common_room.launch(children=["kept"]).id, 20)

    assert (job.state, job.exit_code) == ("succeeded", 0)
    assert not _alive(int((job.run_dir / "children.txt").read_text()))


def test_many_threads_launch_at_once_and_one_supervisor_runs_each_job_once(common_room):
    gate = threading.Barrier(6)

    def launch(_: int) -> jobs.Job:
        gate.wait()
        return common_room.launch()

    with ThreadPoolExecutor(6) as pool:
        launched = list(pool.map(launch, range(6)))
    assert len({job.id for job in launched}) == 6
    assert {jobs.wait(job.id, 30).state for job in launched} == {"succeeded"}
    assert [common_room.starts(job) for job in launched] == [1] * 6
    assert len(common_room.supervisors()) == 1


def test_a_job_outlives_the_process_group_that_launched_it(room):
    done = subprocess.run(
        [sys.executable, str(room.programs / "launch_and_die.py"), str(room.toy_supervisor)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        check=False,
    )

    assert done.returncode == -signal.SIGKILL
    assert jobs.wait(done.stdout.strip(), 20).state == "succeeded"


def _alive(pid: int | None) -> bool:
    try:
        os.kill(pid or 0, 0)
    except ProcessLookupError:
        return False
    return True


def test_only_a_training_that_runs_can_be_asked_for_a_profile(common_room):
    job = common_room.launch(sleep=2)
    common_room.until_running(job)

    name = jobs.ask_profile(job.id, steps=3)

    request = json.loads((job.run_dir / "profile.request").read_text())
    assert request == {"id": name, "steps": 3, "with_stack": False}
    jobs.wait(job.id, 20)
    with pytest.raises(BadInput, match="no training that runs now"):
        jobs.ask_profile(job.id)


def test_a_job_that_has_no_checkpoint_cannot_be_resumed(common_room):
    job = jobs.wait(common_room.launch().id, 20)

    with pytest.raises(BadInput, match="no checkpoint"):
        common_room.launch(asked={"parent": job.id, "resume": True})
    (job.run_dir / "checkpoints").mkdir()
    (job.run_dir / "checkpoints" / "last.pt").touch()
    again = common_room.launch(asked={"parent": job.id, "resume": True})
    record = json.loads((jobs.wait(again.id, 20).run_dir / "job.json").read_text())
    assert record["resume_from"] == str(job.run_dir / "checkpoints" / "last.pt")
