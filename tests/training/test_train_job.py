"""A training leaves everything a page shows, and stops when it should."""

from __future__ import annotations

import gzip
import json
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from core import dynamics
from core.errors import JobFailed
from core.events import load as load_events
from core.training.run import run
from core.training.train_job import DIVERGED_EPOCHS
from core.workloads import load, validate

TINY = {"epochs": 2, "train_samples": 48, "batch_size": 24}


def events(folder: Path) -> EventAccumulator:
    read = EventAccumulator(str(folder), {"images": 0, "histograms": 0, "tensors": 0})
    read.Reload()
    return read


def curve(folder: Path, tag: str) -> tuple[list[int], list[float]]:
    rows = events(folder).Scalars(tag)
    return [row.step for row in rows], [row.value for row in rows]


def test_every_epoch_has_its_scalars_counted_from_one(tiny_run):
    tags = {
        "Loss/train", "Loss/val", "Accuracy/train", "Accuracy/val", "LearningRate",
        "Gradients/global_norm", "Gradients/global_norm_max", "Updates/to_weight_ratio",
        "Speed/samples_per_s", "Speed/data_wait_ms", "Speed/step_ms",
        "Gradients/first_layer_norm", "Gradients/last_layer_norm", "Gradients/nonfinite_steps",
        "Updates/to_weight_ratio/features.0", "Updates/to_weight_ratio/head.5",
        "Probe/val_sem",
    }  # fmt: skip
    for tag in tags:
        steps, values = curve(tiny_run, tag)
        assert steps == [1, 2], tag
        assert all(math.isfinite(value) and value >= 0 for value in values), tag


def test_the_facts_and_the_loss_before_training_are_logged_once(tiny_run):
    facts = {"n_train": 48, "n_val": 360, "planned_epochs": 2, "classes": 10, "dropout": 0}
    for name, value in {**facts, "constant_lr": 1, "augmentation": 0}.items():
        assert curve(tiny_run, f"Setup/{name}") == ([0], [value])
    steps, values = curve(tiny_run, "Probe/train_in_eval_mode")
    assert steps == [0, 1, 2] == curve(tiny_run, "Activations/dead_share_max")[0]
    assert values[0] == pytest.approx(math.log(10), rel=0.1)
    assert curve(tiny_run, "Setup/expected_start")[1][0] == pytest.approx(math.log(10))


def test_the_checks_find_all_they_need_and_the_losses_are_found_first(tiny_run):
    scalars = load_events(list(tiny_run.glob("*tfevents*")), kinds={"scalars"}, root=tiny_run)
    (pair,) = dynamics.pair_losses(scalars.scalars)
    assert (pair.train_tag, pair.val_tag) == ("Loss/train", "Loss/val")
    unknown = [check for check in dynamics.diagnose(pair).checks if check.status == "unknown"]
    assert all(check.detail.startswith("Needs at least") or "points" in check.detail
               for check in unknown), unknown  # fmt: skip


def test_logged_speed_agrees_with_itself(tiny_run):
    per_s, step_ms, wait_ms = (
        np.array(curve(tiny_run, f"Speed/{name}")[1])
        for name in ("samples_per_s", "step_ms", "data_wait_ms")
    )
    assert np.allclose(per_s * step_ms / 1e3, TINY["batch_size"], rtol=1e-4)
    assert np.all(wait_ms < step_ms)


def test_pictures_histograms_text_and_hyperparameters_are_there(tiny_run):
    read = events(tiny_run)
    assert set(read.Tags()["images"]) == {"Images/inputs", "Images/worst_mistakes"}
    assert {"Weights/features.0.weight", "Gradients/head.5.bias"} <= set(read.Tags()["histograms"])
    assert "config/text_summary" in read.Tags()["tensors"]
    assert "hparams" in read.summary_metadata["_hparams_/experiment"].plugin_data.plugin_name


def test_hyperparameters_open_no_run_of_their_own(tiny_run):
    found = [path.relative_to(tiny_run).parts for path in tiny_run.rglob("*tfevents*")]
    assert len(found) == 1
    assert len(found[0]) == 1


def test_validation_loss_is_that_of_the_checkpoint(tiny_run):
    state = torch.load(tiny_run / "checkpoints" / "last.pt", weights_only=True)
    workload: Any = load("digits")
    params = workload.Params(**validate("digits", TINY))
    model = workload.model(params).eval()
    model.load_state_dict(state["model"])
    images, labels = workload.datasets(params)[1].tensors
    with torch.inference_mode():
        loss = float(workload.loss(params)(model(images), labels))
    assert state["epoch"] == 2
    assert state["val_loss"] == pytest.approx(loss, rel=1e-4)
    assert curve(tiny_run, "Loss/val")[1][-1] == pytest.approx(loss, rel=1e-4)


def test_the_best_checkpoint_has_the_lowest_validation_loss(tiny_run):
    best = torch.load(tiny_run / "checkpoints" / "best.pt", weights_only=True)
    values = curve(tiny_run, "Loss/val")[1]
    assert best["epoch"] == 1 + values.index(min(values))


def test_progress_ends_complete_and_job_json_keeps_what_the_supervisor_wrote(tiny_run):
    progress = json.loads((tiny_run / "progress.json").read_text())
    assert (progress["done"], progress["total"], progress["unit"]) == (2, 2, "epoch")
    assert progress["started"] <= progress["updated"]
    assert progress["eta_s"] == 0
    job = json.loads((tiny_run / "job.json").read_text())
    assert job["device_used"] == "cpu"
    assert {"python", "torch", "gpulse"} <= set(job["versions"])
    assert job["states"] == [{"state": "starting", "time": 1.0}]


def test_a_training_can_profile_steps_of_its_second_epoch(tiny_run):
    with gzip.open(tiny_run / "trace" / "digits-epoch2.pt.trace.json.gz") as file:
        names = [event.get("name", "") for event in json.load(file)["traceEvents"]]
    assert sum(name.startswith("ProfilerStep#") for name in names) == 1
    assert not (tiny_run / ".partial").exists()


def test_the_same_seed_gives_the_same_losses(make_job, tiny_run):
    folder = make_job(**TINY)
    run(folder)
    assert curve(folder, "Loss/train") == curve(tiny_run, "Loss/train")


def test_reading_the_loss_at_every_step_changes_the_speed_only(make_job, tiny_run):
    folder = make_job(**TINY, sync_every_step=True)
    run(folder)
    assert curve(folder, "Loss/val") == curve(tiny_run, "Loss/val")


def test_patience_stops_a_run_that_no_longer_improves(make_job):
    folder = make_job(epochs=40, train_samples=36, batch_size=36, lr=0.05, patience=2)
    run(folder)
    steps, values = curve(folder, "Loss/val")
    assert len(steps) < 40
    assert min(values) < min(values[-2:])
    progress = json.loads((folder / "progress.json").read_text())
    assert progress["phase"].startswith(f"stopped early at epoch {len(steps)}, best was")


@pytest.mark.slow
def test_digits_stop_by_themselves_and_keep_the_best(make_job, caplog):
    caplog.set_level(logging.INFO, logger="core")
    folder = make_job(early_stop="auto")
    run(folder)
    steps, values = curve(folder, "Loss/val")
    best = torch.load(folder / "checkpoints" / "best.pt", weights_only=True)
    assert best["epoch"] == 1 + values.index(min(values))
    assert best["epoch"] < len(steps) < 36
    assert max(values[best["epoch"] :]) > 1.05 * min(values)
    assert (
        f"epoch {best['epoch']}"
        in json.loads((folder / "alerts.jsonl").read_text().splitlines()[-1])["reason"]
    )
    phase = json.loads((folder / "progress.json").read_text())["phase"]
    assert phase.startswith(f"stopped at epoch {len(steps)}: ")
    assert phase.endswith(f"; the best checkpoint is that of epoch {best['epoch']}")
    assert phase in caplog.text
    told = [json.loads(line) for line in (folder / "alerts.jsonl").read_text().splitlines()]
    assert sum(line["kind"] == "stopped" for line in told) == 1
    assert (told[-1]["kind"], told[-1]["step"]) == ("stopped", len(steps))


def test_a_workload_without_a_sign_of_trouble_trains_to_its_end(make_job):
    folder = make_job(**TINY, early_stop="auto")
    run(folder)
    assert len(curve(folder, "Loss/val")[0]) == 2
    assert not (folder / "alerts.jsonl").exists()


def test_a_diverging_run_logs_some_epochs_and_then_says_so(make_job):
    folder = make_job(epochs=20, train_samples=48, batch_size=48, lr=10, early_stop="auto")
    loss = load("digits").loss

    with pytest.MonkeyPatch.context() as patch:
        # A loss that overflows, whatever the machine's arithmetic makes of lr=10.
        patch.setattr(
            type(load("digits")), "loss", lambda self, p: lambda o, t: loss(p)(o, t) * math.inf
        )
        with pytest.raises(JobFailed, match=r"not finite since epoch 1\. Lower lr \(it is 10\)"):
            run(folder)
    steps, values = curve(folder, "Loss/train")
    assert len(steps) == DIVERGED_EPOCHS
    assert not any(math.isfinite(value) for value in values)
    assert not (folder / "checkpoints" / "best.pt").exists()
    (alert,) = [json.loads(line) for line in (folder / "alerts.jsonl").read_text().splitlines()]
    assert (alert["step"], alert["verdict"]) == (1, "diverged")


def test_texts_stand_in_for_pictures_where_inputs_are_text(make_job):
    folder = make_job(
        workload="chars", epochs=1, train_samples=8, batch_size=8, context=256, width=16, layers=1
    )
    run(folder)
    read = events(folder)
    assert read.Tags()["images"] == []
    assert "Text/worst_mistakes/text_summary" in read.Tags()["tensors"]
