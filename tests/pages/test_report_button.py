"""The report of a run is one press away on every page, and costs nothing before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import report
from core.ui import data, reporting
from tests.report import kinds

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def cold_caches() -> Iterator[None]:
    data.forget_runs()
    yield
    st.cache_data.clear()


def _buttons(page: str, **query: str) -> list[str]:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    if page != "start":
        app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception, app.exception[0].value
    return [button.proto.label for button in app.get("download_button")]  # type: ignore[union-attr]


@pytest.mark.parametrize("page", ["start", "jobs", "runs", "dynamics", "bottlenecks", "loader"])
def test_every_page_offers_it_and_computes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    kinds.write_curves(tmp_path / "runs" / "net", kinds.overfitting(12))

    def never(*_: object) -> None:
        raise AssertionError("a report was made before anybody asked for it")

    monkeypatch.setattr(report, "run_report", never)
    assert "Report" in _buttons(page, run="net")


def test_a_page_without_any_run_offers_none() -> None:
    assert "Report" not in _buttons("dynamics")


def test_jobs_and_tunings_have_their_own(tmp_path: Path) -> None:
    kinds.write_tuning(tmp_path / "runs" / "tuning")
    kinds.put_into_store(tmp_path / "runs" / "tuning", "starting", "running", "succeeded")
    assert "Report of this job" in _buttons("jobs")
    assert "Report of this tuning" in _buttons("loader")


def test_a_comparison_offers_that_of_the_later_run(tmp_path: Path) -> None:
    for name in ("before", "after"):
        kinds.write_curves(tmp_path / "runs" / name, kinds.overfitting(12))
    assert "Report of B" in _buttons("compare", a="before", b="after")


def test_what_it_makes_is_the_report_of_the_run(tmp_path: Path) -> None:
    kinds.write_curves(tmp_path / "runs" / "net", kinds.overfitting())
    assert "Overfitting since step" in reporting.made("net").decode()


@pytest.mark.parametrize("run", ["gone", "../../etc", "a\0b", "<b>"])
def test_a_run_that_is_gone_meanwhile_is_told_in_the_file(run: str) -> None:
    made = reporting.made(run).decode()
    assert "verdict critical" in made
    assert "<b>" not in made.partition("</h1>")[2]
