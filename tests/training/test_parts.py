"""Progress, checkpoints, early stopping, grids, sums and hardware samples, one by one."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.training import progress as progress_module
from core.training.checkpoint import BestSoFar, save_checkpoint
from core.training.data import LoaderSettings, make_loader, pins, to_device
from core.training.files import write_json
from core.training.grid import TILE_PX, image_grid
from core.training.progress import ProgressFile
from core.training.step import Sums, TrainStep
from core.workloads.base import cross_entropy

LOSSES = st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=30)


@given(LOSSES, st.integers(1, 5))
def test_patience_counts_epochs_since_the_best(losses, patience):
    best = BestSoFar(patience)
    for epoch, loss in enumerate(losses, 1):
        best.update(epoch, loss)
        seen = [x for x in losses[:epoch] if x < math.inf]
        assert best.value == min(seen, default=math.inf)
        assert best.exhausted == (epoch - best.epoch >= patience)


def test_patience_zero_never_stops():
    best = BestSoFar(0)
    for epoch in range(1, 100):
        best.update(epoch, float(epoch))
    assert not best.exhausted


def test_a_checkpoint_that_cannot_be_finished_leaves_the_old_one(tmp_path, monkeypatch):
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.AdamW(model.parameters())
    path = tmp_path / "checkpoints" / "last.pt"
    save_checkpoint(path, model, optimizer, 1, 0.5, {"workload": "x"})

    def fail(state, target):
        target.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, model, optimizer, 2, 0.4, {})
    assert torch.load(path, weights_only=True)["epoch"] == 1
    assert [p.name for p in path.parent.iterdir()] == ["last.pt"]


def test_json_that_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": math.nan})
    assert json.loads(path.read_text()) == {"a": 1}


def test_progress_is_throttled_and_estimates_what_is_left(tmp_path, monkeypatch):
    clock = [1_000.0]
    monkeypatch.setattr(progress_module.time, "time", lambda: clock[0])
    progress = ProgressFile(tmp_path)

    def read():
        return json.loads((tmp_path / "progress.json").read_text())

    progress.stage("epoch", 10, "starting")
    assert read()["eta_s"] is None
    clock[0] += 0.1
    progress.update(1.0, "too soon")
    assert read()["phase"] == "starting"
    clock[0] += 9.9
    progress.update(2.5, "epoch 3 of 10")
    content = read()
    assert (content["done"], content["total"], content["unit"]) == (2, 10, "epoch")
    assert content["eta_s"] == pytest.approx(30.0)
    assert (content["started"], content["updated"]) == (1_000.0, 1_010.0)


@given(st.integers(1, 40), st.sampled_from([1, 3]), st.integers(1, 12), st.booleans())
def test_a_grid_has_a_tile_for_every_picture(count, channels, columns, named):
    images = np.zeros((count, channels, 9, 7))
    names = [str(i) for i in range(count)] if named else []
    grid = image_grid(images, names, columns)
    rows = math.ceil(count / min(columns, count))
    assert grid.dtype == np.uint8
    assert grid.shape[2] == 3
    assert grid.shape[1] > TILE_PX * min(columns, count)
    assert grid.shape[0] > TILE_PX * rows
    assert int((grid == 0).all(axis=2).sum()) >= count * TILE_PX**2


def test_a_grid_shows_the_pixels_and_survives_bad_ones():
    images = np.full((1, 1, 4, 4), 0.5)
    images[0, 0, 0, 0], images[0, 0, 3, 3] = np.nan, np.inf
    grid = image_grid(images)
    middle = grid[grid.shape[0] // 2, grid.shape[1] // 2]
    assert middle.tolist() == [127, 127, 127]
    with pytest.raises(ValueError, match="images must be"):
        image_grid(np.zeros((0, 3, 4, 4)))


def test_sums_are_weighted_means_and_keep_the_peak():
    sums = Sums()
    assert sums.read() == {}
    for value, weight in ((1.0, 3), (5.0, 1)):
        sums.add("loss", torch.tensor(value), weight)
        sums.peak("top", torch.tensor(value))
    assert sums.read() == {"loss": 2.0, "top": 5.0}
    sums.peak("top", torch.tensor(math.nan))
    assert math.isnan(sums.read()["top"])


def test_a_step_measures_gradient_norm_and_update_ratio():
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    before = [p.detach().clone() for p in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    metrics = {"Accuracy": lambda o, t: (o.argmax(-1) == t).float().mean()}
    step = TrainStep(
        model, cross_entropy, lambda o, t: {k: f(o, t) for k, f in metrics.items()}, optimizer
    )
    sums = Sums()
    step(torch.randn(4, 3), torch.tensor([0, 1, 1, 0]), sums, measure=True)
    values = sums.read()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    gradient = math.sqrt(sum(float((g**2).sum()) for g in grads))
    weights = math.sqrt(sum(float((p**2).sum()) for p in before))
    assert values["gradient_norm"] == pytest.approx(gradient, rel=1e-5)
    assert values["update_ratio"] == pytest.approx(0.1 * gradient / weights, rel=1e-4)


def test_pinning_waits_for_a_cuda_device():
    wanted = LoaderSettings(pin_memory=True)
    assert not pins(wanted, torch.device("cpu"))
    assert pins(wanted, torch.device("cuda", 0))
    assert not pins(LoaderSettings(pin_memory=False), torch.device("cuda", 0))


def test_a_loader_without_workers_takes_no_worker_arguments():
    data = torch.utils.data.TensorDataset(torch.arange(6))
    cpu = torch.device("cpu")
    loader = make_loader(data, LoaderSettings(), cpu, batch_size=4, seed=0, shuffle=True)
    assert not loader.persistent_workers
    again = make_loader(data, LoaderSettings(), cpu, batch_size=4, seed=0, shuffle=True)
    assert [b[0].tolist() for b in loader] == [b[0].tolist() for b in again]


def test_a_nested_batch_is_moved_whole():
    batch = ({"a": torch.ones(2)}, [torch.zeros(1), "name"])
    moved = to_device(batch, torch.device("meta"), non_blocking=False)
    assert moved[0]["a"].device.type == moved[1][0].device.type == "meta"
    assert moved[1][1] == "name"
