"""Trials and costs made by hand, and a workload of the user's for tunings that really run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.loader import Costs, Setting, Trial, Trials
from core.loader.costs import Line, StepCost
from core.training import prepare_environment

# Before any test imports torch: it must not spin on a machine that is busy.
prepare_environment()

MODULE = """
import os, signal, time
import torch
from torch.utils.data import Dataset
from core.workloads.base import Workload

class Data(Dataset):
    def __init__(self):
        {init}

    def __len__(self):
        return 64

    def __getitem__(self, index):
        {getitem}
        return {sample}, index % 2

class Mine(Workload):
    name, title, description = "mine", "Mine", "For tests."

    def datasets(self, params):
        return Data(), Data()

    def model(self, params):
        return torch.nn.Linear(4, 2)

workload = Mine()
"""


@pytest.fixture
def user_workload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """``user_workload(line)`` -> the name of a workload whose ``__getitem__`` runs that line."""

    def make(getitem: str = "pass", init: str = "pass", sample: str = "torch.zeros(4)") -> str:
        text = MODULE.format(getitem=getitem, init=init, sample=sample)
        (tmp_path / "own_loader.py").write_text(text, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setenv("GPULSE_WORKLOADS", "own_loader:workload")
        return "own_loader:workload"

    return make


@pytest.fixture
def make_job(tmp_path: Path) -> Callable[..., Path]:
    """``make_job(workload, **params)`` -> the run folder of a tuning."""

    def make(workload: str, **params: Any) -> Path:
        folder = tmp_path / "runs" / "tuning"
        folder.mkdir(parents=True)
        job = {"id": "tuning", "kind": "tune", "workload": workload, "params": params,
               "device": "cpu", "states": []}  # fmt: skip
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        return folder

    return make


@pytest.fixture
def tuning() -> Callable[..., Trials]:
    """``tuning({num_workers: [samples/s of each round]})`` -> Trials with a batch of 10."""

    def make(speeds: dict[int, list[float]], jitter: float = 0.02) -> Trials:
        trials = [
            made_trial(Setting.of(workers, 10), speed, number, jitter)
            for workers, values in speeds.items()
            for number, speed in enumerate(values, 1)
        ]
        return Trials(
            "photos", "cpu", 10, 2, 60.0, len(trials), True, Setting.of(0, 10),
            trials=tuple(trials),
        )  # fmt: skip

    return make


def made_trial(
    setting: Setting, speed: float, number: int = 1, jitter: float = 0.02, **fields: Any
) -> Trial:
    """A trial of 20 steps with this many samples/s."""
    step_s = setting.batch_size / speed
    known = {
        "wait_share": 0.5, "step_ms": 1e3 * step_s, "startup_s": 0.1, "warmup_s": 0.3,
        "steps": 20, "foreign_cpu": 0.0, "wall_s": 3.0, "block_steps": 1,
        "block_s": tuple(step_s * (1 + jitter * (-1) ** i) for i in range(20)),
    }  # fmt: skip
    return Trial(setting, number, "ok", samples_per_s=speed, **{**known, **fields})


@pytest.fixture
def make_trial() -> Callable[..., Trial]:
    """:func:`made_trial`."""
    return made_trial


@pytest.fixture
def make_costs() -> Callable[..., Costs]:
    """``make_costs(get_cpu_s=…)`` -> costs of a pipeline whose samples take 1 ms of computing."""

    def make(step_ms: float = 1.0, step_wait_ms: float = 0.0, **fields: Any) -> Costs:
        known: dict[str, Any] = {
            "cores": 2, "get_cpu_s": 1e-3, "get_wait_s": 0.0, "get_s": (1e-3,) * 50,
            "collate_s": Line(1e-5, 1e-6), "deliver_s": Line(3e-4, 1e-5),
            "receive_s": Line(3e-4, 1e-6), "latency_s": Line(1e-4, 0.0),
            "steps": (StepCost(10, 1, step_ms / 1e3, step_wait_ms / 1e3),),
            "start_s": Line(0.05, 0.05), "sample_bytes": 40_000.0, "tensors": 2,
            "shared_free": 2**33,
        }  # fmt: skip
        return Costs(**{**known, **fields})

    return make
