"""Alerts on the pages: a toast once a session where the run is in sight, a list of all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import jobs
from core.jobs.model import describe
from core.jobs.store import open_store
from core.ui import data

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_supervisor(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Jobs here are rows of the store; a supervisor would find that nothing runs."""
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda: False)
    data.forget_runs()
    yield
    st.cache_data.clear()


@pytest.fixture
def job(tmp_path: Path, write_losses: Callable[..., Path]) -> jobs.Job:
    """A running job whose verdict turned once."""
    folder = tmp_path / "runs" / "digits-train-1"
    write_losses(folder, [1.0, 0.5], [1.0, 0.6])
    spec = jobs.make_spec("train", "digits", {})
    made = jobs.Job(id=folder.name, kind="train", workload="digits", params=dict(spec.params),
                    device="cpu", parent=None, state="queued", run_dir=folder,
                    created=time.time())  # fmt: skip
    (folder / "job.json").write_text(json.dumps({**describe(made), "states": []}))
    with open_store() as store:
        store.insert(made)
        store.change(made.id, "starting", allowed=("queued",), started=time.time())
        store.change(made.id, "running", allowed=("starting",))
    alert(made, 12, "overfitting", "it *rose* by <b>9 %</b>")
    return made


def alert(job: jobs.Job, step: int, verdict: str, reason: str, kind: str = "verdict") -> None:
    line = {"time": time.time(), "step": step, "kind": kind, "before": "", "verdict": verdict,
            "reason": reason}  # fmt: skip
    with (job.run_dir / "alerts.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def end(job: jobs.Job) -> None:
    with open_store() as store:
        store.change(job.id, "succeeded", allowed=("running",), ended=time.time(), exit_code=0)


def opened(page: str, job: jobs.Job) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["run"] = job.id
    app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception, app.exception[0].value
    return app


def toasts(app: AppTest) -> list[str]:
    return [str(toast.value) for toast in app.toast]


@pytest.mark.parametrize("page", ["runs", "dynamics", "jobs"])
def test_a_turn_is_a_toast_once_a_session_wherever_the_run_is_in_sight(page, job):
    app = opened(page, job)
    (said,) = toasts(app)
    assert "Overfitting at epoch 12" in said
    assert job.id.replace("-", "") in said.replace("\\", "").replace("-", "")
    assert "\\*rose\\*" in said
    assert "<b>" not in said.replace("\\<", "")
    app.run()
    assert toasts(app) == []
    assert len(toasts(opened(page, job))) == 1


def test_what_comes_later_and_with_the_end_is_shown_too(job):
    app = opened("dynamics", job)
    alert(job, 15, "overfitting", "it rose on", "stopped")
    end(job)
    app.run()
    (said,) = toasts(app)
    assert "Stopped at epoch 15" in said
    app.run()
    assert toasts(app) == []


def test_a_job_that_is_over_makes_no_toast(job):
    end(job)
    assert toasts(opened("dynamics", job)) == []


def test_of_many_the_latest_are_shown(job):
    for step in range(20, 30):
        alert(job, step, "optimal", "better")
    assert len(toasts(opened("dynamics", job))) == 3


def test_the_jobs_page_lists_the_history_of_any_job(job):
    alert(job, 15, "made-up :red[name]", "why")
    end(job)
    app = opened("jobs", job)
    words = "\n".join(element.value for element in app.markdown)
    assert words.index("Overfitting at epoch 12") > words.index("at epoch 15")
    assert ":red[name]" not in words
    assert any(expander.label == "Alerts (2)" for expander in app.expander)
