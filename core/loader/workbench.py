"""A workload set up for a trial: its data, its loader, its real training step on the device."""

from __future__ import annotations

import faulthandler
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from core.errors import BadInput
from core.loader.setting import Setting
from core.training.data import to_device
from core.training.device import choose_device, set_threads
from core.training.session import make_step
from core.training.step import Sums
from core.workloads import load
from core.workloads.params import parse

Step = Callable[[Any], None]

TURN_S, LAST_TURN = 0.15, 8
"""Seconds between what workers that hang say of where they are, and the turn of all the rest:
all of it within ``processes.TELL_S``."""


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
    """A workload's data and step, ready to be timed.

    Attributes:
        collate: handed to the DataLoader; None for PyTorch's own.
        make_step: (batch size, whether batches are page-locked) -> a step on a fresh model.
        finish: waits until the device has done what it was given.
    """

    dataset: Dataset[Any]
    collate: Callable[[list[Any]], Any] | None
    device: torch.device
    seed: int
    make_step: Callable[[int, bool], Step]
    finish: Callable[[], None]


def open_bench(question: dict[str, Any]) -> Bench:
    """Set up what a question is about: see :mod:`core.loader.trial`.

    Raises:
        BadInput: unknown workload, parameter out of bounds, device that is not there, no data.
    """
    workload = load(question["workload"])
    given = {**question.get("params", {}), "seed": question["seed"]}
    params = parse(workload.Params, given)
    device = choose_device(question["device"])
    torch.manual_seed(params.seed)
    dataset = workload.datasets(params)[0]
    if len(dataset) == 0:  # type: ignore[arg-type]
        raise BadInput(f"Workload {workload.name!r} has no training data.")
    dialled_s = question.get("step_ms", 0.0) / 1e3

    def make(batch_size: int, pinned: bool) -> Step:
        if dialled_s:
            return lambda batch: time.sleep(dialled_s)
        sized = parse(workload.Params, {**given, "batch_size": batch_size})
        train = make_step(workload, sized, workload.model(sized).to(device).train())

        def step(batch: Any) -> None:
            inputs, targets = to_device(batch, device, non_blocking=pinned)
            train(inputs, targets, Sums())

        return step

    def finish() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return Bench(dataset, workload.collate_fn, device, params.seed, make, finish)


def open_loader(bench: Bench, setting: Setting, tell_at: float) -> DataLoader[Any]:
    """The DataLoader of a setting, with exactly its arguments; sets the main process's threads.

    Args:
        tell_at: time.monotonic() at which each worker writes to stderr where it is.
    """
    set_threads(setting.num_workers, setting.threads)
    # Through a variable: pyright knows that some of these may not be combined, which is for
    # DataLoader to say.
    arguments: dict[str, Any] = setting.arguments
    return DataLoader(
        bench.dataset,
        sampler=Endless(len(bench.dataset), bench.seed),  # type: ignore[arg-type]
        collate_fn=bench.collate,
        generator=torch.Generator().manual_seed(bench.seed),
        worker_init_fn=partial(_tell_where, tell_at) if setting.num_workers else None,
        **arguments,
    )


def _tell_where(tell_at: float, worker: int) -> None:
    # One after the other: they share stderr, and words written at once would mix.
    turn_s = TURN_S * min(worker, LAST_TURN)
    faulthandler.dump_traceback_later(max(0.1, tell_at - time.monotonic()) + turn_s)
