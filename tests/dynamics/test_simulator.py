"""The simulator's closed form against a training done step by step, and its physics."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dynamics import SimulatorSettings, diagnose, simulate, simulator
from core.errors import BadInput


def verdict_of(**changes) -> str:
    return diagnose(simulate(replace(SimulatorSettings(), **changes))).verdict


def last_val(**changes) -> float:
    pair = simulate(replace(SimulatorSettings(), **changes))
    assert pair.val is not None
    return float(pair.val.values[-1])


@pytest.mark.parametrize("seed", range(5))
def test_the_defaults_overfit(seed):
    verdict = diagnose(simulate(SimulatorSettings(seed=seed)))
    assert verdict.verdict == "overfitting"
    assert [zone.phase for zone in verdict.zones] == ["underfitting", "optimal", "overfitting"]


@pytest.mark.parametrize("seed", range(3))
def test_regularisation_cures_overfitting(seed):
    assert verdict_of(regularisation=0.7, seed=seed) == "optimal"
    assert last_val(regularisation=0.7, seed=seed) < last_val(seed=seed)


@pytest.mark.parametrize("seed", range(3))
def test_more_data_cures_overfitting(seed):
    assert verdict_of(samples=2000, seed=seed) == "optimal"
    assert last_val(samples=2000, seed=seed) < 0.6 * last_val(seed=seed)


@pytest.mark.parametrize("seed", range(3))
def test_too_small_a_model_underfits_with_both_losses_high(seed):
    pair = simulate(SimulatorSettings(capacity=5, samples=500, seed=seed))
    assert diagnose(pair).verdict == "underfitting"
    assert pair.train is not None
    assert pair.val is not None
    assert pair.train.values[-1] > 0.8 * pair.train.values[0]
    assert pair.val.values[-1] > 0.8 * pair.val.values[0]


def test_more_label_noise_overfits_more():
    risen = []
    for noise in (0.0, 0.5, 1.0):
        pair = simulate(SimulatorSettings(noise=noise))
        assert pair.val is not None
        risen.append(pair.val.values[-1] / pair.val.values.min())
    assert risen[0] < risen[1] < risen[2]


def test_the_closed_form_is_what_gradient_descent_does():
    """Plain gradient descent on the same data, validated on fresh samples."""
    settings_ = SimulatorSettings(capacity=40, samples=60, noise=0.5, regularisation=0.1, epochs=20)
    pair = simulate(settings_)
    rng = np.random.default_rng(settings_.seed)
    teacher = simulator._teacher(rng)
    seen, unseen = teacher[:40], teacher[40:]
    spread = np.sqrt(settings_.noise**2 + unseen @ unseen)
    inputs = rng.standard_normal((60, 40))
    labels = inputs @ seen + spread * rng.standard_normal(60)
    fresh = np.random.default_rng(99)
    new_inputs = fresh.standard_normal((100_000, 40))
    new_labels = new_inputs @ seen + spread * fresh.standard_normal(100_000)
    weights = np.zeros(40)
    for _ in range(settings_.epochs * simulator.STEPS_PER_EPOCH):
        gradient = inputs.T @ (inputs @ weights - labels) / 60 + 0.1 * weights
        weights -= settings_.learning_rate * gradient
    assert pair.train is not None
    assert pair.val is not None
    train = np.mean((inputs @ weights - labels) ** 2)
    val = np.mean((new_inputs @ weights - new_labels) ** 2)
    assert pair.train.values[-1] == pytest.approx(train, rel=1e-6)
    assert pair.val.values[-1] == pytest.approx(val, rel=0.03)


@given(
    capacity=st.integers(1, 300),
    samples=st.integers(20, 400),
    noise=st.floats(0, 2),
    regularisation=st.floats(0, 2),
    epochs=st.integers(10, 60),
)
@settings(max_examples=40, deadline=None)
def test_losses_are_finite_and_training_loss_never_rises_without_decay(
    capacity, samples, noise, regularisation, epochs
):
    pair = simulate(SimulatorSettings(capacity, samples, noise, regularisation, epochs))
    assert pair.train is not None
    assert pair.val is not None
    assert len(pair.train) == len(pair.val) == epochs + 1
    assert np.isfinite(pair.val.values).all()
    assert (pair.train.values >= 0).all()
    assert (pair.val.values >= noise**2 - 1e-9).all()
    if regularisation == 0:
        assert (np.diff(pair.train.values) <= 1e-9).all()


def test_the_same_seed_gives_the_same_curves():
    first, second = simulate(SimulatorSettings(seed=3)), simulate(SimulatorSettings(seed=3))
    assert first.val is not None
    assert second.val is not None
    assert first.val.values.tolist() == second.val.values.tolist()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("capacity", 0),
        ("samples", 5),
        ("noise", -1),
        ("regularisation", 9),
        ("epochs", 0),
        ("learning_rate", 2.0),
    ],
)
def test_settings_out_of_bounds_are_refused(name, value):
    with pytest.raises(BadInput, match=f"{name} must be between"):
        simulate(replace(SimulatorSettings(), **{name: value}))


def test_the_largest_setting_is_fast_enough_to_drag_a_slider():
    largest = SimulatorSettings(capacity=300, samples=2000, epochs=500)
    simulate(largest)
    spent = []
    for _ in range(3):
        start = time.perf_counter()
        simulate(largest)
        spent.append(time.perf_counter() - start)
    assert min(spent) < 0.5


PRESET_VERDICTS = {
    "overfits": {"overfitting"},
    "underfits": {"underfitting"},
    "diverges": {"diverged"},
    "right": {"optimal"},
    "noisy": {"overfitting"},
}


@pytest.mark.parametrize("name", simulator.PRESETS)
@pytest.mark.parametrize("seed", range(3))
def test_each_preset_shows_what_it_is_called(name, seed):
    preset = replace(simulator.PRESETS[name], seed=seed)
    assert diagnose(simulate(preset)).verdict in PRESET_VERDICTS[name]


def gap(**changes) -> float:
    pair = simulate(replace(SimulatorSettings(), **changes))
    assert pair.train is not None
    assert pair.val is not None
    return float(pair.val.values[-1] - pair.train.values[-1])


seeds = st.integers(0, 99)


@given(samples=st.integers(100, 500), noise=st.floats(0.2, 1.5), seed=seeds)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_four_times_the_data_narrows_the_final_gap(samples, noise, seed):
    few = gap(samples=samples, noise=noise, seed=seed)
    assert gap(samples=4 * samples, noise=noise, seed=seed) < few


@given(noise=st.floats(0.5, 1.5), seed=seeds)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_enough_capacity_without_regularisation_overfits_where_little_does_not(noise, seed):
    shared = {"noise": noise, "samples": 200, "epochs": 100, "seed": seed}
    assert verdict_of(capacity=180, **shared) == "overfitting"
    assert gap(capacity=5, **shared) < gap(capacity=180, **shared) / 2


@given(capacity=st.integers(100, 300), samples=st.integers(50, 200), seed=seeds)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_a_learning_rate_beyond_the_limit_of_theory_diverges(capacity, samples, seed):
    """The largest eigenvalue of X'X/P is near (1 + sqrt(N/P))^2 (Marchenko & Pastur 1967)."""
    limit = 2 / (1 + (capacity / samples) ** 0.5) ** 2
    shared = {"capacity": capacity, "samples": samples, "seed": seed, "noise": 0.3}
    assert verdict_of(learning_rate=min(2 * limit, 1.0), **shared) == "diverged"
    assert verdict_of(learning_rate=0.2 * limit, **shared) != "diverged"


@given(noise=st.floats(0.3, 1.5), seed=seeds)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_more_regularisation_overfits_less(noise, seed):
    def risen(decay: float) -> float:
        pair = simulate(SimulatorSettings(noise=noise, regularisation=decay, seed=seed))
        assert pair.val is not None
        return float(pair.val.values[-1] / pair.val.values.min())

    assert risen(1.0) <= risen(0.1) <= risen(0.0)


def test_a_diverged_training_overflows_as_a_real_one_does():
    pair = simulate(SimulatorSettings(learning_rate=1.0, epochs=60))
    assert pair.val is not None
    assert np.isinf(pair.val.values).sum() == 1
    assert np.isnan(pair.val.values[-1])
