"""Noise level and trend."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dynamics.smoothing import fall_t, noise_level, smooth


@pytest.mark.parametrize("noise", [0.01, 0.1])
def test_the_noise_is_measured_whatever_the_trend(fall, noise):
    rng = np.random.default_rng(0)
    values = fall(400, 0.3, 0.02) + noise * rng.standard_normal(400)
    values[200:] -= 0.5  # a drop of the learning rate
    assert noise_level(values) == pytest.approx(noise, rel=0.2)


def test_smoothing_brings_a_noisy_curve_closer_to_the_truth(fall):
    rng = np.random.default_rng(0)
    truth = fall(200, 0.3, 0.03)
    noisy = truth + 0.05 * rng.standard_normal(200)
    trend = smooth(noisy)
    assert np.abs(trend.values - truth).mean() < 0.4 * np.abs(noisy - truth).mean()
    assert 0 < trend.standard_error(100) < 0.5 * trend.noise


def test_a_spike_does_not_drag_the_trend(fall):
    rng = np.random.default_rng(0)
    truth = fall(100)
    noisy = truth + 0.01 * rng.standard_normal(100)
    noisy[50] += 5
    assert np.abs(smooth(noisy).values - truth).max() < 0.05


def test_a_steep_start_before_a_long_plateau_survives(fall):
    values = fall(100, 0.4, 0.8) + 1e-4 * np.random.default_rng(0).standard_normal(100)
    assert smooth(values).values[0] == pytest.approx(2.0, abs=0.2)


def test_a_curve_without_noise_is_left_as_it_is(fall):
    values = np.linspace(3, 1, 20)
    assert smooth(values).values.tolist() == values.tolist()


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_the_trend_is_finite_and_as_long_as_the_curve(values):
    trend = smooth(np.array(values))
    assert trend.values.shape == (len(values),)
    assert np.isfinite(trend.values).all()
    assert trend.noise >= 0


def test_the_slope_is_tested_against_its_noise():
    rng = np.random.default_rng(0)
    flat = rng.standard_normal(50)
    assert abs(fall_t(flat)) < 3
    assert fall_t(flat - 0.2 * np.arange(50)) < -10
    assert fall_t(np.arange(5.0)) > 1e5
    assert fall_t(np.ones(2)) == 0
