from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from core import series
from core.series import Curve


def _curve(values: list[float], steps: list[int] | None = None) -> Curve:
    n = len(values)
    step = np.arange(n) if steps is None else np.array(steps)
    time = 1e9 + 60.0 * np.arange(n)
    return Curve("a", ".", "loss", "", step.astype(np.int64), time, np.array(values, float))


@given(
    st.lists(st.floats(-1e6, 1e6) | st.sampled_from([np.nan, np.inf, -np.inf]), max_size=900),
    st.integers(4, 300),
)
def test_thinning_keeps_the_extremes_sorted_and_bounded(values: list[float], limit: int) -> None:
    y = np.array(values, float)
    keep = series.thin(y, limit)
    assert len(keep) <= limit
    assert np.all(np.diff(keep) > 0)
    finite = np.flatnonzero(np.isfinite(y))
    assert set(keep) <= set(finite)
    if len(finite):
        assert y[keep].min() == y[finite].min()
        assert y[keep].max() == y[finite].max()
        assert {finite[0], finite[-1]} <= set(keep)


def test_smoothing_averages_towards_the_past_and_leaves_nan_alone() -> None:
    values = np.array([1.0, np.nan, 3.0])
    smoothed = series.smooth(values, 0.5)
    assert smoothed[0] == 1.0
    assert np.isnan(smoothed[1])
    assert smoothed[2] == (3.0 + 0.5 * 1.0) / 1.5
    assert series.smooth(values, 0.0) is values


def test_a_frame_is_cut_into_its_curves() -> None:
    frame = pd.DataFrame(
        {
            "run": [".", ".", "val", "val"],
            "tag": ["a", "b", "a", "a"],
            "step": [0, 1, 2, 3],
            "wall_time": 0.0,
            "value": [1.0, 2.0, 3.0, 4.0],
        }
    )
    found = {(c.folder, c.tag, c.split): c.value.tolist() for c in series.cut(frame, "net")}
    assert found == {
        (".", "a", ""): [1.0],
        (".", "b", ""): [2.0],
        ("val", "a", "validation"): [3.0, 4.0],
    }


def test_a_restart_supersedes_what_it_repeats() -> None:
    curve = _curve([5.0, 4.0, 3.0, 3.5, 2.0], [0, 1, 2, 1, 2])
    main, lost, back = series.by_restart(curve)
    assert main.value.tolist() == [5.0, 3.5, 2.0]
    assert [part.value.tolist() for part in lost] == [[4.0, 3.0]]
    assert back.tolist() == [1]


def test_a_writer_without_steps_is_drawn_in_order() -> None:
    main, lost, back = series.by_restart(_curve([3.0, 2.0, 1.0], [0, 0, 0]))
    assert main.step.tolist() == [0, 1, 2]
    assert not lost
    assert not len(back)


def test_values_are_looked_up_at_or_before_a_place_and_never_beyond_the_ends() -> None:
    x, y = np.array([1.0, 3.0]), np.array([10.0, 30.0])
    found = series.value_at(x, y, np.array([0.0, 1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_array_equal(found, [np.nan, 10.0, 10.0, 30.0, np.nan])


def test_one_outlier_does_not_stretch_the_axis() -> None:
    values = np.concatenate([np.linspace(0, 1, 99), [1000.0]])
    limits = series.robust_range(values)
    assert limits is not None
    assert limits[1] < 2
    assert 1 <= series.outside(values, limits) <= 10


def test_the_mean_over_seeds_interpolates_and_says_of_how_many() -> None:
    a = (np.array([0.0, 2.0]), np.array([0.0, 2.0]))
    b = (np.array([0.0, 1.0]), np.array([2.0, 3.0]))
    band = series.average([a, b])
    assert band.x.tolist() == [0.0, 1.0, 2.0]
    assert band.mean.tolist() == [1.0, 2.0, 2.0]
    assert band.n.tolist() == [2, 2, 1]
    np.testing.assert_allclose(band.sd, [np.sqrt(2), np.sqrt(2), 0.0])
    assert len(series.average([]).x) == 0
