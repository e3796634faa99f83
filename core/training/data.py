"""From a dataset to batches on the device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler


@dataclass(frozen=True, slots=True)
class LoaderSettings:
    """The DataLoader arguments that change its speed, not what it yields."""

    num_workers: int = 0
    pin_memory: bool = False
    persistent_workers: bool = True
    prefetch_factor: int = 2
    multiprocessing_context: str = "default"
    in_order: bool = True

    @classmethod
    def of(cls, params: Any) -> LoaderSettings:
        """The settings among a job's parameters."""
        return cls(
            num_workers=params.num_workers,
            pin_memory=params.pin_memory,
            persistent_workers=params.persistent_workers,
            prefetch_factor=params.prefetch_factor,
            multiprocessing_context=params.multiprocessing_context,
            in_order=params.in_order,
        )


def pins(settings: LoaderSettings, device: torch.device) -> bool:
    """Whether batches are page-locked: only where a CUDA device copies from them."""
    return settings.pin_memory and device.type == "cuda"


def make_loader(
    dataset: Dataset[Any],
    settings: LoaderSettings,
    device: torch.device,
    *,
    batch_size: int,
    seed: int,
    shuffle: bool = False,
    sampler: Sampler[int] | None = None,
    collate_fn: Callable[[list[Any]], Any] | None = None,
) -> DataLoader[Any]:
    """A DataLoader with a job's settings.

    ``persistent_workers`` and ``prefetch_factor`` need workers, ``pin_memory`` a CUDA device:
    where these are missing the arguments are left out, as PyTorch refuses or warns otherwise.
    """
    workers: dict[str, Any] = {}
    if settings.num_workers:
        workers["persistent_workers"] = settings.persistent_workers
        workers["prefetch_factor"] = settings.prefetch_factor
        workers["in_order"] = settings.in_order
        if settings.multiprocessing_context != "default":
            workers["multiprocessing_context"] = settings.multiprocessing_context
    return DataLoader(
        dataset,
        batch_size=batch_size,
        shuffle=shuffle,
        sampler=sampler,
        num_workers=settings.num_workers,
        pin_memory=pins(settings, device),
        collate_fn=collate_fn,
        generator=torch.Generator().manual_seed(seed),
        **workers,
    )


def to_device(batch: Any, device: torch.device, non_blocking: bool) -> Any:
    """Move every tensor of a batch, in tuples, lists and dicts too.

    ``non_blocking`` lets the host go on while a page-locked batch is copied; from pageable memory
    it would change nothing.
    """
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=non_blocking)
    if isinstance(batch, (list, tuple)):
        return [to_device(part, device, non_blocking) for part in batch]
    if isinstance(batch, dict):
        return {name: to_device(part, device, non_blocking) for name, part in batch.items()}
    return batch
