"""A profile job records real steps, the DataLoader in each of them."""

from __future__ import annotations

import gzip
import json

import pytest

from core.training.profiling import plan_window
from core.training.run import run

LOADER = "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"


def spans(folder):
    (trace,) = (folder / "trace").iterdir()
    assert trace.name.endswith(".pt.trace.json.gz")
    with gzip.open(trace) as file:
        return [e for e in json.load(file)["traceEvents"] if e.get("ph") == "X"]


def inside(step, events):
    return [e for e in events if step["ts"] <= e["ts"] < step["ts"] + step["dur"]]


def test_each_recorded_step_holds_its_batch_and_its_update(make_job):
    folder = make_job("profile", profile_steps=3, train_samples=24, batch_size=8)
    run(folder)
    events = spans(folder)
    steps = [e for e in events if e["name"].startswith("ProfilerStep#")]
    assert len(steps) == 3
    for step in steps:
        names = [event["name"] for event in inside(step, events)]
        assert names.count(LOADER) == 1
        assert any(name.startswith("Optimizer.step#AdamW.step") for name in names)
    assert any("Input Dims" in e.get("args", {}) for e in events)
    progress = json.loads((folder / "progress.json").read_text())
    assert (progress["done"], progress["total"], progress["unit"]) == (6, 6, "step")


@pytest.mark.slow
def test_without_workers_most_of_a_photos_step_is_the_dataloader(make_job, start):
    folder = make_job("profile", "photos", files=200, profile_steps=4, batch_size=32)
    done = start(folder)
    assert done.returncode == 0, done.stderr
    said = [line.partition(" ")[2] for line in done.stderr.splitlines()]
    assert said == [
        "profile photos on cpu",
        "4 steps recorded, trace written: photos-profile.pt.trace.json.gz",
    ]
    events = spans(folder)
    steps = [e for e in events if e["name"].startswith("ProfilerStep#")]
    loading = sum(e["dur"] for e in events if e["name"] == LOADER)
    assert loading > 0.5 * sum(step["dur"] for step in steps)


@pytest.mark.parametrize(
    ("steps", "available", "window"),
    [(8, 100, (1, 2, 8)), (8, 11, (1, 2, 8)), (8, 10, (0, 2, 8)), (8, 9, (0, 1, 8)),
     (8, 3, (0, 0, 3)), (1, 1, (0, 0, 1))],
)  # fmt: skip
def test_a_short_epoch_gives_up_warm_up_before_recorded_steps(steps, available, window):
    plan = plan_window(steps, available)
    assert (plan.wait, plan.warmup, plan.active) == window
    assert plan.total <= available
