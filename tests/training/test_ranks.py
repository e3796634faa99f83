"""Two processes train as one: DistributedDataParallel over gloo, started by torch elastic."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from core import events
from core.training.epoch import evaluate
from core.training.session import make_loaders
from core.workloads import load
from core.workloads.params import parse

TINY = {
    "digits": {"epochs": 2, "train_samples": 50, "batch_size": 16, "profile_steps": 1},
    "chars": {"epochs": 1, "train_samples": 64, "batch_size": 16},
}


def launch(folder, processes: int = 2) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "core.training.launch", str(processes), "1", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)


@pytest.mark.slow
@pytest.mark.parametrize("workload", sorted(TINY))
def test_two_processes_log_one_run_with_exact_validation(make_job, workload):
    folder = make_job(workload=workload, **TINY[workload])

    done = launch(folder)

    assert done.returncode == 0, done.stderr
    assert len(list(folder.glob("events.out.tfevents.*"))) == 1, "one process writes the log"
    scalars = events.load(folder, kinds={"scalars"}).scalars
    losses = scalars.loc[scalars["tag"] == "Loss/val", "value"].to_numpy()
    assert len(losses) == TINY[workload]["epochs"]
    assert losses[-1] == pytest.approx(val_loss_alone(folder, workload), rel=1e-4)
    recorded = json.loads((folder / "job.json").read_text())
    assert recorded["device_used"] == "cpu"


def val_loss_alone(folder, workload_name: str) -> float:
    """The validation loss of the last checkpoint, in one process."""
    workload = load(workload_name)
    params = parse(workload.Params, TINY[workload_name], "train")
    cpu = torch.device("cpu")
    model = workload.model(params)
    state = torch.load(folder / "checkpoints" / "last.pt", weights_only=True)
    model.load_state_dict(state["model"])
    _, val = make_loaders(workload, params, cpu)
    values, _ = evaluate(model, workload.loss(params), workload.metrics, val, cpu)
    return values["loss"]


@pytest.mark.slow
def test_every_process_writes_its_own_trace_and_all_end_when_training_fails(make_job):
    folder = make_job(**{**TINY["digits"], "epochs": 6, "lr": 10.0, "weight_decay": 10.0})

    done = launch(folder)

    assert done.returncode == 1
    assert "error: Training diverged" in done.stderr
    assert "Traceback" not in done.stderr
    names = sorted(path.name for path in (folder / "trace").iterdir())
    assert names == [f"digits-epoch2-rank{rank}.pt.trace.json.gz" for rank in (0, 1)]
