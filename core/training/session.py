"""What every kind of job needs before its first step: workload, data, model, optimiser, device."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from core.errors import BadInput
from core.training import ranks
from core.training.data import LoaderSettings, make_loader
from core.training.device import device_name, set_threads
from core.training.job import JobFile
from core.training.progress import ProgressFile
from core.training.step import TrainStep
from core.workloads import load
from core.workloads.base import Workload
from core.workloads.params import parse


@dataclass(frozen=True, slots=True)
class Session:
    """A job about to run."""

    job: JobFile
    workload: Workload
    params: Any
    device: torch.device
    progress: ProgressFile
    train_loader: DataLoader[Any]
    val_loader: DataLoader[Any]
    model: nn.Module
    step: TrainStep
    config: dict[str, Any]

    @property
    def file_stem(self) -> str:
        """The workload's name with only characters that are safe in file names."""
        return re.sub(r"[^A-Za-z0-9_.-]+", "-", self.workload.name) or "workload"

    def trace_file(self, what: str) -> Path:
        """Where this process writes its trace of ``what``."""
        name = f"{self.file_stem}-{what}{ranks.this_rank().suffix}.pt.trace.json.gz"
        return self.job.folder / "trace" / name


def open_session(job: JobFile, device: torch.device) -> Session:
    """Prepare a job of kind train or profile, in each of its processes.

    Raises:
        BadInput: unknown workload, parameter out of bounds, no data.
        GpulseError: the workload's files cannot be prepared.
    """
    workload = load(job.workload)
    params = parse(workload.Params, job.params, "profile" if job.kind == "profile" else "train")
    rank = ranks.this_rank()
    threads = set_threads(params.num_workers, params.threads, rank.size)
    if rank.first:
        job.note_start(str(device), device_name(device))
    progress = ProgressFile(job.folder, silent=not rank.first)
    progress.stage("step", 0, "preparing data")
    if rank.first:
        prepare(workload, params, progress)
    ranks.told(True)  # the others wait until the files are there
    torch.manual_seed(params.seed)
    train, val = make_loaders(workload, params, device)
    model = workload.model(params).to(device)
    step = make_step(workload, params, ranks.parallel(model, device))
    return Session(
        job=job,
        workload=workload,
        params=params,
        device=device,
        progress=progress,
        train_loader=train,
        val_loader=val,
        model=model,
        step=step,
        config={
            "workload": job.workload,
            "kind": job.kind,
            "device": str(device),
            "threads": threads,
            "processes": rank.size,
            "weights": sum(p.numel() for p in model.parameters()),
            "train_size": _size(train),
            "val_size": _size(val),
            "loss": _name(step.loss),
            "optimizer": type(step.optimizer).__name__,
            "schedule": "constant",
            "augmentation": str(getattr(workload, "augmentation", None)),
            **params.model_dump(mode="json"),
        },
    )


def prepare(workload: Workload, params: Any, progress: ProgressFile) -> None:
    """Let a workload make its files, counted in images on the progress bar."""

    def report(done: int, total: int, phase: str) -> None:
        if progress.unit != "image" or progress.total != total:
            progress.stage("image", total, phase)
        progress.update(done, phase)

    workload.prepare(params, report)


def make_step(workload: Workload, params: Any, model: nn.Module) -> TrainStep:
    """AdamW on a model that is on its device already."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=params.lr, weight_decay=params.weight_decay
    )
    return TrainStep(
        model, workload.loss(params), workload.metrics, optimizer, params.sync_every_step
    )


def make_loaders(
    workload: Workload, params: Any, device: torch.device
) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Shuffled training batches, validation batches in order.

    Raises:
        BadInput: a dataset without a sample.
    """
    train, val = workload.datasets(params)
    for name, dataset in (("training", train), ("validation", val)):
        if len(dataset) == 0:  # type: ignore[arg-type]
            raise BadInput(f"Workload {workload.name!r} has no {name} data with these parameters.")
    settings = LoaderSettings.of(params)
    common: dict[str, Any] = {
        "batch_size": ranks.share(params.batch_size),
        "seed": params.seed,
        "collate_fn": workload.collate_fn,
    }
    sampler = ranks.training_sampler(train, params.seed)
    return (
        make_loader(train, settings, device, shuffle=sampler is None, sampler=sampler, **common),
        make_loader(val, settings, device, sampler=ranks.validation_sampler(val), **common),
    )


def _name(loss: Any) -> str:
    return getattr(loss, "__name__", type(loss).__name__)


def _size(loader: DataLoader[Any]) -> int:
    return len(loader.dataset)  # type: ignore[arg-type]
