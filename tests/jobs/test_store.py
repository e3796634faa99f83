"""The store: one truth, compare and set, one-line errors."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from core import jobs
from core.errors import BadInput, GpulseError, NotFound, Unreadable
from core.jobs.model import Needs
from core.jobs.store import FILE_NAME, open_store


def make(folders, name: str, created: float = 1.0) -> jobs.Job:
    return jobs.Job(
        name, "train", "digits", {"lr": 0.1}, "cpu", None, "queued", folders.runs / name, created
    )


def test_a_job_comes_back_as_it_was_stored(folders):
    job = make(folders, "a")
    with open_store() as store:
        store.insert(job)
        assert store.get("a") == job
        assert store.history("a") == [{"state": "queued", "time": 1.0}]


def test_jobs_are_listed_newest_first_and_cut(folders):
    with open_store() as store:
        for number in range(5):
            store.insert(make(folders, f"j{number}", created=float(number)))

    assert [job.id for job in jobs.list_jobs(limit=3)] == ["j4", "j3", "j2"]


def test_a_state_is_left_only_from_the_states_that_are_allowed(folders):
    with open_store() as store:
        store.insert(make(folders, "a"))

        assert store.change("a", "starting", allowed=("queued",), started=2.0)
        assert not store.change("a", "starting", allowed=("queued",), started=3.0)
        assert store.change("a", "failed", allowed=("starting",), exit_code=0, error="no")

        job = store.get("a")
        assert (job.state, job.started, job.exit_code, job.error) == ("failed", 2.0, 0, "no")
        assert [change["state"] for change in store.history("a")] == [
            "queued",
            "starting",
            "failed",
        ]


def test_of_many_who_change_a_state_at_once_one_does(folders):
    with open_store() as store:
        store.insert(make(folders, "a"))

    def claim(_: int) -> bool:
        with open_store() as store:
            return store.change("a", "starting", allowed=("queued",))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(16))) == 1


def test_many_may_make_the_store_at_once(folders):
    def add(number: int) -> None:
        with open_store() as store:
            store.insert(make(folders, f"j{number}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(16)))
    assert len(jobs.list_jobs()) == 16


def test_an_export_is_not_ticked_off_for_a_state_that_came_later(folders):
    with open_store() as store:
        store.insert(make(folders, "a"))
        assert store.to_export() == []
        store.change("a", "starting", allowed=("queued",))
        (behind,) = store.to_export()
        store.change("a", "running", allowed=("starting",))

        store.set_exported(behind)
        assert [job.state for job in store.to_export()] == ["running"]
        store.set_exported(store.get("a"))
        assert store.to_export() == []


def test_a_cancel_request_keeps_its_first_time(folders):
    with open_store() as store:
        store.insert(make(folders, "a"))
        store.change("a", "starting", allowed=("queued",))
        store.request_cancel("a")
        first = store.get("a").cancel_at
        time.sleep(0.01)
        store.request_cancel("a")
        assert store.get("a").cancel_at == first
        assert store.get("a").state == "starting"


@pytest.mark.parametrize("name", ["nope", "../../etc/passwd", "a\0b", "'; DROP TABLE job; --", ""])
def test_an_id_that_is_not_there_is_one_line(folders, name):
    with pytest.raises(NotFound) as caught:
        jobs.get(name)
    assert "\n" not in str(caught.value)
    with pytest.raises(NotFound):
        jobs.stop(name)


def test_a_file_that_is_no_store_is_one_line_that_names_it(folders):
    folders.state.mkdir()
    (folders.state / FILE_NAME).write_bytes(b"this is not a database" * 100)

    for call in (jobs.list_jobs, lambda: jobs.get("a"), folders.launch):
        with pytest.raises(Unreadable, match=r"jobs\.db is not a job store .*GPULSE_STATE_DIR"):
            call()
    assert list(folders.runs.glob("*")) == []


def test_a_store_damaged_inside_is_one_line(folders):
    with open_store() as store:
        for number in range(40):
            store.insert(make(folders, f"j{number}", created=float(number)))
    path = folders.state / FILE_NAME
    content = bytearray(path.read_bytes())
    content[4096 * 2 :] = b"\xff" * (len(content) - 4096 * 2)
    path.write_bytes(content)

    with pytest.raises(BadInput) as caught:
        jobs.list_jobs()
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "statement", ["PRAGMA user_version = 99", "CREATE TABLE songs (name TEXT)"]
)
def test_a_database_of_another_program_or_version_is_left_alone(folders, statement):
    folders.state.mkdir()
    connection = sqlite3.connect(folders.state / FILE_NAME)
    connection.execute(statement)
    connection.close()
    before = (folders.state / FILE_NAME).read_bytes()

    with pytest.raises(Unreadable):
        jobs.list_jobs()
    assert (folders.state / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize("variable", ["GPULSE_STATE_DIR", "GPULSE_RUNS_DIR"])
def test_a_folder_that_cannot_be_written_is_one_line_that_names_the_variable(
    folders, tmp_path, monkeypatch, variable
):
    (tmp_path / "file").write_text("a file, so no folder can be made below it")
    monkeypatch.setenv(variable, str(tmp_path / "file" / "below"))

    with pytest.raises(BadInput, match=rf"cannot be written .*Set {variable}") as caught:
        folders.launch()
    assert "\n" not in str(caught.value)
    assert not folders.runs.exists()


def test_a_busy_store_is_one_line(folders, monkeypatch):
    monkeypatch.setattr("core.jobs.store._BUSY_S", 0.05)
    with open_store() as store:
        store.insert(make(folders, "a"))
    rival = sqlite3.connect(folders.state / FILE_NAME, isolation_level=None)
    rival.execute("BEGIN IMMEDIATE")

    with pytest.raises(GpulseError, match="busy"), open_store() as store:
        store.change("a", "starting", allowed=("queued",))
    rival.close()


def test_a_store_of_the_first_version_is_brought_up_to_date(folders):
    folders.state.mkdir(parents=True)
    with sqlite3.connect(folders.state / FILE_NAME) as old:
        old.executescript(
            """
            CREATE TABLE job (id TEXT PRIMARY KEY, kind TEXT, workload TEXT, params TEXT,
                device TEXT, parent TEXT, run_dir TEXT, git_sha TEXT, created REAL, started REAL,
                ended REAL, cancel_at REAL, state TEXT, exit_code INTEGER, error TEXT DEFAULT '',
                pid INTEGER, exported INTEGER DEFAULT 1);
            CREATE INDEX job_by_state ON job (state, created);
            CREATE INDEX job_by_time ON job (created);
            CREATE INDEX job_to_export ON job (exported) WHERE exported = 0;
            CREATE TABLE change (job_id TEXT, state TEXT, time REAL);
            CREATE INDEX change_by_job ON change (job_id);
            INSERT INTO job (id, kind, workload, params, device, run_dir, created, state,
                exit_code) VALUES ('a', 'train', 'digits', '{"lr": 0.1}', 'cpu', '/r', 1.0,
                'failed', 3);
            PRAGMA user_version = 1;
            """
        )

    [job] = jobs.list_jobs()

    assert (job.id, job.params, job.exit_code, job.needs) == ("a", {"lr": 0.1}, 3, Needs())
    with open_store() as store:
        store.insert(make(folders, "b", created=2.0))
        assert store.change("b", "timed-out", allowed=("queued",))


def test_a_lost_job_is_queued_again_as_its_next_attempt(folders):
    with open_store() as store:
        store.insert(make(folders, "a"))
        store.change("a", "running", allowed=("queued",), started=2.0)
        store.note("a", pid=7, native="x", gpu_ids="0")

        assert store.again("a", allowed=("running",))
        assert not store.again("a", allowed=("running",))

        job = store.get("a")
    assert (job.state, job.attempt, job.key, job.pid, job.gpu_ids) == ("queued", 2, "a.2", None, "")
