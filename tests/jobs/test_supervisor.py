"""The supervisor's decisions, with an engine that says what the test wants it to see."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import pytest

from core import jobs
from core.jobs.engines import Attempt, Node, Seen
from core.jobs.store import Store, open_store
from core.jobs.supervisor import Supervisor


class Stage:
    """An engine that shows every attempt the same."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.calls: list[str] = []

    def argv(self, attempt: Attempt) -> list[str]:
        return ["program", attempt.kind]

    name = "stage"
    queues = False

    def resources(self) -> list[Node]:
        return [Node("here", 4, 0, ())]

    def submit(self, attempt: Attempt) -> str:
        # Once it is submitted the job process owns job.json: all must be on record before.
        record = json.loads((attempt.run_dir / "job.json").read_text())
        self.calls.append(f"submit when {record['states'][-1]['state']}")
        return "native"

    def poll(self, attempts: Sequence[Attempt]) -> dict[str, Seen]:
        return {attempt.key: self.seen for attempt in attempts}

    def read_log(self, attempt: Attempt, offset: int = 0, limit: int = 0) -> tuple[bytes, int]:
        return b"", offset

    def cancel(self, attempt: Attempt) -> None:
        self.calls.append("cancel")

    def forget(self, key: str) -> None:
        self.calls.append(f"forget {key}")

    def known(self) -> list[str]:
        return ["a", "long gone"]


def add(store: Store, folders, state: str = "queued") -> None:
    run_dir = folders.runs / "a"
    run_dir.mkdir(parents=True, exist_ok=True)
    store.insert(jobs.Job("a", "train", "digits", {}, "cpu", None, state, run_dir, time.time()))


@pytest.mark.parametrize(
    ("seen", "cancel", "state", "code", "error"),
    [
        (Seen("ended", 7, 0, ended=1e12), False, "succeeded", 0, ""),
        (Seen("ended", 7, 1, ended=1e12), False, "failed", 1, "boom"),
        (Seen("ended", 7, 0, ended=1.0), True, "succeeded", 0, ""),
        (Seen("ended", 7, -15, ended=1e12), True, "cancelled", -15, ""),
        (Seen("vanished", 7), True, "cancelled", None, ""),
        (Seen("absent"), True, "cancelled", None, ""),
        (Seen("refused"), False, "failed", None, "could not be started: boom"),
    ],
)
def test_what_is_seen_decides_the_final_state(folders, seen, cancel, state, code, error):
    with open_store() as store:
        add(store, folders, "starting")
        (folders.runs / "a" / "log.txt").write_text("boom\n")
        if cancel:
            store.request_cancel("a")
        stage = Stage(seen)
        Supervisor(store, stage, 1).step()
        job = store.get("a")

    assert (job.state, job.exit_code, job.error) == (state, code, error)
    assert stage.calls == ["forget a"]


def test_an_attempt_that_never_began_is_submitted_again_after_its_record(folders):
    with open_store() as store:
        add(store, folders)
        stage = Stage(Seen("absent"))
        Supervisor(store, stage, 1).step()
        Supervisor(store, stage, 1).step()

    assert stage.calls == ["submit when starting"] * 2


def test_job_json_is_left_to_the_job_process_until_its_first_progress(folders):
    with open_store() as store:
        add(store, folders)
        supervisor = Supervisor(store, Stage(Seen("alive", 7)), 1)
        supervisor.step()
        record = folders.runs / "a" / "job.json"
        record.write_text('{"device_used": "cpu"}')
        supervisor.step()
        assert record.read_text() == '{"device_used": "cpu"}'

        (folders.runs / "a" / "progress.json").write_text("{}")
        supervisor.step()

        content = json.loads(record.read_text())
        assert content["device_used"] == "cpu"
        assert content["states"][-1]["state"] == "running"
        assert store.get("a").pid == 7


def test_what_is_kept_about_jobs_that_are_over_is_dropped(folders):
    with open_store() as store:
        add(store, folders, "running")
        stage = Stage(Seen("alive"))
        Supervisor(store, stage, 1).clean()

    assert stage.calls == ["forget long gone"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"done": "x"}', '{"done": 1e999, "total": 1}'])
def test_progress_that_cannot_be_read_is_none(folders, text):
    with open_store() as store:
        add(store, folders)
    (folders.runs / "a" / "progress.json").write_text(text)

    assert jobs.progress(jobs.get("a")) is None


def test_an_unknown_time_left_stays_unknown(folders):
    with open_store() as store:
        add(store, folders)
    report = {"done": 1, "total": 0, "started": 1, "updated": 2, "eta_s": None}
    for eta in (None, float("nan")):
        (folders.runs / "a" / "progress.json").write_text(json.dumps({**report, "eta_s": eta}))
        progress = jobs.progress(jobs.get("a"))
        assert progress is not None
        assert (progress.eta_s, progress.eta_now_s, progress.fraction) == (None, None, 0.0)
