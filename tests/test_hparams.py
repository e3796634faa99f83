from __future__ import annotations

import numpy as np
import pytest

from core import hparams
from core.charts import hparams as charts

HPARAMS = {
    f"r{i}": {"lr": 10.0 ** (-i), "optimizer": ["adam", "sgd"][i % 2], "depth": 3.0}
    for i in range(5)
}
METRIC = {f"r{i}": float(i**3) for i in range(5)}


def test_the_table_has_a_row_a_run_and_the_metric_last() -> None:
    table = hparams.hparam_table({**HPARAMS, "x": {}}, METRIC, "val")
    assert list(table.columns) == ["run", "depth", "lr", "optimizer", "val"]
    assert np.isnan(table["val"].iloc[-1])
    assert hparams.varied(table.iloc[:5]) == ["lr", "optimizer"]


def test_ranks_need_no_straight_line() -> None:
    found = hparams.correlations(hparams.hparam_table(HPARAMS, METRIC, "val"))
    assert found["name"].tolist() == ["lr"]
    assert found["rho"].tolist() == [pytest.approx(-1.0)]
    assert found["n"].tolist() == [5]


def test_two_runs_correlate_with_anything_so_they_do_not_count() -> None:
    few = {name: HPARAMS[name] for name in ("r0", "r1")}
    assert hparams.correlations(hparams.hparam_table(few, METRIC, "val")).empty


def test_axes_run_from_lowest_to_highest_also_for_words() -> None:
    table = hparams.hparam_table(HPARAMS, METRIC, "val")
    lr, optimizer, metric = hparams.axes(table)
    np.testing.assert_allclose(lr.places, [1, 0.75, 0.5, 0.25, 0])
    assert optimizer.places.tolist() == [0, 1, 0, 1, 0]
    assert [label for _, label in optimizer.ticks] == ["adam", "sgd"]
    assert metric.name == "val"


def test_the_charts_are_valid() -> None:
    table = hparams.hparam_table(HPARAMS, METRIC, "val")
    metric = table["val"].to_numpy(copy=True)
    metric[2] = np.nan
    charts.parallel_chart(hparams.axes(table), list(table["run"]), metric).to_dict()
    charts.correlation_chart(hparams.correlations(table)).to_dict()
    curve = (np.array([1.0, 0.5]), np.array([0.0, 1.0]))
    charts.pr_chart({"a": curve}, {"a": "#000"}, title="pr").to_dict()
