"""The runs page in Streamlit's own test harness: choosing runs, views, links, bad input."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.series import Curve
from core.ui.explore import downloads, scalars

ROOT = Path(__file__).parents[2]
Losses = tuple[list[float], list[float]]


@pytest.fixture(autouse=True)
def cold_caches() -> Iterator[None]:
    st.cache_resource.clear()
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def runs(tmp_path: Path, write_losses: Callable[..., Path], overfitting: Losses) -> Path:
    folder = tmp_path / "runs"
    for name in ("net_seed0", "net_seed1", "other"):
        write_losses(folder / name, *overfitting)
    return folder


def _open(**query: Any) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page("pages/runs.py")
    app.run()
    assert not app.exception, app.exception[0].value
    return app


def _charts(app: AppTest) -> list[Any]:
    return [element.proto for element in app.get("vega_lite_chart")]


def _legend(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def test_the_table_lists_every_run_and_one_is_drawn(runs: Path) -> None:
    app = _open(run="other")
    table = app.dataframe[0].value
    assert set(table["run"]) == {"net_seed0", "net_seed1", "other"}
    assert set(table["verdict"]) == {"Overfitting"}
    (chart,) = _charts(app)
    assert "Loss" in chart.spec
    assert "train" in _legend(app)
    assert "validation" in _legend(app)


def test_a_link_carries_the_runs_and_how_they_are_looked_at(runs: Path) -> None:
    app = _open(
        compare=["net_seed0", "other"], smooth="0.6", axis="Relative time", logy="true",
        outliers="true", tag="loss",
    )  # fmt: skip
    assert app.multiselect(key="compare").value == ["net_seed0", "other"]
    assert app.slider(key="smooth").value == 0.6
    (chart,) = _charts(app)
    assert '"log"' in chart.spec
    assert "Time since" in chart.spec
    assert {dataset.name for dataset in chart.datasets} >= {"line", "faint", "hover"}
    for name in ("net_seed0", "other"):
        assert name in _legend(app)


def test_seeds_become_one_line_with_their_number(runs: Path) -> None:
    app = _open(every="true", band="true")
    assert "net (n = 2)" in _legend(app)
    assert "other (n = 1)" in _legend(app)
    assert "band" in {dataset.name for dataset in _charts(app)[0].datasets}


def test_the_filter_is_a_regular_expression(runs: Path) -> None:
    app = _open(find="seed[01]$")
    assert set(app.dataframe[0].value["run"]) == {"net_seed0", "net_seed1"}
    assert not app.warning


@pytest.mark.parametrize("key", ["find", "tag"])
def test_what_is_no_regular_expression_is_searched_for_as_it_stands(runs: Path, key: str) -> None:
    app = _open(run="other", **{key: "[loss"})
    assert len(app.warning) == 1
    assert not app.error
    assert len(app.info) == 1


def test_columns_for_tags(runs: Path, overfitting: Losses) -> None:
    app = _open(col="Loss/val", by="Min")
    (value, *_) = app.dataframe[0].value["Loss/val (min)"]
    assert value == pytest.approx(min(overfitting[1]))


def test_only_the_kinds_that_are_there_are_offered(runs: Path) -> None:
    app = _open(run="other")
    groups: Any = app.get("button_group")
    (view,) = [group for group in groups if group.key == "show"]
    assert list(view.options) == ["Scalars"]


def test_a_view_that_a_link_asks_for_in_vain_is_one_line(runs: Path) -> None:
    app = _open(run="other", show="Images")
    assert [line.value for line in app.info] == ["No images logged by these runs."]


def test_many_damaged_files_are_one_line(runs: Path) -> None:
    for number in range(7):
        (runs / "other" / f"events.out.tfevents.{number}.bad").write_bytes(b"no event file")
    app = _open(run="other")
    assert not app.warning
    assert any("7 problems" in expander.label for expander in app.expander)


def test_half_a_record_is_news_only_where_nobody_writes_any_more(runs: Path) -> None:
    (file,) = (runs / "other").glob("*tfevents*")
    file.write_bytes(file.read_bytes() + b"\x18\x00\x00")
    assert not _open(run="other").warning
    os.utime(file, (1.7e9, 1.7e9))
    (warning,) = _open(run="other").warning
    assert "cut off" in warning.value


def test_a_run_that_is_not_there_any_more_is_left_out(runs: Path) -> None:
    app = _open(compare=["gone", "other"])
    assert len(_charts(app)) == 1
    assert not app.error


def test_names_of_runs_are_not_markup(
    tmp_path: Path, write_losses: Callable[..., Path], overfitting: Losses
) -> None:
    name = "<img src=x onerror=alert(1)> :red[a]"
    write_losses(tmp_path / "runs" / name, *overfitting)
    write_losses(tmp_path / "runs" / "b", *overfitting)
    assert "<img" not in _legend(_open(every="true"))


def _curve(tag: str, steps: list[int], values: list[float]) -> Curve:
    return Curve("a", ".", tag, "", np.array(steps), np.array(steps, float), np.array(values))


def test_a_download_is_long_or_one_column_a_tag() -> None:
    curves = [_curve("x", [1, 2, 2], [1.0, 2.0, 3.0]), _curve("y", [2], [9.0])]
    assert len(downloads.scalar_table(curves)) == 4
    wide = downloads.scalar_table(curves, wide=True)
    assert wide[["step", "x", "y"]].fillna(-1).to_numpy().tolist() == [[1, 1, -1], [2, 3, 9]]
    assert len(downloads.scalar_table([])) == 0


def test_downloads_can_be_opened(tmp_path: Path) -> None:
    table = downloads.scalar_table([_curve("=SUM(A1)", [1], [1.0])])
    assert b",'=SUM" in downloads.as_csv(table)
    file = tmp_path / "x.parquet"
    file.write_bytes(downloads.as_parquet(table))
    assert pd.read_parquet(file)["value"].tolist() == [1.0]


def test_many_runs_are_drawn_a_share_at_a_look(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scalars, "BUDGET_S", 0.0)
    app = _open(every="true")
    for drawn in (1, 2):
        (line,) = [each.proto.text for each in app.get("progress")]
        assert line == f"Reading curves: {drawn} of 3 runs are drawn."
        assert len(app.get("download_button")) == 2, "half of the curves are offered as all"
        app.run()
    assert not app.get("progress")
    assert len(app.get("download_button")) == 4


def test_runs_of_one_colour_have_symbols_in_the_legend(
    tmp_path: Path, write_losses: Callable[..., Path]
) -> None:
    for number in range(15):
        write_losses(tmp_path / "runs" / f"net{number:02}", [2.0, 1.0], [2.0, 1.5])
    legend = _legend(_open(every="true"))
    assert legend.count("●") == 2
    assert "net14" in legend
