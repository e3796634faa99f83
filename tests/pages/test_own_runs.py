"""Runs that another program writes: how to make one, whether it goes on, what its steps are."""

from __future__ import annotations

import ast
import json
import os
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import runs
from core.ui import data

ROOT = Path(__file__).parents[2]


def _open(page: str = "start", **query: str) -> AppTest:
    data.forget_runs()
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    if page != "start":
        app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception, app.exception[0].value
    return app


def _state(app: AppTest) -> str:
    return str(app.dataframe[0].value["State"].iloc[0])


def test_the_start_page_gives_the_lines_for_a_script_with_its_own_folder(tmp_path: Path) -> None:
    app = _open()
    (own,) = [each for each in app.expander if each.label == "Watch your own script"]
    code, command = (each.value for each in own.code)
    calls = {ast.unparse(node) for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)}
    assert f"watch({str(tmp_path / 'runs' / 'my-run')!r})" in calls
    assert command == f"PYTHONPATH={ROOT} python train.py"


def test_a_run_is_being_written_until_it_says_that_it_ended_or_rests(
    tmp_path: Path, write_losses, overfitting
) -> None:
    folder = write_losses(tmp_path / "runs" / "net", *overfitting)
    assert _state(_open()) == "being written"
    (folder / "job.json").write_text(json.dumps({"kind": "watch"}))
    assert _state(_open()) == "being written"
    (folder / "job.json").write_text(json.dumps({"kind": "watch", "ended": time.time()}))
    assert _state(_open()) == "log folder"
    (folder / "job.json").unlink()
    past = time.time() - data.FRESH_S - 1
    for file in folder.iterdir():
        os.utime(file, (past, past))
    assert _state(_open()) == "log folder"


@pytest.mark.parametrize(("unit", "word"), [("epoch", "Epoch"), ("step", "Step")])
def test_steps_are_called_what_the_run_says_they_are(
    tmp_path: Path, write_losses, overfitting, unit: str, word: str
) -> None:
    folder = write_losses(tmp_path / "runs" / "net", *overfitting)
    (folder / "job.json").write_text(json.dumps({"kind": "watch", "unit": unit}))
    app = _open("dynamics", run="net")
    assert word in {metric.label for metric in app.metric}


def test_a_run_without_losses_so_far_says_so_while_it_is_written(
    tmp_path: Path, write_scalars
) -> None:
    folder = write_scalars(tmp_path / "runs" / "net", {"Speed/step_ms": [10.0]})
    (error,) = _open("dynamics", run="net").error
    assert "so far" in error.value
    (folder / "job.json").write_text(json.dumps({"ended": 1.0}))
    (error,) = _open("dynamics", run="net").error
    assert "so far" not in error.value


def test_the_strip_shows_the_last_step_time_of_a_run_that_goes_on(
    tmp_path: Path, write_scalars
) -> None:
    write_scalars(tmp_path / "runs" / "net", {"Speed/step_ms": [10.0, 12.0]})
    app = _open("dynamics", run="net")
    assert {metric.label: metric.value for metric in app.metric}["Step time"] == "12 ms"
    assert data.is_writing(runs.find("net", [tmp_path / "runs"]))
