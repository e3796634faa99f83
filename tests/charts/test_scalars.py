from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from core.charts import scalars as charts


def _frame(tags: dict[str, list[float]]) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "run": ".",
                "tag": tag,
                "step": np.arange(len(values)),
                "wall_time": 1e9 + 60.0 * np.arange(len(values)),
                "value": values,
            }
        )
        for tag, values in tags.items()
    ]
    return pd.concat(parts, ignore_index=True)


def test_splits_of_one_quantity_share_a_chart() -> None:
    tags = ["Loss/train", "Loss/val", "train/acc", "eval/acc", "lr", "hardware/rss"]
    assert charts.group_tags(tags) == {
        "Loss": ["Loss/train", "Loss/val"],
        "acc": ["train/acc", "eval/acc"],
        "lr": ["lr"],
        "hardware/rss": ["hardware/rss"],
    }


def test_smoothing_averages_towards_the_past_and_leaves_nan_alone() -> None:
    values = np.array([1.0, np.nan, 3.0])
    smoothed = charts.smooth(values, 0.5)
    assert smoothed[0] == 1.0
    assert np.isnan(smoothed[1])
    assert smoothed[2] == (3.0 + 0.5 * 1.0) / 1.5
    assert charts.smooth(values, 0.0) is values


@given(st.integers(2_000, 20_000), st.integers(0, 2**31))
def test_thinning_keeps_every_extreme_and_the_ends(n: int, seed: int) -> None:
    y = np.random.default_rng(seed).standard_normal(n)
    keep = charts.thin(np.arange(n), y, limit=500)
    assert len(keep) <= 504
    assert np.all(np.diff(keep) > 0)
    assert {0, n - 1, int(y.argmin()), int(y.argmax())} <= set(keep.tolist())


def test_a_chart_holds_both_curves_and_is_valid() -> None:
    frame = _frame({"Loss/train": [1.0, 0.5, 0.2], "Loss/val": [1.1, 0.7, 0.9]})
    points = charts.curves({"a": frame}, ["Loss/train", "Loss/val"], "minutes", 0.6)
    assert list(dict.fromkeys(points["curve"])) == ["Loss/train", "Loss/val"]
    assert points["x"].tolist()[-1] == 2.0
    spec = charts.scalar_chart(points, "Loss", x="minutes").to_dict()
    assert len(spec["layer"]) == 2


def test_runs_are_told_apart_when_several_are_drawn() -> None:
    frame = _frame({"lr": [0.1, 0.1]})
    points = charts.curves({"a": frame, "b": frame}, ["lr"])
    assert set(points["curve"]) == {"a lr", "b lr"}


def test_a_log_scale_leaves_out_what_it_cannot_show() -> None:
    points = charts.curves({"a": _frame({"x": [0.0, -1.0, 2.0]})}, ["x"])
    spec = charts.scalar_chart(points, "x", log_y=True).to_dict()
    (rows,) = spec["datasets"].values()
    assert [row["y"] for row in rows] == [2.0]


def test_histogram_bins_are_drawn_from_edge_to_edge() -> None:
    rows = pd.DataFrame(
        {
            "step": [1, 2],
            "limits": [np.array([0.0, 1.0, 2.0])] * 2,
            "counts": [np.array([0.0, 3.0, 1.0]), np.array([0.0, 0.0, 4.0])],
        }
    )
    spec = charts.histogram_chart(rows).to_dict()
    (drawn,) = spec["datasets"].values()
    assert {(row["step"], row["low"], row["high"], row["share"]) for row in drawn} == {
        (1, 0.0, 1.0, 75.0),
        (1, 1.0, 2.0, 25.0),
        (2, 1.0, 2.0, 100.0),
    }
