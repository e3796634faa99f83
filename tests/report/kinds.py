"""Run folders of every kind that a report is made of, written without a job."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from core import jobs
from core.jobs.store import open_store
from core.loader import Setting, Trial, Trials
from core.traces import SimulatorSettings, simulate

_event: Any = event_pb2.Event  # pyright: ignore[reportAttributeAccessIssue]
_summary: Any = summary_pb2.Summary  # pyright: ignore[reportAttributeAccessIssue]
START = 1_760_000_000.0


def write_curves(folder: Path, columns: Mapping[str, Sequence[float]]) -> Path:
    """Event files with a value of each tag for each epoch."""
    writer = EventFileWriter(str(folder))
    for epoch, values in enumerate(zip(*columns.values(), strict=True), 1):
        for tag, value in zip(columns, values, strict=True):
            logged = _summary(value=[_summary.Value(tag=tag, simple_value=value)])
            writer.add_event(_event(wall_time=START + 10 * epoch, step=epoch, summary=logged))
    writer.close()
    return folder


def overfitting(epochs: int = 40) -> dict[str, list[float]]:
    """Losses that overfit from about epoch 12 on, with readings of the hardware."""
    return {
        "Loss/train": [2.0 * 0.9**epoch + 0.01 for epoch in range(epochs)],
        "Loss/val": [2.0 * 0.8**epoch + 0.4 + 0.015 * max(0, epoch - 8) for epoch in range(epochs)],
        "Speed/step_ms": [30.0] * epochs,
        "Speed/data_wait_ms": [12.0] * epochs,
        "hardware/gpu_utilisation_percent": [40.0 + epoch for epoch in range(epochs)],
        "hardware/gpu_memory_mib": [2_048.0] * epochs,
    }


def write_trace(folder: Path, *, kernels: int = 60, **settings: Any) -> Path:
    """A simulated trace where jobs put theirs."""
    path = folder / "trace" / "epoch2.pt.trace.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(simulate(SimulatorSettings(kernels=kernels, **settings))))
    return path


def write_job(folder: Path, states: Sequence[str] = ("queued", "running", "succeeded"),
              **fields: Any) -> dict[str, Any]:  # fmt: skip
    """A ``job.json`` as a job leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "id": folder.name, "kind": "train", "workload": "digits", "device": "auto", "parent": None,
        "params": {"lr": 0.001, "epochs": 40, "num_workers": 0}, "git_sha": "0123abc" * 5,
        "git_dirty": True, "created": START, "started": START + 1, "ended": START + 401,
        "exit_code": 0, "error": "", "argv": ["python", "-m", "core.training", str(folder)],
        "states": [{"state": state, "time": START} for state in states],
        "needs": {"cpus": 1, "gpus": 1, "memory_mib": 0}, "device_used": "cuda:0",
        "device_name": "NVIDIA H100 80GB HBM3",
        "versions": {"python": "3.11.9", "torch": "2.9.0", "cuda": "13.0"},
        "environment": {
            "host": "node7", "system": "Linux-6.1", "cores": 64, "driver": "580.1",
            "packages": {f"package-{number}": "1.2.3" for number in range(150)},
        },
        **fields,
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(record))
    return record


def write_tuning(folder: Path, *, finished: bool = True) -> Trials:
    """Trials of three settings, and a ``job.json``."""
    write_job(folder, kind="tune", workload="photos")
    speeds = {0: (100.0, 104.0), 2: (181.0, 176.0), 4: (150.0,)}
    trials = tuple(
        _trial(Setting.of(workers, 10), speed, number)
        for workers, values in speeds.items()
        for number, speed in enumerate(values, 1)
    )
    failed = Trial(Setting.of(8, 10), 1, "failed", "A worker was killed: memory ran out.")
    made = Trials(
        "photos", "cpu", 10, 2, 60.0, 9, finished, Setting.of(0, 10),
        machine="Some processor, 2 cores", trials=(*trials, failed),
        notes=("pin_memory stays False: it has no effect without a CUDA device.",),
        stopped="The budget was used up." if finished else "",
    )  # fmt: skip
    (folder / "trials.json").write_text(json.dumps(made.to_json()))
    return made


def _trial(setting: Setting, speed: float, number: int) -> Trial:
    step_s = setting.batch_size / speed
    return Trial(
        setting, number, "ok", samples_per_s=speed, wait_share=0.5, step_ms=1e3 * step_s,
        startup_s=0.1, steps=20, foreign_cpu=0.0,
        block_s=tuple(step_s * (1 + 0.02 * (-1) ** i) for i in range(20)),
    )  # fmt: skip


def put_into_store(folder: Path, *states: str) -> None:
    """Let the store know the job of a folder, and that it went through these states."""
    record = json.loads((folder / "job.json").read_text())
    job = jobs.from_record({**record, "states": [{"state": "queued"}]}, folder)
    with open_store() as store:
        store.insert(job)
        before = "queued"
        for state in states:
            store.change(job.id, state, allowed=(before,))
            before = state


def write_family(roots: Path) -> Path:
    """A parent that waits for its DataLoader, and its child with workers; the child's folder."""
    parent, child = roots / "parent", roots / "child"
    write_job(parent, params={"lr": 0.001, "num_workers": 0})
    write_job(child, params={"lr": 0.001, "num_workers": 4}, parent="parent")
    for folder, workers, step in ((parent, 0, 66.0), (child, 4, 22.0)):
        columns = {**overfitting(), "Speed/step_ms": [step] * 40}
        write_curves(folder, columns)
        write_trace(folder, kernels=300, data_ms=60.0, workers=workers)
    return child
