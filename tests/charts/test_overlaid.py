"""Two runs over each other: curves with their marks, steps with their intervals."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from core import dynamics
from core.charts.overlaid import COLOURS, curves_chart, steps_chart
from core.dynamics import Curve, LossPair, Verdict


def _verdict(train: list[float], val: list[float]) -> Verdict:
    steps = np.arange(1, len(train) + 1)
    pair = LossPair("r", "Loss/train", "Loss/val", Curve(steps, np.array(train)),
                    Curve(steps, np.array(val)))  # fmt: skip
    return dynamics.diagnose(pair)


def _overfits() -> Verdict:
    epochs = range(40)
    val = [2.0 * 0.8**e + 0.4 + 0.015 * max(0, e - 8) for e in epochs]
    return _verdict([2.0 * 0.9**e + 0.01 for e in epochs], val)


def _validated(spec: dict) -> dict:
    plain = {
        name: data.to_dict("records") if isinstance(data, pd.DataFrame) else data
        for name, data in spec.get("datasets", {}).items()
    }
    alt.LayerChart.from_dict({**spec, "datasets": plain})
    return spec


def test_both_losses_of_both_runs_are_drawn_whole() -> None:
    a, b = _overfits(), _verdict([1.0, 0.5, 0.4], [1.0, 0.6, 0.55])
    spec = _validated(curves_chart({"A": a, "B": b}, step_name="Epoch"))
    data = spec["datasets"]["lines"]
    counts = data.groupby(["run", "split"]).size().to_dict()
    assert counts == {("A", "train"): 40, ("A", "validation"): 40,
                      ("B", "train"): 3, ("B", "validation"): 3}  # fmt: skip


def test_best_checkpoints_and_the_onset_are_marked() -> None:
    a = _overfits()
    marks = [layer["data"]["values"][0] for layer in curves_chart({"A": a})["layer"][1:]]
    assert {(mark["x"], mark["what"].split(",")[0]) for mark in marks} == {
        (a.best_step, "A: best"),
        (a.overfit_step, "A: overfitting begins"),
    }


def test_gaps_stay_gaps_and_a_log_axis_leaves_out_what_is_not_positive() -> None:
    verdict = _verdict([1.0, float("nan"), -0.5, 0.3], [1.0, 0.9, 0.8, 0.7])
    data = curves_chart({"A": verdict}, log_y=True)["datasets"]["lines"]
    train = data.loc[data["split"] == "train", "y"].tolist()
    assert np.isnan(train[1:3]).all()
    assert train[0::3] == [1.0, 0.3]


def test_without_a_finite_loss_the_chart_says_so() -> None:
    verdict = _verdict([float("nan")] * 3, [float("nan")] * 3)
    assert "could be drawn" in str(curves_chart({"A": verdict}))


def test_every_step_is_a_tick_and_the_mean_has_its_interval() -> None:
    times = {"A": np.array([10.0, 12.0, 14.0]), "B": np.array([5.0])}
    spec = steps_chart(times, {"A": (10.5, 13.5), "B": None}).to_dict()
    rows = [row for data in spec["datasets"].values() for row in data]
    assert sorted(row["ms"] for row in rows if "ms" in row) == [5.0, 10.0, 12.0, 14.0]
    a, b = (row for row in rows if "mean" in row)
    assert (a["low"], a["mean"], a["high"], a["interval"]) == (
        10.5, 12.0, 13.5, "10.50 to 13.50 ms",
    )  # fmt: skip
    assert (b["mean"], b["interval"]) == (5.0, "one step: none")
    assert COLOURS[0] in str(spec)


def test_a_million_steps_become_few_ticks_with_the_extremes() -> None:
    times = np.random.default_rng(0).normal(10, 1, 100_000)
    spec = steps_chart({"A": times}, {"A": (9.9, 10.1)}).to_dict()
    drawn = [row["ms"] for data in spec["datasets"].values() for row in data if "ms" in row]
    assert len(drawn) <= 300
    assert (min(drawn), max(drawn)) == (times.min(), times.max())


def test_no_times_say_so() -> None:
    assert "ms" in str(steps_chart({}, {}).to_dict())
