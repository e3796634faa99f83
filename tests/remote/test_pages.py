"""Pages show the runs of a remote folder like any other, and say what is wrong with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.remote.source import Listing, Source

ROOT = Path(__file__).parents[2]
Curves = tuple[list[float], list[float]]


@pytest.fixture(autouse=True)
def cold_caches() -> Iterator[None]:
    """No list of runs and no look at a remote folder of another test."""
    st.cache_data.clear()
    st.cache_resource.clear()
    yield
    st.cache_data.clear()


@pytest.fixture
def remote_run(
    memory: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    write_losses: Callable[..., Path],
    overfitting: Curves,
) -> str:
    """The URL of a root that holds the run ``far``."""
    memory.put_folder(write_losses(tmp_path / "there" / "far", *overfitting).parent)
    monkeypatch.setenv("GPULSE_ROOTS", memory.url)
    return memory.url


def _open(page: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    if page != "start":
        app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception, app.exception[0].value
    return app


@pytest.mark.parametrize("page", ["start", "runs", "dynamics"])
def test_a_page_shows_a_remote_run(remote_run: str, page: str) -> None:
    app = _open(page)
    assert app.selectbox(key="run").value == "far"
    assert any(metric.delta == "Overfitting" for metric in app.metric)
    assert not app.warning


@pytest.mark.parametrize("page", ["start", "runs"])
def test_a_problem_is_a_warning_line(
    memory: Any, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setenv("GPULSE_ROOTS", memory.url)
    app = _open(page)
    assert "There is nothing at" in app.warning[0].value
    assert not app.error


def test_the_start_page_names_the_url_as_a_root(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPULSE_ROOTS", memory.url)
    assert any(f"- `{memory.url}`" in text.value for text in _open("start").markdown)


def test_a_slow_remote_is_announced_and_then_shown(
    remote_run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, listing = threading.Event(), Source.listing

    def slow(self: Source) -> Listing:
        go.wait(60)
        return listing(self)

    monkeypatch.setattr(Source, "listing", slow)
    app = _open("start")
    assert any("Fetching" in info.value for info in app.info)
    go.set()
    deadline = time.monotonic() + 20
    # The runs are there a moment before the mirror says that it is done.
    while not app.selectbox or any("Fetching" in info.value for info in app.info):
        assert time.monotonic() < deadline
        app.run()
    assert app.selectbox(key="run").value == "far"
