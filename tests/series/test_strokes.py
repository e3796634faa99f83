from __future__ import annotations

import numpy as np

from core import series
from core.series import Curve, Look


def _curve(run: str, values: np.ndarray, split: str = "train") -> Curve:
    n = len(values)
    return Curve(run, ".", f"loss/{split}", split, np.arange(n), 1e9 + np.arange(n), values)


def test_a_thousand_runs_stay_within_the_marks_of_one_chart() -> None:
    rng = np.random.default_rng(0)
    curves = [_curve(f"r{i}", rng.standard_normal(300)) for i in range(1000)]
    for smoothing in (0.0, 0.9):
        picture = series.prepare(curves, Look(smoothing=smoothing))
        assert len(picture.strokes) == 1000
        assert picture.drawn <= series.MAX_MARKS


def test_no_spike_disappears_behind_the_smoothed_line() -> None:
    values = np.zeros(50_000)
    values[31_415] = 80.0
    (stroke,) = series.prepare([_curve("a", values)], Look(smoothing=0.9)).strokes
    assert stroke.raw[stroke.raw_shown].max() == 80.0
    assert len(stroke.raw_shown) <= 1500


def test_values_that_are_no_number_become_marks_and_are_counted() -> None:
    picture = series.prepare([_curve("a", np.array([1.0, np.nan, np.inf, 2.0]))], Look())
    assert picture.nonfinite == 2
    assert [(x, y, word) for _, x, y, word in picture.marks] == [
        (1.0, 1.0, "NaN"),
        (2.0, 1.0, "+Inf"),
    ]


def test_a_logarithm_leaves_out_what_it_cannot_show_and_says_so() -> None:
    picture = series.prepare([_curve("a", np.array([0.0, -1.0, 2.0]))], Look(log_y=True))
    assert picture.not_positive == 2
    assert picture.strokes[0].y.tolist() == [2.0]


def test_latest_wins_hides_the_attempts_that_all_points_draws_faintly() -> None:
    curve = Curve(
        "a", ".", "x", "", np.array([0, 1, 2, 1, 2]), np.arange(5.0), np.arange(5.0)
    )  # fmt: skip
    everything = series.prepare([curve], Look())
    assert len(everything.lost) == 1
    assert everything.restarts == [("a", 1.0)]
    latest = series.prepare([curve], Look(latest=True))
    assert not latest.lost
    assert not latest.restarts
    assert latest.strokes[0].y.tolist() == [0.0, 3.0, 4.0]
    timed = series.prepare([curve], Look(axis="relative"))
    assert timed.strokes[0].x.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_seeds_become_one_line_a_split() -> None:
    curves = [
        _curve(f"net_seed{i}", np.full(5, float(i)), split)
        for i in range(3)
        for split in ("train", "validation")
    ]
    groups = series.group_runs([curve.run for curve in curves])
    picture = series.prepare(curves, Look(band=True), groups)
    assert [(s.name, s.split, s.y[0]) for s in picture.strokes] == [
        ("net", "train", 1.0),
        ("net", "validation", 1.0),
    ]
    low, high = picture.strokes[0].low, picture.strokes[0].high
    assert low is not None
    assert high is not None
    assert (low[0], high[0]) == (0.0, 2.0)


def test_nothing_to_draw_is_an_empty_picture() -> None:
    assert series.prepare([], Look(ignore_outliers=True)).drawn == 0
    assert series.prepare([_curve("a", np.zeros(0))], Look(log_x=True, log_y=True)).drawn == 0
