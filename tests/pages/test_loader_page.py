"""The loader page on a finished tuning: answer, why, ranking, model's error, relaunch."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import jobs, loader
from core.loader import Costs, Setting, Trial, Trials
from core.loader.costs import Line, StepCost
from core.loader.setting import Space
from core.ui import data
from core.ui.loader.answer import difference, promised, relaunch

ROOT = Path(__file__).parents[2]
BASE, BEST = Setting.of(0, 64), Setting.of(2, 64)


@pytest.fixture(autouse=True)
def cold_caches():
    data.forget_runs()
    yield
    st.cache_data.clear()


def _trial(setting: Setting, speed: float, number: int) -> Trial:
    return Trial(
        setting, number, "ok", samples_per_s=speed, wait_share=0.6, step_ms=6.4e4 / speed,
        startup_s=0.2, steps=20, foreign_cpu=0.0, wall_s=4.0,
        block_s=tuple(64 / speed * (1 + 0.01 * (i % 3)) for i in range(20)),
    )  # fmt: skip


def _trials() -> Trials:
    costs = Costs(
        2, 1e-3, 0.0, (1e-3,) * 9, Line(1e-5, 1e-6), Line(3e-4, 1e-5), Line(3e-4, 1e-6),
        Line(1e-4, 0.0), (StepCost(64, 1, 6e-3, 0.0),), Line(0.05, 0.05), sample_bytes=5e4,
    )  # fmt: skip
    made = (_trial(BASE, 500, 1), _trial(BEST, 980, 1), _trial(BEST, 1000, 2), _trial(BASE, 505, 2),
            Trial(Setting.of(4, 64), 1, "failed", "A worker was killed (SIGKILL)."))  # fmt: skip
    predicted = loader.Model(costs).predict(Space((0, 1, 2, 4), (64,)).settings())
    return Trials(
        "photos", "cpu", 64, 2, 60.0, 5, True, BASE, machine="a, 2 cores", dataset="d",
        notes=("Page cache: warm.",), trials=made, predicted=tuple(predicted),
        first_guess=(550.0, 1100.0, 990.0, 500.0, 1000.0), costs=costs, stopped="Stopped: enough.",
    )  # fmt: skip


@pytest.fixture
def tuning(tmp_path, monkeypatch):
    """``tuning(trials)`` -> the id of a finished job that left them."""

    def make(trials: Trials, name: str = "photos-tune-1") -> str:
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "trials.json").write_text(json.dumps(trials.to_json()))
        job = jobs.Job(name, "tune", "photos", {}, "cpu", None, "succeeded", folder, time.time(),
                       time.time() - 60, time.time(), 0)  # fmt: skip
        known[name] = job
        return name

    known: dict[str, jobs.Job] = {}
    monkeypatch.setattr(jobs, "list_jobs", lambda *a: list(known.values()))
    monkeypatch.setattr(jobs, "get", lambda name: known[name])
    return make


def _open() -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.switch_page("pages/loader.py")
    app.run()
    assert not app.exception, app.exception[0].value
    assert not app.error
    return app


def _words(app: AppTest) -> str:
    kinds = (app.markdown, app.info, app.warning, app.success, app.caption)
    return "\n".join(str(e.value) for kind in kinds for e in kind).replace("\\", "")


def test_a_finished_tuning_shows_answer_why_error_and_ranking(tuning):
    tuning(_trials())
    app = _open()
    words = _words(app)
    assert "Use 2 workers" in words
    assert "computing samples" in words
    assert "off by 11 % (median of 2) and 12 % at most" in words
    assert "Stopped: enough." in words
    code = [block.value for block in app.code]
    assert any("num_workers=2" in text and text.startswith("DataLoader(") for text in code)
    assert any("-    num_workers=0," in text and "+    num_workers=2," in text for text in code)
    metrics = {m.label: m.value for m in app.metric}
    assert metrics["Throughput gain"].endswith("×")
    assert metrics["Shared memory"] == "15.3 MiB"
    table = app.dataframe[0].value
    assert table["Trouble"].tolist()[-1] == "A worker was killed (SIGKILL)."
    assert table["Setting"].tolist()[0].startswith("★ 2 workers")
    assert "3 × faster" in words


def test_a_relaunch_has_the_setting_and_the_parameters_that_were_tuned(tuning):
    tuning(_trials())
    job = replace(jobs.get("photos-tune-1"), params={"like": "photos-train-1"})
    params, parent, why = relaunch(job, replace(_trials(), params={"image_size": 96}), BEST)
    assert (params["num_workers"], params["batch_size"], params["image_size"]) == (2, 64, 96)
    assert parent == "photos-train-1"
    assert "num_workers=2" in why
    assert "Relaunch with it" in [button.label for button in _open().button]


def test_the_measured_gain_is_what_the_training_with_it_is_promised(tuning):
    tuning(_trials())
    job, found = jobs.get("photos-tune-1"), loader.recommend(_trials())
    told = promised(job, found, "photos-train-1")
    assert told is not None
    assert found.speedup is not None
    assert (told.base, told.source) == ("photos-train-1", "photos-tune-1")
    assert (told.low, told.high) == (found.speedup.low, found.speedup.high)
    params, _, _ = relaunch(job, _trials(), BEST)
    assert told.made_in(params)
    # The gain is in samples a second: of another batch size a step is other work.
    bigger = replace(found, best=Setting.of(2, 128))
    assert promised(job, bigger, "photos-train-1") is None


def test_earlier_tunings_are_compared_where_they_can_be(tuning):
    tuning(_trials(), "now")
    tuning(_trials(), "before")
    tuning(replace(_trials(), machine="b, 8 cores"), "elsewhere")
    app = _open()
    table = app.dataframe[1].value
    assert table["Compares"].tolist() == ["same data and machine", "other machine"]
    assert table["This one is faster by"].tolist() == ["+0 %", "–"]


def test_the_difference_shows_only_what_changes_as_changed():
    text = difference(BASE, BEST)
    assert "+    num_workers=2," in text
    assert "     batch_size=64," in text
    assert not any(line.startswith(("---", "+++", "@@")) for line in text.splitlines())
    assert difference(BEST, BEST) == BEST.call
