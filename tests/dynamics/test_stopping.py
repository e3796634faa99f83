"""Stop advice: only the past is seen, and a stop needs a lasting, relevant, certain rise."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dynamics import diagnose, first_stop, stop_advice


def test_a_rising_validation_loss_is_stopped_soon_after_its_best(pair, overfit):
    train, val = overfit(60)
    whole = pair(val, train)
    step = first_stop(whole)
    assert step is not None
    best = int(np.argmin(val))
    assert best + 5 <= step < 45
    advice = stop_advice(whole.until(step))
    assert advice.stop
    assert advice.best_step == best
    assert advice.since_step is not None
    assert best < advice.since_step <= step
    assert f"step {best}" in advice.reason
    assert "more than its noise explains" in advice.reason
    assert diagnose(whole).stop_step == step
    assert diagnose(whole, at=step - 1).stop_step is None


def test_a_falling_and_a_flat_noisy_loss_go_on(pair, fall):
    rng = np.random.default_rng(0)
    flat = fall(300, 0.4, 0.2) + 0.04 * rng.standard_normal(300)
    for val in (fall(300), flat):
        assert first_stop(pair(val, val)) is None
        advice = stop_advice(pair(val, val))
        assert (advice.stop, advice.since_step) == (False, None)
        assert advice.best_step == int(np.argmin(val))


def test_false_alarms_on_noise_are_rare(pair, fall):
    rng = np.random.default_rng(1)
    alarms = [
        first_stop(pair(fall(80, 0.4, 0.1) * (1 + 0.05 * rng.standard_normal(80)))) is not None
        for _ in range(100)
    ]
    assert sum(alarms) <= 12


def test_two_points_that_are_not_finite_stop_and_one_does_not(pair, fall):
    train = fall(30)
    train[12] = np.nan
    assert first_stop(pair(fall(30), train)) is None
    train[20:] = np.nan
    assert first_stop(pair(fall(30), train)) == 21
    advice = stop_advice(pair(fall(30), train))
    assert advice.since_step == 28
    assert "training loss is no longer finite" in advice.reason


@pytest.mark.parametrize("val", [None, [], [np.nan], [1.0]])
def test_too_little_to_judge_by_goes_on(pair, val):
    given_pair = pair(None if val is None else np.array(val, float), np.ones(1))
    assert not stop_advice(given_pair).stop
    assert first_stop(given_pair) is None


loss = st.floats(0.1, 4) | st.sampled_from([np.nan, np.inf])


@given(st.lists(loss, max_size=40), st.integers(1, 50))
@settings(max_examples=100, deadline=None)
def test_the_first_stop_is_the_first_prefix_that_is_advised_to_stop(pair, values, every):
    curve = np.sort(np.array(values, float))[::-1] if len(values) % 2 else np.array(values, float)
    whole = pair(np.concatenate([curve, curve[::-1]]), None, every)
    steps = whole.val.steps.tolist()
    advised = [step for step in steps if stop_advice(whole.until(step)).stop]
    assert first_stop(whole) == min(advised, default=None)


def test_long_runs_are_asked_less_often_but_alike(pair):
    rng = np.random.default_rng(0)
    epoch = np.arange(900)
    val = 1 + np.abs(epoch - 300) / 600 + 0.05 * rng.standard_normal(900)
    whole = pair(val, val)
    step = first_stop(whole)
    assert step is not None
    assert stop_advice(whole.until(step)).stop
    assert not any(stop_advice(whole.until(at)).stop for at in range(step - 40, step))


def test_asking_after_every_epoch_is_cheap(pair, overfit):
    train, val = overfit(2000, 0.05)
    whole = pair(val, train)
    begin = time.process_time()
    for step in range(1900, 2000):
        stop_advice(whole.until(step))
    assert (time.process_time() - begin) / 100 < 0.005
