"""The compare page: two runs of a family, what is missing on either side, the ladder, links."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.promises import KEY, Promised
from core.traces import SimulatorSettings, simulate
from core.ui import data

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def cold_caches() -> Iterator[None]:
    data.forget_runs()
    yield
    st.cache_data.clear()


def _profile(folder: Path, workers: int, **job: Any) -> None:
    (folder / "trace").mkdir(parents=True, exist_ok=True)
    settings = SimulatorSettings(data_ms=60.0, kernels=60, workers=workers)
    (folder / "trace" / "x.pt.trace.json").write_text(json.dumps(simulate(settings)))
    record = {"id": folder.name, "kind": "profile", "workload": "photos", "parent": None,
              "params": {"num_workers": workers}, **job}  # fmt: skip
    (folder / "job.json").write_text(json.dumps(record))


@pytest.fixture
def family(
    tmp_path: Path, write_losses: Callable[..., Path], overfitting: tuple[list[float], list[float]]
) -> Path:
    """``old``, its relaunch ``new`` with a promise, and ``other`` that logged losses alone."""
    runs = tmp_path / "runs"
    told = Promised("Workers.", "old", "x", ("D1",), {"num_workers": 4}, 1.5, 9.0, 2.0,
                    before_ms=(70.0, 72.0, 74.0))  # fmt: skip
    _profile(runs / "old", 0, created=1, device_name="cpu")
    _profile(runs / "new", 4, created=2, parent="old", device_name="gpu", **{KEY: told.to_json()})
    for name in ("old", "new"):
        write_losses(runs / name, *overfitting)
    write_losses(runs / "other", *overfitting)
    return runs


def _open(page: str = "compare", **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception, app.exception[0].value
    return app


def _words(app: AppTest) -> str:
    kinds = (app.markdown, app.info, app.error, app.warning, app.success, app.caption)
    words = "\n".join(str(element.value) for kind in kinds for element in kind)
    return words.replace("\\", "")


def _metrics(app: AppTest) -> dict[str, Any]:
    return {metric.label: metric for metric in app.metric}


def test_a_relaunched_job_is_held_against_the_one_before_with_its_promise(family: Path) -> None:
    app = _open()
    assert (app.selectbox(key="a").value, app.selectbox(key="b").value) == ("old", "new")
    words = _words(app)
    answer = app.success[0].value.replace("\\", "")
    assert answer.startswith("Predicted 1.50 to 9.00×, measured ")
    assert answer.endswith("within the range; train and validation losses unchanged.")
    assert "as predicted] **Workers.**" in words
    assert "resolved] **The DataLoader works in the training process" in words
    assert "A: Overfitting." in words
    assert "95 % interval" in words
    assert float(_metrics(app)["Speed-up"].value.rstrip("×")) > 2
    assert _metrics(app)["Mean step"].delta.startswith("-")
    assert _metrics(app)["Train/val gap"].value == "+0.822"
    assert not _metrics(app)["Train/val gap"].delta
    tables = [table.value.to_numpy().tolist() for table in app.table]
    assert [[r"num\_workers", "0", "4"]] in tables
    assert [["device", "cpu", "gpu"]] in tables


def test_a_link_names_both_runs(family: Path) -> None:
    app = _open(a="other", b="old")
    assert (app.selectbox(key="a").value, app.selectbox(key="b").value) == ("other", "old")
    assert "Only B has a profile" in _words(app)
    assert _metrics(app)["Speed-up"].value == "–"


def test_a_wider_gap_is_told(
    family: Path, write_losses: Callable[..., Path], overfitting: tuple[list[float], list[float]]
) -> None:
    train, val = overfitting
    shutil.rmtree(family / "other")
    write_losses(family / "other", train, [loss + 0.5 for loss in val])
    gap = _metrics(_open(a="old", b="other"))["Train/val gap"]
    assert (gap.value, gap.delta) == ("+1.32", "0.5")


def test_turned_round_the_gain_is_a_loss(family: Path) -> None:
    app = _open()
    next(b for b in app.button if b.label == "Swap before and after").click().run()
    assert (app.selectbox(key="a").value, app.selectbox(key="b").value) == ("new", "old")
    assert float(_metrics(app)["Speed-up"].value.rstrip("×")) < 1
    assert app.error


def test_another_later_run_brings_the_one_it_was_made_of(family: Path) -> None:
    app = _open(a="other", b="old")
    app.selectbox(key="b").set_value("new").run()
    assert app.selectbox(key="a").value == "old"


def test_without_the_trace_before_the_kept_promise_is_judged_all_the_same(family: Path) -> None:
    shutil.rmtree(family / "old" / "trace")
    app = _open(a="old", b="new")
    assert "kept with the promise" in _words(app)
    assert "predicted] **Workers.**" in _words(app)


def test_without_the_run_before_the_promise_is_judged_alone(family: Path) -> None:
    shutil.rmtree(family / "old")
    app = _open(b="new")
    assert app.selectbox(key="a").value is None
    assert "The run before is gone" in _words(app)
    assert "predicted] **Workers.**" in _words(app)


def test_a_run_without_a_parent_asks_for_the_one_before(family: Path) -> None:
    assert "Choose the run before the change" in _words(_open(b="other"))
    assert "are the same run" in _words(_open(a="old", b="old"))


@pytest.mark.parametrize("bad", ["gone", "../../etc", "%00"])
def test_a_bad_run_in_the_link_is_one_line_and_the_page_works(family: Path, bad: str) -> None:
    app = _open(a=bad, b="new")
    assert len(app.error) == 1
    app.selectbox(key="a").set_value("old").run()
    assert "Predicted 1.50 to 9.00×" in _words(app)


def test_a_damaged_trace_is_one_line_and_the_losses_are_compared(family: Path) -> None:
    (family / "old" / "trace" / "x.pt.trace.json").write_text("nothing")
    app = _open(a="old", b="new")
    assert not app.error
    assert sum("x.pt.trace.json" in caption.value for caption in app.caption) == 1
    assert "train and validation losses unchanged" in _words(app)


def test_the_ladder_has_a_rung_for_each_run(family: Path) -> None:
    app = _open(b="new", shown="Ladder")
    table = app.dataframe[0].value
    assert table["Run"].tolist() == ["old", "new"]
    assert table["Rung"].tolist() == ["1  first", "2  num_workers 0 → 4"]
    assert table["Predicted over parent"].tolist()[1] == "1.50 to 9.00×, as predicted"
    assert "1 of 1 gains lie in their predicted range" in _words(app)


def test_a_run_alone_is_no_ladder_but_says_how_one_begins(family: Path) -> None:
    app = _open(b="other", shown="Ladder")
    assert "alone" in _words(app)
    assert not app.dataframe


def test_an_empty_page_says_what_to_do() -> None:
    assert "Run the demo" in _words(_open())


@pytest.mark.parametrize("page", ["runs", "dynamics", "bottlenecks"])
def test_a_press_on_other_pages_leads_here(
    family: Path, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    went: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(st, "switch_page", lambda to, query_params: went.append((to, query_params)))
    app = _open(page, run="new")
    # The harness opens every run of a page cold, and the guard's rerun would lose the press.
    app.session_state["_routed_by_entry_point"] = True
    next(b for b in app.button if b.label == "Compare with the one before").click().run()
    assert went == [("pages/compare.py", {"a": "old", "b": "new"})]
    app = _open(page, run="old")
    assert "Compare with the one before" not in [button.label for button in app.button]
