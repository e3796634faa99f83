"""The dynamics page: slider, tags in the URL, hindsight, rules, files, runs beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.ui import data

ROOT = Path(__file__).parents[2]
Writer = Callable[..., Path]
Losses = tuple[list[float], list[float]]


@pytest.fixture(autouse=True)
def cold_caches() -> Iterator[None]:
    data.forget_runs()
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


def _open(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page("pages/dynamics.py").run()
    assert not app.exception, app.exception[0].value
    return app


def _words(app: AppTest) -> str:
    kinds = (app.markdown, app.info, app.error, app.warning, app.success, app.caption)
    said = "\n".join(str(element.value) for kind in kinds for element in kind)
    return said.replace("\\", "")


def _metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_what_would_have_been_said_at_the_slider_is_told(
    tmp_path: Path, write_losses: Writer, overfitting: Losses
) -> None:
    write_losses(tmp_path / "runs" / "net", *overfitting)
    app = _open(run="net")
    assert "would have been" not in _words(app)
    app.slider(key="step").set_value(8).run()
    assert "At step 8 the verdict would have been" in _words(app)
    assert "would have been: Overfitting" not in _words(app)
    assert _metrics(app)["Zone"] == "Underfitting"


def test_two_tags_named_by_the_user_replace_those_found_by_name(
    tmp_path: Path, write_losses: Writer, overfitting: Losses
) -> None:
    write_losses(tmp_path / "runs" / "net", *overfitting)
    app = _open(run="net", train="Loss/val", val="Loss/train")
    train, val = overfitting
    assert _metrics(app)["Train loss"] == f"{val[-1]:.3g}"
    assert _metrics(app)["Validation loss"] == f"{train[-1]:.3g}"
    app.selectbox(key="train").set_value("Loss/train")
    app.selectbox(key="val").set_value("Loss/val").run()
    assert _metrics(app)["Validation loss"] == f"{val[-1]:.3g}"


def test_a_tag_in_the_url_that_the_run_has_not_is_left_out(
    tmp_path: Path, write_losses: Writer, overfitting: Losses
) -> None:
    write_losses(tmp_path / "runs" / "net", *overfitting)
    app = _open(run="net", train="no such tag", axis="nonsense", step="100000")
    assert not app.error or "Overfitting" in _words(app)
    assert _metrics(app)["Zone"] == "Overfitting"


def test_the_rules_of_others_are_told_next_to_ours(
    tmp_path: Path, write_losses: Writer, overfitting: Losses
) -> None:
    write_losses(tmp_path / "runs" / "net", *overfitting)
    app = _open(run="net", rules="true")
    rules = app.dataframe[0].value["Rule"].tolist()
    assert rules[:4] == ["GPUlse", "EarlyStopping 5", "EarlyStopping 10", "EarlyStopping 20"]


@pytest.mark.parametrize(
    ("train", "val", "said"),
    [
        ([1.0, 0.7, 0.5], [1.1, 0.8, 0.7], "too few"),
        ([1.0], [1.1], "too few"),
        ([1.0, 0.5] + [float("nan")] * 8, [1.1, 0.6] + [float("nan")] * 8, "NaN"),
        ([float("nan")] * 5, [float("nan")] * 5, "NaN"),
    ],
)
def test_short_and_diverged_runs_are_told_in_words(
    tmp_path: Path, write_losses: Writer, train: list[float], val: list[float], said: str
) -> None:
    write_losses(tmp_path / "runs" / "net", train, val)
    app = _open(run="net", trend="true", logy="true", rules="true", axis="Wall time")
    assert said in _words(app)


def test_a_diverged_stretch_is_called_so(tmp_path: Path, write_losses: Writer) -> None:
    losses = [2 * 0.9**epoch for epoch in range(20)] + [float("nan")] * 5
    write_losses(tmp_path / "runs" / "net", losses, losses)
    app = _open(run="net")
    assert _metrics(app)["Zone"] == "Diverged"
    app.slider(key="step").set_value(20).run()
    assert _metrics(app)["Zone"] == "Optimal"


def test_accuracies_alone_are_told_as_errors(tmp_path: Path, write_scalars: Writer) -> None:
    train = [1 - 0.9 * 0.85**epoch for epoch in range(40)]
    val = [0.8 - 0.7 * 0.7**epoch - 0.004 * max(0, epoch - 10) for epoch in range(40)]
    write_scalars(tmp_path / "runs" / "net", {"Accuracy/train": train, "Accuracy/val": val})
    app = _open(run="net", rules="true")
    metrics = _metrics(app)
    assert metrics["Validation error"] == f"{1 - val[-1]:.3g}"
    assert metrics["Train error"] == f"{1 - train[-1]:.3g}"
    assert [metric.delta for metric in app.metric].count("1 − accuracy") == 2
    assert "Best validation error" in metrics
    assert "validation error has risen" in _words(app)
    assert "Its validation error" in app.dataframe[0].value.columns


def test_play_moves_the_slider_to_the_end_and_stops(tmp_path: Path, write_losses: Writer) -> None:
    write_losses(tmp_path / "runs" / "net", [1.0, 0.8, 0.6, 0.5], [1.1, 0.9, 0.8, 0.7])
    app = _open(run="net")
    app.button(key="play").click().run()
    places = []
    for _ in range(6):
        places.append(app.slider(key="step").value)
        if not any(button.key == "pause" for button in app.button):
            break
        app.run()
    assert places[0] == 1
    assert places[-1] == 4
    assert places == sorted(set(places))


def test_runs_beside_each_other_are_sorted_by_need_for_attention(
    tmp_path: Path, write_losses: Writer, overfitting: Losses
) -> None:
    fall = np.exp(-np.arange(40) / 60)
    bad = [2.0, 1.0] + [float("nan")] * 10
    write_losses(tmp_path / "runs" / "slow", (2 * fall).tolist(), (2.1 * fall).tolist())
    write_losses(tmp_path / "runs" / "net", *overfitting)
    write_losses(tmp_path / "runs" / "bad", bad, bad)
    app = _open(run="net", view="Side by side")
    table = app.dataframe[0].value
    assert table["Run"].tolist() == ["bad", "net", "slow"]
    assert table["Verdict"].tolist() == ["Diverged", "Overfitting", "Underfitting"]
    assert app.multiselect(key="runs").options == ["bad", "net", "slow"]
    app.segmented_control(key="style").set_value("over").run()
    assert not app.exception


@pytest.mark.parametrize(
    ("preset", "verdict"),
    [("diverges", "Diverged"), ("underfits", "Underfitting"), ("right", "Optimal")],
)
def test_a_preset_of_the_simulator_shows_what_it_is_called(preset: str, verdict: str) -> None:
    app = _open(view="Simulator")
    app.button(key=f"preset.{preset}").click().run()
    assert not app.exception
    titles = [str(box.proto.title) for kind in (app.error, app.info, app.success) for box in kind]
    assert any(title.startswith(verdict) for title in titles)
