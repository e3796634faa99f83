"""L2, L3, F3: many small operations where one would do."""

from __future__ import annotations

import pytest

STEP = "Optimizer.step#SGD.step"
ZERO = "Optimizer.zero_grad#SGD.zero_grad"


def optimizing(line, count, *, name="aten::add_", gap=8.0, kernel="add"):
    """Each step launches ``count`` kernels of 2 µs from the optimizer, one every ``gap`` + 2 µs."""
    line.steps(3)
    for t in range(0, 3000, 1000):
        line.work("gemm", t + 1, t + 5, 295)
        line.host(STEP, t + 300, 690, kind="user_annotation")
        for index in range(count):
            at = t + 302 + index * (gap + 2)
            line.host(name, at, gap)
            line.work(kernel, at + gap - 3, at + gap, 2)
    return line.found()


def test_a_loop_over_parameters_is_found(line):
    found = optimizing(line, 60)["L2"]
    assert found.evidence[0].startswith("60 kernels in one step of the optimizer")
    assert "fused=True" in found.fix.snippet
    assert found.cost_ms == pytest.approx(0.48, abs=0.02)


@pytest.mark.parametrize(
    ("count", "change"),
    [
        (60, {"name": "aten::_foreach_add_"}),
        (60, {"kernel": "multi_tensor_apply_kernel"}),
        (15, {}),
        (60, {"gap": 0.5}),
    ],
    ids=["foreach", "fused kernel", "few kernels", "no idle time"],
)
def test_other_optimizers_are_left_alone(line, count, change):
    assert "L2" not in optimizing(line, count, **change)


def test_without_a_device_the_optimizers_share_of_the_host_counts(line):
    line.steps(3)
    for t in range(0, 3000, 1000):
        line.host("aten::linear", t + 5, 600)
        line.host(STEP, t + 610, 380, kind="user_annotation")
        for index in range(30):
            line.host("aten::add_", t + 612 + 12 * index, 10)
    assert line.found()["L2"].share == pytest.approx(0.38)


def zeroing(line, *, outer=None, around=(ZERO, "user_annotation"), name="aten::zero_"):
    line.steps(3)
    for t in range(0, 3000, 1000):
        line.host(around[0], t + 10, 200, kind=around[1])
        for index in range(10):
            at = t + 12 + 15 * index
            if outer:
                line.host(outer, at - 1, 12)
            line.host(name, at, 8)
            line.work("fill", at + 4, at + 6, 3)
        line.work("gemm", t + 180, t + 220, 700)
    return line.found()


@pytest.mark.parametrize(
    "around",
    [(ZERO, "user_annotation"), ("torch/optim/optimizer.py(216): zero_grad", "python_function")],
)
def test_filled_gradients_are_found(line, around):
    found = zeroing(line, around=around)["L3"]
    assert found.evidence == ("10 fills a step.",)
    assert "set_to_none=True" in found.fix.snippet


@pytest.mark.parametrize(
    "change",
    [
        {"outer": "aten::zeros"},
        {"around": ("train.py(3): forward", "python_function")},
        {"name": "aten::mul"},
    ],
    ids=["new tensors", "elsewhere", "no fill"],
)
def test_other_fills_are_left_alone(line, change):
    assert "L3" not in zeroing(line, **change)


def indexing(line, rounds, *, body=("aten::select", "aten::mul", "aten::add_"), odd=None):
    line.steps(3)
    for t in range(0, 3000, 1000):
        at = t + 10
        for index in range(rounds):
            for name in body:
                line.host("aten::relu" if (odd and index % odd == 0) else name, at, 6)
                at += 8
            line.work("k", at - 6, at - 3, 2)
        line.work("gemm", t + 795, t + 800, 150)
    return line.found()


def test_a_loop_over_the_rows_of_a_tensor_is_found(line):
    found = indexing(line, 20)["F3"]
    assert "3 loops of 20 rounds" in found.evidence[0]


@pytest.mark.parametrize(
    "body",
    [
        ("aten::select", "aten::mul", "aten::select", "aten::copy_"),
        ("aten::select", "aten::select", "aten::mul", "aten::select", "aten::copy_"),
    ],
    ids=["y[i] = x[i] * w", "y[i] = x[i] * w[i]"],
)
def test_a_round_that_indexes_more_than_once_is_one_round(line, body):
    found = indexing(line, 12, body=body)["F3"]
    assert "3 loops of 12 rounds" in found.evidence[0]


@pytest.mark.parametrize(
    ("rounds", "change"),
    [(9, {}), (20, {"body": ("aten::slice", "aten::mul")}), (20, {"odd": 5})],
    ids=["nine rounds", "no select", "never ten alike"],
)
def test_other_repetitions_are_not(line, rounds, change):
    assert "F3" not in indexing(line, rounds, **change)
