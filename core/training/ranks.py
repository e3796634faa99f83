"""Several training processes as one: who this one is, and what all of them know together.

torchrun (torch elastic) starts the processes and tells each by its environment which it is. Alone,
every function here is free.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import Dataset, Sampler
from torch.utils.data.distributed import DistributedSampler

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Rank:
    """One of ``size`` processes.

    Attributes:
        number: from 0; rank 0 writes the logs and checkpoints.
        size: of all processes on all nodes.
        local: number on this node, which is the number of its device.
    """

    number: int = 0
    size: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this process speaks for all."""
        return self.number == 0

    @property
    def suffix(self) -> str:
        """For names of files that every process writes; "" alone."""
        return f"-rank{self.number}" if self.size > 1 else ""


def this_rank() -> Rank:
    """What torchrun says; alone without it."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    if any(name not in os.environ for name in names):
        return Rank()
    return Rank(*(int(os.environ[name]) for name in names))


@contextmanager
def joined(device: torch.device) -> Iterator[Rank]:
    """The process group, from the rendezvous to its end: NCCL between GPUs, else gloo."""
    rank = this_rank()
    if rank.size == 1:
        yield rank
        return
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if cuda else "gloo", device_id=device if cuda else None)
    try:
        yield rank
        # None may leave while another still talks to it. After an error the others are ended.
        dist.barrier()
    finally:
        dist.destroy_process_group()


def parallel(model: nn.Module, device: torch.device) -> nn.Module:
    """The model with its gradients averaged over all processes; alone, the model itself."""
    if this_rank().size == 1:
        return model
    return DistributedDataParallel(model, device_ids=[device] if device.type == "cuda" else None)


def share(batch_size: int) -> int:
    """This process's part of a batch: together they train on batches of the size asked for."""
    return max(1, batch_size // this_rank().size)


def training_sampler(dataset: Dataset, seed: int) -> DistributedSampler | None:
    """Each process another part in each epoch, all as many batches; None alone."""
    rank = this_rank()
    if rank.size == 1:
        return None
    return DistributedSampler(dataset, rank.size, rank.number, shuffle=True, seed=seed)


def validation_sampler(dataset: Dataset) -> Sampler[int] | None:
    """Every sample in exactly one process, so that sums over all are exact; None alone."""
    rank = this_rank()
    return None if rank.size == 1 else _Every(len(dataset), rank)  # type: ignore[arg-type]


class _Every(Sampler[int]):
    def __init__(self, size: int, rank: Rank) -> None:
        self._range = range(rank.number, size, rank.size)

    def __iter__(self) -> Iterator[int]:
        return iter(self._range)

    def __len__(self) -> int:
        return len(self._range)


def reduced(sums: Tensor, peaks: Tensor) -> tuple[Tensor, Tensor]:
    """Sums over all processes, and the largest of the peaks; both unchanged alone."""
    if this_rank().size > 1:
        dist.all_reduce(sums)
        if peaks.numel():
            dist.all_reduce(peaks, dist.ReduceOp.MAX)
    return sums, peaks


def told(value: _T) -> _T:
    """What rank 0 says, for all: decisions must be the same everywhere."""
    if this_rank().size == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box)
    return box[0]


def gathered(values: list[_T]) -> list[_T]:
    """The lists of all processes, one after the other."""
    rank = this_rank()
    if rank.size == 1:
        return values
    lists: list[list[_T]] = [[] for _ in range(rank.size)]
    dist.all_gather_object(lists, values)
    return [value for part in lists for value in part]
