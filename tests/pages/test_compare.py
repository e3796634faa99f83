"""Comparing on the bottlenecks page: preselection, direction, findings, report."""

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


@pytest.fixture(autouse=True)
def cold_caches() -> Iterator[None]:
    data.forget_runs()
    yield
    st.cache_data.clear()


@pytest.fixture
def family(tmp_path: Path) -> Path:
    """A job without workers, its relaunch with four, and a stranger."""
    runs = tmp_path / "runs"
    for name, workers, parent in (("old", 0, None), ("new", 4, "old"), ("other", 2, None)):
        folder = runs / name / "trace"
        folder.mkdir(parents=True)
        settings = SimulatorSettings(data_ms=60.0, kernels=60, workers=workers)
        (folder / "x.pt.trace.json").write_text(json.dumps(simulate(settings)))
        job = {"id": name, "kind": "profile", "workload": "photos", "parent": parent, "params": {}}
        if name != "other":
            (runs / name / "job.json").write_text(json.dumps(job))
    return runs


def _open(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page("pages/bottlenecks.py")
    app.run()
    assert not app.exception, app.exception[0].value
    return app


def _words(app: AppTest) -> str:
    kinds = (app.markdown, app.info, app.error, app.success, app.caption)
    words = "\n".join(str(element.value) for kind in kinds for element in kind)
    return words.replace("\\", "")


def test_a_relaunched_job_is_compared_with_its_parent(family: Path) -> None:
    app = _open(run="new", profile="Compare")
    assert app.selectbox(key="other").value == "old"
    shown = {metric.label: metric for metric in app.metric}
    assert float(shown["Speed-up"].value.rstrip("×")) > 2
    assert shown["Mean step"].delta.startswith("-")
    words = _words(app)
    assert "resolved] **The DataLoader works in the training process" in words
    assert "Predicted" in words
    assert "A (before): old/x.pt.trace.json" in words


def test_swapped_the_same_change_is_a_loss(family: Path) -> None:
    app = _open(run="new", profile="Compare")
    app.toggle(key="swap").set_value(True).run()
    assert app.error[0].value.replace("\\", "").startswith("B is slower")
    assert "new] **The DataLoader works in the training process" in _words(app)


def test_without_a_parent_nothing_is_chosen_and_the_page_says_what_to_do(family: Path) -> None:
    app = _open(run="other", profile="Compare")
    assert app.selectbox(key="other").value is None
    assert sorted(app.selectbox(key="other").options) == ["new", "old"]
    assert "Choose the trace from before the change" in _words(app)
    app.selectbox(key="other").set_value("old").run()
    assert "A (before): old/x.pt.trace.json" in _words(app)


def test_a_link_names_the_other_trace(family: Path) -> None:
    app = _open(run="new", profile="Compare", other="other")
    assert app.selectbox(key="other").value == "other"


@pytest.mark.parametrize("other", ["gone", "../../etc/passwd", "new"])
def test_a_bad_other_in_the_link_chooses_nothing(family: Path, other: str) -> None:
    app = _open(run="new", profile="Compare", other=other)
    assert app.selectbox(key="other").value in (None, "old")
    assert not app.error


def test_a_run_without_a_trace_or_company_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "lone"
    folder.mkdir(parents=True)
    (folder / "x.pt.trace.json").write_text(json.dumps(simulate(SimulatorSettings(kernels=60))))
    assert "There is no second trace yet" in _words(_open(run="lone", profile="Compare"))


def test_the_report_stands_under_the_verdict(family: Path) -> None:
    buttons = [b.proto.label for b in _open(run="new").get("download_button")]  # type: ignore[union-attr]
    assert "Download report" in buttons
