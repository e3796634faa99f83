from __future__ import annotations

import numpy as np
import pandas as pd

from core.charts import histograms as charts

ROWS = pd.DataFrame(
    {
        "step": [1, 2],
        "limits": [np.array([0.0, 1.0, 2.0])] * 2,
        "counts": [np.array([0.0, 3.0, 1.0]), np.array([0.0, 0.0, 4.0])],
    }
)
EMPTY = pd.DataFrame({"step": [1], "limits": [np.zeros(0)], "counts": [np.zeros(0)]})


def test_histogram_bins_are_drawn_from_edge_to_edge() -> None:
    (drawn,) = charts.histogram_chart(ROWS).to_dict()["datasets"].values()
    assert {(row["step"], row["low"], row["high"], row["share"]) for row in drawn} == {
        (1, 0.0, 1.0, 75.0),
        (1, 1.0, 2.0, 25.0),
        (2, 1.0, 2.0, 100.0),
    }


def test_percentiles_lie_where_the_values_do() -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal(100_000)
    counts, edges = np.histogram(values, 400)
    found = charts.percentiles(np.concatenate([edges[:1], edges[1:]]), np.append(0, counts))
    np.testing.assert_allclose(found[1:-1], [-1.5, -1, -0.5, 0, 0.5, 1, 1.5], atol=0.03)
    assert found[0] >= edges[0]
    assert found[-1] <= edges[-1]


def test_the_bands_are_a_valid_chart_and_empty_histograms_a_note() -> None:
    assert len(charts.distribution_chart(ROWS).to_dict()["layer"]) == 5
    for chart in (charts.distribution_chart, charts.histogram_chart):
        assert chart(EMPTY).to_dict()["mark"]["type"] == "text"


def test_of_many_steps_an_even_selection_is_drawn() -> None:
    steps = charts.some_steps(np.arange(10_000))
    assert len(steps) == charts.MAX_STEPS
    assert (steps[0], steps[-1]) == (0, 9999)
