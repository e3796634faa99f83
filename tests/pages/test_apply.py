"""From a finding, an advice or a tuning to the launch: a copy with one change, and its promise."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import jobs
from core.jobs import daemon
from core.jobs.store import open_store
from core.traces import SimulatorSettings, simulate
from core.ui import data
from core.ui.format import number

ROOT = Path(__file__).parents[2]

OWN = """
from core.workloads.base import Workload
from core.workloads.params import CommonParams


class Params(CommonParams):
    depth: int = 3


class Mine(Workload):
    name, title, description = "mine", "Mine", "Never run here."
    Params = Params


workload = Mine()
"""


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is queued stays queued, and no list of runs is left from the test before."""
    monkeypatch.setattr(daemon, "_start", lambda *_: None)
    data.forget_runs()
    yield
    st.cache_data.clear()


def _ended(kind: str, workload: str = "photos", params: dict | None = None, **more) -> jobs.Job:
    job = jobs.launch(jobs.make_spec(kind, workload, params or {}, "cpu", **more))
    with open_store() as store:
        store.change(job.id, "succeeded", allowed=("queued",), ended=time.time())
    return jobs.get(job.id)


def _traced(job: jobs.Job, **settings: Any) -> jobs.Job:
    (job.run_dir / "trace").mkdir()
    content = simulate(SimulatorSettings(kernels=60, **settings))
    (job.run_dir / "trace" / "x.pt.trace.json").write_text(json.dumps(content))
    data.forget_runs()
    return job


def _open(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=90)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception, app.exception[0].value
    return app


def _press(app: AppTest, label: str) -> None:
    # The harness opens every run of a page cold, and the guard's rerun would lose the press.
    app.session_state["_routed_by_entry_point"] = True
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception, app.exception[0].value


def _try(app: AppTest, label: str) -> None:
    """Press what opens the launch form."""
    _press(app, label)
    app.switch_page("pages/jobs.py")
    app.run()
    assert not app.exception, app.exception[0].value
    assert app.title[0].value == "Jobs"


def _launched(app: AppTest, before: jobs.Job) -> tuple[jobs.Job, dict]:
    """Press Launch; the new job and its ``job.json``."""
    _press(app, "Launch")
    assert not app.error
    newest = jobs.list_jobs()[0]
    assert newest.id != before.id
    return newest, jobs.record(newest)


@pytest.mark.parametrize("own", [False, True])
def test_a_finding_is_tried_in_a_copy_that_knows_its_parent_and_the_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    workload, more = "photos", {"batch_size": 16}
    if own:
        (tmp_path / "own_apply.py").write_text(OWN)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setenv("GPULSE_WORKLOADS", "own_apply:workload")
        workload, more = "own_apply:workload", {"batch_size": 16, "depth": 5}
    needs = {"time_limit_s": 600}
    job = _traced(_ended("profile", workload, more, needs=needs, family="f1"), data_ms=60.0)
    app = _open("bottlenecks", run=job.id)
    card = next(line.value for line in app.caption if "times as fast" in line.value)
    _try(app, "Try this fix")
    told = next(info.value for info in app.info if "Predicted" in info.value).replace("\\", "")
    assert f"A copy of {job.id} with num_workers = 2" in told
    assert app.number_input(key=f"param.profile.{workload}.num_workers").value == 2
    child, record = _launched(app, job)
    assert (child.kind, child.workload, child.parent) == ("profile", workload, job.id)
    assert child.params == {**job.params, "num_workers": 2}
    assert (child.family, child.device, child.needs.time_limit_s) == ("f1", "cpu", 600)
    promise = record["promise"]
    assert (promise["rules"], promise["base"]) == (["D1"], job.id)
    assert promise["changes"] == {"num_workers": 2}
    assert f"{promise['low']:.2f} to {promise['high']:.2f}" in told
    assert f"{number(promise['expected'])} times as fast" in card
    assert len(promise["before_ms"]) >= 2
    assert promise["source"] == "x.pt.trace.json"


def test_a_promise_is_dropped_with_the_change_it_was_about() -> None:
    job = _traced(_ended("profile"), data_ms=60.0)
    app = _open("bottlenecks", run=job.id)
    _try(app, "Try this fix")
    app.number_input(key="param.profile.photos.num_workers").set_value(1).run()
    child, record = _launched(app, job)
    assert child.parent == job.id
    assert "promise" not in record


def test_another_workload_is_no_child_of_what_was_cloned() -> None:
    job = _traced(_ended("profile"), data_ms=60.0)
    app = _open("bottlenecks", run=job.id)
    _try(app, "Try this fix")
    app.selectbox(key="workload").set_value("digits").run()
    child, record = _launched(app, job)
    assert (child.workload, child.parent) == ("digits", None)
    assert "promise" not in record


def test_what_no_parameter_does_is_said_and_can_be_run_again() -> None:
    # Waits in every step, and copies that hold the host up, of a job that asks for neither.
    job = _ended("profile", "digits", {"num_workers": 2})
    _traced(job, data_ms=2.0, sync_every_step=True)
    app = _open("bottlenecks", run=job.id)
    words = "\n".join(caption.value for caption in app.caption).replace("\\", "")
    assert "This job has sync_every_step = False already" in words
    assert "core.workloads.digits:workload" in words
    _try(app, "Run it again, changed")
    child, record = _launched(app, job)
    assert child.params == job.params
    assert (child.parent, record["promise"]["changes"]) == (job.id, {})


def test_a_closer_look_is_no_fix_and_promises_nothing() -> None:
    job = _traced(_ended("profile", params={"num_workers": 2}), data_ms=0.0, python_ms=20.0)
    app = _open("bottlenecks", run=job.id)
    assert "Try this fix" not in [button.label for button in app.button]
    _try(app, "Profile it with Python stacks")
    child, record = _launched(app, job)
    assert (child.parent, child.params["with_stack"]) == (job.id, True)
    assert "promise" not in record


def test_an_advice_is_tried_in_a_copy_and_promises_no_speed(
    write_losses: Callable[..., Path], overfitting: tuple[list[float], list[float]]
) -> None:
    job = _ended("train", "digits")
    write_losses(job.run_dir, *overfitting)
    data.forget_runs()
    app = _open("dynamics", run=job.id)
    _try(app, "Relaunch with this")
    child, record = _launched(app, job)
    assert (child.parent, child.params["early_stop"]) == (job.id, "auto")
    promise = record["promise"]
    assert (promise["title"], promise["low"]) == ("Stop early", None)
    assert promise["changes"] == {"early_stop": "auto"}


def test_the_child_of_a_sweep_joins_its_family() -> None:
    sweep = jobs.launch_family(jobs.make_spec("train", "digits", {}, "cpu"), [{"lr": "0.1"}])
    child = jobs.launch(jobs.make_spec("train", "digits", {}, "cpu", sweep[0].id))
    assert child.family == sweep[0].family != ""
