"""What is measured of layers and units, on networks where the answer is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset, default_collate

from core.training.epoch import standard_error
from core.training.layers import MAX_LAYERS, Layers, spread
from core.training.probe import SAMPLES, Probe, Units
from core.training.step import Sums, TrainStep
from core.workloads.base import cross_entropy

CPU = torch.device("cpu")


def test_layers_are_weights_and_their_ratio_is_that_of_the_step():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    parameters = list(model.parameters())
    before = [p.detach().clone() for p in parameters]
    model(torch.randn(5, 3)).sum().backward()
    with torch.no_grad():
        for parameter in parameters:
            parameter += 0.1 * parameter
    found = Layers(model, parameters).signals(before)
    assert set(found) == {
        "@Gradients/first_layer_norm",
        "@Gradients/last_layer_norm",
        "@Updates/to_weight_ratio/0",
        "@Updates/to_weight_ratio/2",
    }
    assert float(found["@Updates/to_weight_ratio/2"]) == pytest.approx(0.1, rel=1e-4)
    gradient = parameters[0].grad
    assert gradient is not None
    assert float(found["@Gradients/first_layer_norm"]) == pytest.approx(float(gradient.norm()))


def test_of_a_deep_model_some_layers_stand_for_all():
    assert spread(list(range(5)), 12) == [0, 1, 2, 3, 4]
    chosen = spread(list(range(500)), MAX_LAYERS)
    assert len(set(chosen)) == MAX_LAYERS
    assert (chosen[0], chosen[-1]) == (0, 499)


def test_a_model_without_layers_has_no_signals():
    model = nn.BatchNorm1d(3)
    parameters = list(model.parameters())
    assert Layers(model, parameters).signals([p.detach() for p in parameters]) == {}


def test_steps_with_nan_are_counted():
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    step, sums = TrainStep(model, cross_entropy, lambda o, t: {}, optimizer), Sums()
    for value in (0.0, 0.0, 0.0, math.nan):
        step(torch.full((4, 3), value), torch.zeros(4, dtype=torch.long), sums)
    assert sums.read()["nonfinite"] == 0.25


def test_the_standard_error_is_that_of_the_mean_of_all_samples():
    losses = torch.rand(4_000, generator=torch.Generator().manual_seed(0))
    counts = [100] * 40
    found = standard_error(losses.reshape(40, 100).mean(1), counts)
    assert float(found) == pytest.approx(float(losses.std() / math.sqrt(4_000)), rel=0.3)
    assert float(standard_error(torch.tensor([1.0, 1.0]), [3, 5])) == 0.0


class Half(nn.Module):
    """Ten units of which the first four never fire, then a convolution that always does."""

    def __init__(self) -> None:
        super().__init__()
        self.relu, self.drop = nn.ReLU(), nn.Dropout(0.9)
        self.register_buffer("bias", torch.cat([torch.full((4,), -9.0), torch.ones(6)]))

    def forward(self, inputs):
        first = self.relu(inputs.abs().clamp(max=1) + self.bias)
        return self.drop(self.relu(1 + first.abs())[:, :2])


def test_units_that_never_fire_are_dead_and_each_call_is_a_layer():
    model = Half().eval()
    with Units(model) as units:
        for _ in range(3):
            units.next_batch()
            model(torch.randn(8, 10))
        dead = units.dead()
    assert [int(layer.sum()) for layer in dead] == [4, 0]
    model(torch.randn(8, 10))
    assert not model.relu._forward_hooks


def test_a_convolution_has_a_unit_for_each_channel():
    model = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU())
    with Units(model) as units:
        units.next_batch()
        model(torch.randn(4, 1, 9, 9))
        assert [len(layer) for layer in units.dead()] == [6]


def test_the_probe_measures_without_dropout_and_draws_no_numbers():
    data = TensorDataset(torch.randn(300, 10), torch.zeros(300, dtype=torch.long))
    state = torch.get_rng_state()
    probe, model = Probe(data, default_collate, 50), Half()
    assert sum(len(targets) for _, targets in probe._batches) == SAMPLES
    values = [probe.measure(model, cross_entropy, CPU) for _ in range(2)]
    assert values[0] == values[1]
    assert values[0]["@Activations/dead_share_max"] == pytest.approx(0.4)
    assert values[0]["@Activations/dead_share"] == pytest.approx(0.2)
    assert torch.equal(state, torch.get_rng_state())


def test_large_samples_are_fewer():
    data = TensorDataset(torch.zeros(40, 1_000_000), torch.zeros(40, dtype=torch.long))
    assert sum(len(t) for _, t in Probe(data, default_collate, 64)._batches) < 12
