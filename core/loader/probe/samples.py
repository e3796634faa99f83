"""Single samples: what ``__getitem__`` costs, computing and waiting told apart."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.loader.probe.clocks import Stopwatch

SECONDS = 1.2
WARM_UP, FEWEST, MOST = 3, 16, 4_000
KEPT, KEPT_BYTES = 256, 64 * 2**20
"""Samples kept for the other probes, until one of the two is reached."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Mean costs of a sample in seconds, each one's whole time, and some samples to go on with."""

    cpu_s: float
    wait_s: float
    single_s: tuple[float, ...]
    kept: list[Any]


def time_samples(dataset: Any, seed: int, seconds: float = SECONDS) -> Samples:
    """Fetch random samples one by one in this process, as a worker does, with one thread."""
    torch.set_num_threads(1)
    rng, length = random.Random(seed), len(dataset)
    for _ in range(WARM_UP):
        dataset[rng.randrange(length)]
    cpu, wait, kept, size = [], [], [], 0
    begin = time.perf_counter()
    while len(cpu) < FEWEST or (time.perf_counter() - begin < seconds and len(cpu) < MOST):
        index = rng.randrange(length)
        watch = Stopwatch()
        sample = dataset[index]
        cost = watch.cost()
        cpu.append(cost.cpu_s)
        wait.append(cost.wait_s)
        if len(kept) < KEPT and size < KEPT_BYTES:
            kept.append(sample)
            size += sum(t.nbytes for t in tensors_of(sample))
    both = np.asarray(cpu) + np.asarray(wait)
    # To the tenth of a microsecond: what is finer is the clock's own cost.
    single = tuple(round(float(value), 7) for value in both)
    return Samples(float(np.mean(cpu)), float(np.mean(wait)), single, kept)


def tensors_of(value: Any) -> list[Tensor]:
    """The tensors in nested tuples, lists and dicts."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for part in value for tensor in tensors_of(part)]
    return []


def some(kept: list[Any], count: int) -> list[Any]:
    """So many samples, those kept over and over."""
    return (kept * (count // len(kept) + 1))[:count]
