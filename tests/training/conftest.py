"""Run folders with a job in them, and jobs run in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.training import prepare_environment

# Before any test imports torch: it must not spin on a machine that is busy.
prepare_environment()

TINY = {"epochs": 2, "train_samples": 48, "batch_size": 24}


def write_job(folder: Path, kind: str, workload: str, device: str, params: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    job = {"id": folder.name, "kind": kind, "workload": workload, "params": params,
           "device": device, "states": [{"state": "starting", "time": 1.0}]}  # fmt: skip
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    return folder


@pytest.fixture
def make_job(tmp_path: Path) -> Callable[..., Path]:
    """``make_job(kind, workload, device, **params)`` -> its run folder."""

    def make(kind: str = "train", workload: str = "digits", device: str = "cpu", **params: Any):
        return write_job(tmp_path / "runs" / "job", kind, workload, device, params)

    return make


@pytest.fixture
def start() -> Callable[[Path], subprocess.CompletedProcess[str]]:
    """Run ``python -m core.training`` on a run folder."""

    def run(folder: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "core.training", str(folder)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two epochs of digits on 48 images, profiled, in this process."""
    from core.training.run import run

    folder = tmp_path_factory.mktemp("runs") / "tiny"
    write_job(folder, "train", "digits", "cpu", {**TINY, "profile_steps": 1})
    run(folder)
    return folder
