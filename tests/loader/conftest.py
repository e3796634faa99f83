"""Trials made by hand, and a workload of the user's for tunings that really run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.loader import Setting, Trial, Trials
from core.training import prepare_environment

# Before any test imports torch: it must not spin on a machine that is busy.
prepare_environment()

MODULE = """
import os, signal, time
import torch
from torch.utils.data import Dataset
from core.workloads.base import Workload

class Data(Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, index):
        {getitem}
        return torch.zeros(4), index % 2

class Mine(Workload):
    name, title, description = "mine", "Mine", "For tests."

    def datasets(self, params):
        return Data(), Data()

    def model(self, params):
        return torch.nn.Linear(4, 2)

workload = Mine()
"""


@pytest.fixture
def user_workload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """``user_workload(line)`` -> the name of a workload whose ``__getitem__`` runs that line."""

    def make(getitem: str) -> str:
        (tmp_path / "own_loader.py").write_text(MODULE.format(getitem=getitem), encoding="utf-8")
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

    def make(speeds: dict[int, list[float]], pin: bool = False, jitter: float = 0.02) -> Trials:
        trials = [
            Trial(
                setting=Setting(workers, pin and workers > 0),
                round=number,
                status="ok",
                samples_per_s=speed,
                wait_share=0.5,
                step_ms=1e4 / speed,
                startup_s=0.1,
                warmup_s=0.3,
                steps=20,
                foreign_cpu=0.0,
                wall_s=3.0,
                block_steps=1,
                block_s=tuple(10 / speed * (1 + jitter * (-1) ** i) for i in range(20)),
            )
            for workers, values in speeds.items()
            for number, speed in enumerate(values, 1)
        ]
        return Trials("photos", "cpu", 10, 2, 60.0, len(trials), True, (), tuple(trials))

    return make
