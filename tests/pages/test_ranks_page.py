"""The bottlenecks page of a job of many ranks: the job first, then the rank that was chosen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.traces import SimulatorSettings, simulate
from core.traces.ranks.simulator import JobSettings, simulate_job
from core.ui import data

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def cold_caches() -> Iterator[None]:
    """Caches are keyed by content, but the list of runs lives for some seconds."""
    data.forget_runs()
    yield
    st.cache_data.clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of four ranks, of which the third has slow data."""
    place = tmp_path / "runs" / "net"
    place.mkdir(parents=True)
    plan = JobSettings(ranks=4, slow_rank=2, slow_data_ms=4.0)
    for rank, content in enumerate(simulate_job(plan)):
        (place / f"rank{rank}.pt.trace.json").write_text(json.dumps(content))
    return place


def _open(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page("pages/bottlenecks.py")
    app.run()
    assert not app.exception, app.exception[0].value
    return app


def _words(app: AppTest) -> str:
    kinds = (app.markdown, app.info, app.error, app.warning, app.success, app.caption)
    found = "\n".join(str(element.value) for kind in kinds for element in kind)
    return found.replace("\\", "")


def test_the_job_comes_first_and_its_straggler_is_opened(folder: Path) -> None:
    app = _open(run="net")
    assert "The job: 4 of 4 ranks" in [header.value for header in app.subheader]
    assert "Rank 2 arrives last in 100 % of collectives" in app.error[0].value.replace("\\", "")
    assert app.selectbox(key="trace").value == "rank2.pt.trace.json"
    assert "Rank 2 holds the other ranks up" in _words(app)
    table = app.dataframe[0].value
    assert table["Rank"].tolist()[0] == 2
    assert len(table) == 4


def test_a_rank_in_the_url_is_opened_and_has_its_own_findings(folder: Path) -> None:
    app = _open(run="net", trace="rank1.pt.trace.json")
    assert app.selectbox(key="trace").value == "rank1.pt.trace.json"
    words = _words(app)
    assert "Rank 2 arrives last" in words
    assert "Rank 2 holds the other ranks up" not in words
    assert "Communication is not hidden behind computing" in words


def test_an_unreadable_rank_is_a_line_and_the_others_are_compared(folder: Path) -> None:
    (folder / "rank0.pt.trace.json").write_text("no trace")
    app = _open(run="net")
    assert "The job: 3 of 4 ranks" in [header.value for header in app.subheader]
    assert "Rank 0: rank0.pt.trace.json is not a PyTorch trace" in _words(app)
    assert app.selectbox(key="trace").value == "rank2.pt.trace.json"


def test_unrelated_traces_are_chosen_from_and_it_is_said(tmp_path: Path) -> None:
    place = tmp_path / "runs" / "net"
    place.mkdir(parents=True)
    for name in "ab":
        (place / f"{name}.pt.trace.json").write_text(json.dumps(simulate(SimulatorSettings())))
    app = _open(run="net")
    assert "not ranks of one job" in _words(app)
    assert app.selectbox(key="trace").value == "a.pt.trace.json"
    assert not app.error or "arrives last" not in app.error[0].value


def test_one_rank_alone_says_who_is_missing(folder: Path) -> None:
    for rank in (0, 1, 3):
        (folder / f"rank{rank}.pt.trace.json").unlink()
    assert "The job has 4 ranks (0–3): only rank 2 is here." in _words(_open(run="net"))


def test_step_windows_are_chosen_from(folder: Path) -> None:
    for rank, file in enumerate(sorted(folder.iterdir())):
        file.rename(folder / f"worker{rank}_step_9.pt.trace.json")
    for rank, content in enumerate(simulate_job(JobSettings(ranks=4))):
        file = folder / f"worker{rank}_step_5.pt.trace.json"
        file.write_text(json.dumps(content))
    app = _open(run="net")
    assert app.selectbox(key="window").value == "step 9"
    assert "Rank 2 arrives last" in _words(app)
    app.selectbox(key="window").set_value("step 5").run()
    assert "No rank holds the others up" in _words(app)
