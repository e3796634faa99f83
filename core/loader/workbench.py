"""A workload set up for a trial: its data, its loader, its real training step on the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from core.errors import BadInput
from core.loader.results import Setting
from core.training.data import LoaderSettings, make_loader, to_device
from core.training.device import choose_device, set_threads
from core.training.session import make_step
from core.training.step import Sums
from core.workloads import load
from core.workloads.params import parse


class Endless(Sampler[int]):
    """Shuffled indices without an end, so that no trial meets the edge of an epoch."""

    def __init__(self, length: int, seed: int) -> None:
        self.length, self.seed = length, seed

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed)
        while True:
            yield from torch.randperm(self.length, generator=generator).tolist()


@dataclass(frozen=True, slots=True)
class Bench:
    """What a trial times: batches from ``loader``, each given to ``step``."""

    loader: DataLoader[Any]
    step: Callable[[Any], None]
    finish: Callable[[], None]
    batch_size: int


def open_bench(question: dict[str, Any], setting: Setting) -> Bench:
    """Set up a trial.

    Raises:
        BadInput: unknown workload, device that is not there, no data.
    """
    workload = load(question["workload"])
    given = {"seed": question["seed"], "batch_size": question["batch_size"]}
    params = parse(workload.Params, given)
    device = choose_device(question["device"])
    set_threads(setting.num_workers)
    torch.manual_seed(params.seed)
    dataset = workload.datasets(params)[0]
    length = len(dataset)  # type: ignore[arg-type]
    if length == 0:
        raise BadInput(f"Workload {workload.name!r} has no training data.")
    loader = make_loader(
        dataset,
        LoaderSettings(
            setting.num_workers, setting.pin_memory, prefetch_factor=setting.prefetch_factor
        ),
        device,
        batch_size=params.batch_size,
        seed=params.seed,
        sampler=Endless(length, params.seed),
        collate_fn=workload.collate_fn,
    )
    train_step = make_step(workload, params, workload.model(params).to(device).train())

    def step(batch: Any) -> None:
        inputs, targets = to_device(batch, device, non_blocking=loader.pin_memory)
        train_step(inputs, targets, Sums())

    def finish() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return Bench(loader, step, finish, params.batch_size)
