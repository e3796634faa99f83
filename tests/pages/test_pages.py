"""Each page, run by Streamlit's own test harness: first state, real content, bad input."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import traces
from core.ui import data

ROOT = Path(__file__).parents[2]
PAGES = ("start", "jobs", "runs", "dynamics", "bottlenecks", "loader", "gallery")


@pytest.fixture(autouse=True)
def cold_caches() -> Iterator[None]:
    """Caches are keyed by content, but the list of runs lives for some seconds."""
    data.forget_runs()
    yield
    st.cache_data.clear()


def _open(page: str = "start", **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    if page != "start":
        app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception, app.exception[0].value
    return app


def _words(app: AppTest) -> str:
    kinds = (app.markdown, app.info, app.error, app.warning, app.success, app.caption, app.title)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def _metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_without_any_run(page: str) -> None:
    assert not _open(page).error


def test_an_empty_start_page_says_what_to_do() -> None:
    app = _open()
    assert "Run the demo" in [button.label for button in app.button]
    assert "GPULSE_ROOTS" in _words(app)


def test_the_gap_and_the_verdict_are_in_sight_on_every_page(
    tmp_path: Path, write_losses: Callable[..., Path], overfitting: tuple[list[float], list[float]]
) -> None:
    write_losses(tmp_path / "runs" / "net", *overfitting)
    train, val = overfitting
    for page in PAGES:
        app = _open(page, run="net")
        assert _metrics(app)["Train/val gap"] == f"+{val[-1] - train[-1]:.3g}"
        assert "GPU utilisation" in _metrics(app)
        assert any(metric.delta == "Overfitting" for metric in app.metric)


def test_the_slider_reads_both_losses_and_the_zone(
    tmp_path: Path, write_losses: Callable[..., Path], overfitting: tuple[list[float], list[float]]
) -> None:
    write_losses(tmp_path / "runs" / "net", *overfitting)
    app = _open("dynamics", run="net")
    assert _metrics(app)["Zone"] == "Overfitting"
    app.slider(key="step").set_value(2).run()
    shown = _metrics(app)
    assert (shown["Zone"], shown["Step"]) == ("Underfitting", "2")
    assert shown["Train loss"] == f"{overfitting[0][1]:.3g}"
    assert shown["Validation loss"] == f"{overfitting[1][1]:.3g}"


def test_a_run_without_losses_says_how_to_log_them(
    tmp_path: Path, write_losses: Callable[..., Path]
) -> None:
    folder = write_losses(tmp_path / "runs" / "net", [], [])
    assert list(folder.iterdir())
    app = _open("dynamics", run="net")
    assert len(app.error) == 1


@pytest.mark.parametrize("run", ["../..", "/etc", "no-such-run", "%00"])
def test_a_bad_run_in_the_url_is_one_line_and_the_page_works(
    tmp_path: Path,
    write_losses: Callable[..., Path],
    overfitting: tuple[list[float], list[float]],
    run: str,
) -> None:
    write_losses(tmp_path / "runs" / "net", *overfitting)
    app = _open("dynamics", run=run)
    assert len(app.error) == 1
    app.selectbox(key="run").set_value("net").run()
    assert _metrics(app)["Zone"] == "Overfitting"


def test_a_damaged_event_file_is_named_and_the_rest_shown(
    tmp_path: Path, write_losses: Callable[..., Path]
) -> None:
    folder = write_losses(tmp_path / "runs" / "net", [1.0, 0.5], [1.0, 0.6])
    (folder / "events.out.tfevents.1800000000.bad").write_bytes(b"not an event file")
    app = _open("runs", run="net")
    assert any("tfevents" in warning.value for warning in app.warning)
    assert not app.error


def test_names_from_a_log_folder_are_not_markup(
    tmp_path: Path, write_losses: Callable[..., Path], overfitting: tuple[list[float], list[float]]
) -> None:
    name = "[x](https:∕∕evil) :red[a] $b$ <b>"
    write_losses(tmp_path / "runs" / name, *overfitting)
    app = _open("start", run=name)
    assert not any("[x](" in element.value for element in app.markdown)


def test_the_simulator_overfits_and_is_cured_by_data() -> None:
    app = _open("dynamics", view="Simulator")
    assert _metrics(app)["Zone"] == "Overfitting"
    app.slider(key="sim.samples").set_value(2000)
    app.slider(key="sim.noise").set_value(0.1).run()
    assert _metrics(app)["Zone"] != "Overfitting"


@pytest.mark.parametrize("device", [True, False])
def test_a_trace_is_diagnosed_with_or_without_a_device(tmp_path: Path, device: bool) -> None:
    content = traces.simulate(traces.SimulatorSettings(data_ms=60.0))
    if not device:
        host = ("user_annotation", "cpu_op", "python_function")
        content["traceEvents"] = [e for e in content["traceEvents"] if e["cat"] in host]
    folder = tmp_path / "runs" / "net" / "trace"
    folder.mkdir(parents=True)
    (folder / "net.pt.trace.json").write_text(json.dumps(content))
    app = _open("bottlenecks", run="net")
    assert float(_metrics(app)["Input wait"].split()[0]) > 50
    assert "num_workers=0" in _words(app).replace("\\", "")
    assert (_metrics(app)["Device busy"] == "no GPU") is not device


def test_a_file_that_is_no_trace_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "net"
    folder.mkdir(parents=True)
    (folder / "net.pt.trace.json").write_text("not a trace")
    app = _open("bottlenecks", run="net")
    assert len(app.error) == 1


def test_the_profile_simulator_moves_the_bubbles() -> None:
    app = _open("bottlenecks", profile="Simulator")
    assert _metrics(app)["Main cause"] == "Waiting for the DataLoader"
    busy = float(_metrics(app)["Device busy"].split()[0])
    app.slider(key="sim.workers").set_value(4).run()
    assert float(_metrics(app)["Device busy"].split()[0]) > busy + 20


def test_a_login_is_asked_for_where_one_is_configured() -> None:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.secrets["auth"] = {"client_id": "x"}
    app.run()
    assert [button.label for button in app.button] == ["Log in"]


def test_a_login_cannot_be_passed_by_by_a_link_to_a_page() -> None:
    app = AppTest.from_file(str(ROOT / "pages" / "jobs.py"), default_timeout=60)
    app.secrets["auth"] = {"client_id": "x"}
    app.run()
    assert "Launch" not in [button.label for button in app.button]


def test_the_tables_of_a_trace_are_searched_and_downloaded(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "net" / "trace"
    folder.mkdir(parents=True)
    content = traces.simulate(traces.SimulatorSettings(steps=2, kernels=20))
    for event in content["traceEvents"]:
        if event["name"] == "aten::gelu":
            event["name"] = f"aten::gelu_{event['ts']}"
    (folder / "net.pt.trace.json").write_text(json.dumps(content))
    app = _open("bottlenecks", run="net")
    before = app.dataframe[0].value
    assert {"aten::linear", "aten::copy_"} <= set(before["name"])
    app.text_input(key="tables.operators.search").set_value("LINEAR").run()
    assert list(app.dataframe[0].value["name"]) == ["aten::linear"]
    labels = [getattr(button, "label", "") for button in app.get("download_button")]
    assert labels[-2:] == ["CSV", "Parquet"]
