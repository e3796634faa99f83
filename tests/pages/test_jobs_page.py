"""The Jobs page: resources, sweeps, the filtered queue, what a job died of, notes, log, files."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import jobs
from core.jobs import daemon
from core.jobs.store import open_store

PAGE = "pages/jobs.py"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is queued stays queued."""
    monkeypatch.setattr(daemon, "_start", lambda *_: None)


def launched(state: str = "queued", error: str = "", **more) -> jobs.Job:
    job = jobs.launch(jobs.make_spec("train", "digits", {"epochs": 1}, "cpu", **more))
    with open_store() as store:
        if state != "queued":
            store.change(job.id, state, allowed=("queued",), ended=time.time(), error=error)
    (job.run_dir / "log.txt").write_text("one apple\ntwo pears\nred apple\n")
    return jobs.get(job.id)


@pytest.fixture
def page() -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.run()
    app.switch_page(PAGE)
    return app


def text_of(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error, *app.code]
    return "\n".join(str(part.value) for part in parts)


def test_why_a_job_waits_and_what_one_died_of_are_said(page: AppTest) -> None:
    failed = launched("failed", "torch.OutOfMemoryError: CUDA out of memory")
    page.run()
    assert not page.exception
    assert "The GPU's memory was full" in text_of(page)

    waiting = launched()
    with open_store() as store:
        store.note(waiting.id, waiting="1 of 2 GPUs needed: 2 taken by jobs")
    page.run()
    page.selectbox(key="job").set_value(waiting.id)
    page.run()
    assert "It waits: 1 of 2 GPUs needed" in text_of(page)
    assert failed.id in page.selectbox(key="job").options


def test_the_queue_is_filtered_by_words_and_states(page: AppTest) -> None:
    launched("failed", "boom", note="first try")
    launched("succeeded", note="second try")
    page.run()
    assert len(page.dataframe[0].value) == 2

    page.text_input(key="find").set_value("SECOND")
    page.run()
    assert len(page.dataframe[0].value) == 1
    page.text_input(key="find").set_value("nothing of the kind")
    page.run()
    assert "No job matches." in text_of(page)


def test_the_log_is_searched(page: AppTest) -> None:
    job = launched("succeeded")
    page.run()
    page.text_input(key=f"log.{job.id}").set_value("APPLE")
    page.run()

    assert page.code[0].value == "one apple\nred apple"


def test_a_note_is_kept(page: AppTest) -> None:
    job = launched("succeeded")
    page.run()
    page.text_input(key=f"note.{job.id}").set_value("best so far")
    page.run()

    assert jobs.get(job.id).note == "best so far"


def test_a_sweep_is_counted_before_it_is_launched(page: AppTest) -> None:
    page.run()
    page.text_area(key="sweep.values").set_value("lr = 0.1, 0.01\ndropout = 0, 0.5, 0.7")
    page.run()

    assert "Launch 6 jobs" in [button.label for button in page.button]
    page.text_area(key="sweep.values").set_value("nonsense")
    page.run()
    assert "lines of name = values" in text_of(page)
