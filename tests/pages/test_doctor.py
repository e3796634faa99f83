"""The script doctor on the bottlenecks page: found by stacks, typed, uploaded; joined; refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.traces import SimulatorSettings, simulate
from core.ui import data

ROOT = Path(__file__).parents[2]
SCRIPT = """import torch

model = torch.nn.Linear(2, 2).cuda()
optimizer = torch.optim.SGD(model.parameters(), 0.1)


# The step.
def train(loader):
    total = 0
    for x, y in loader:
        loss = (model(x.cuda()) - y.cuda()).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()


train(make())
"""


@pytest.fixture(autouse=True)
def cold_caches() -> Iterator[None]:
    data.forget_runs()
    yield
    st.cache_data.clear()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with a trace whose stacks name ``proj/train.py(8): train``."""
    content = simulate(
        SimulatorSettings(sync_every_step=True, data_ms=0.0, kernels=60, python_ms=3.0)
    )
    steps = [e for e in content["traceEvents"] if e["name"].startswith("ProfilerStep#")]
    frame = {"name": "proj/train.py(8): train", "cat": "python_function"}
    content["traceEvents"] += [{**step, **frame} for step in steps]
    folder = tmp_path / "runs" / "net"
    folder.mkdir(parents=True)
    (folder / "net.pt.trace.json").write_text(json.dumps(content))
    return folder


def _open(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for name, value in {"run": "net", **query}.items():
        app.query_params[name] = value
    app.switch_page("pages/bottlenecks.py")
    app.run()
    assert not app.exception, app.exception[0].value
    return app


def _words(app: AppTest) -> str:
    kinds = (app.markdown, app.warning, app.error, app.success, app.caption)
    words = "\n".join(str(element.value) for kind in kinds for element in kind)
    words += "\n".join(expander.label for expander in app.expander)
    return words.replace("\\", "")


def _diffs(app: AppTest) -> list[str]:
    return [str(code.value) for code in app.code if code.language == "diff"]


def test_without_a_script_the_panel_asks_for_one(run: Path) -> None:
    app = _open()
    assert "agrees" not in _words(app)
    assert "Script doctor" in [expander.label for expander in app.expander]
    assert not app.warning


def test_a_script_that_the_stacks_name_is_joined_with_the_finding(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "proj"
    project.mkdir()
    (project / "train.py").write_text(SCRIPT)
    assert "agrees" not in _words(_open())
    monkeypatch.setenv("GPULSE_SCRIPTS", str(project))
    app = _open()
    words = _words(app)
    assert "The script doctor agrees: proj/train.py:15, sync-item" in words
    assert "Measured in this trace: The host waits for the device in every step" in words
    assert "Script doctor (1)" in [expander.label for expander in app.expander]
    assert len(_diffs(app)) == 1
    app.toggle(key="doctor.diffs").set_value(True).run()
    assert len(_diffs(app)) == 2
    assert "+        total += loss.detach()" in _diffs(app)[0]


def test_a_typed_path_below_the_run_is_read_and_another_one_refused(
    run: Path, tmp_path: Path
) -> None:
    (run / "code" / "proj").mkdir(parents=True)
    (run / "code" / "proj" / "train.py").write_text(SCRIPT)
    (tmp_path / "secret.py").write_text(SCRIPT)
    app = _open()
    app.text_input(key="script").set_value("code/proj/train.py").run()
    assert "The script doctor agrees: code/proj/train.py:15, sync-item" in _words(app)
    app.text_input(key="script").set_value(str(tmp_path / "secret.py")).run()
    assert "agrees" not in _words(app)
    assert len(app.warning) == 1
    assert "secret.py" in _words(_open(script="../../secret.py"))


def test_an_upload_is_read_and_a_broken_one_is_one_line(run: Path) -> None:
    app = _open()
    app.file_uploader(key="script.upload").set_value(("train.py", SCRIPT.encode(), "text/x-python"))
    app.run()
    assert "The script doctor agrees: train.py:15, sync-item" in _words(app)
    app.file_uploader(key="script.upload").set_value(("train.py", b"print 1", "text/x-python"))
    app.run()
    assert len(app.warning) == 1
    assert "not Python 3" in app.warning[0].value
    assert not app.exception


def test_code_of_a_script_is_not_markup(run: Path) -> None:
    odd = SCRIPT.replace("loss.item()", 'loss.item() or "**b** [x](http://evil) `q` :red[a]"')
    (run / "train.py").write_text(odd)
    app = _open(script="train.py")
    shown = [m.value for m in app.markdown if "loss.item" in m.value]
    assert shown
    assert all(value.count("``") % 2 == 0 for value in shown)
    assert all("[x](http" not in value.split("``")[0] for value in shown)


def test_the_source_of_an_allowed_workload_is_found_without_importing_it(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "code" / "proj"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "train.py").write_text(SCRIPT)
    monkeypatch.syspath_prepend(package.parent)
    assert "agrees" not in _words(_open())
    monkeypatch.setenv("GPULSE_WORKLOADS", "proj.train:workload")
    assert "The script doctor agrees: proj/train.py:15, sync-item" in _words(_open())
