"""Which device a job uses, and how many threads."""

from __future__ import annotations

import os
import platform

import torch

from core.errors import BadInput
from core.training.ranks import this_rank
from core.workloads.fields import core_count

ASSIGNED = "GPULSE_GPUS"
"""Set by the queue: the devices that this job was given, as ``CUDA_VISIBLE_DEVICES``."""


def choose_device(wanted: str) -> torch.device:
    """The device of a spec; ``auto`` takes CUDA, then MPS, then the CPU.

    Raises:
        BadInput: the device is not on this machine, or no such kind is known.
    """
    local = this_rank().local
    if wanted == "auto":
        if torch.cuda.is_available():
            return _cuda(local)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, _, number = wanted.partition(":")
    if os.environ.get(ASSIGNED):
        number = ""  # the queue gave this job its device, and it sees no other
    if kind not in ("cpu", "cuda", "mps") or (number and not number.isdigit()):
        raise BadInput(f"Unknown device {wanted!r}. Choose auto, cpu, cuda, cuda:N or mps.")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise BadInput("No MPS device on this machine. Choose device auto or cpu.")
    if kind == "cuda":
        return _cuda(int(number) if number else local)
    return torch.device(kind)


def _cuda(index: int) -> torch.device:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        raise BadInput("No CUDA device on this machine. Choose device auto or cpu.")
    if index >= count:
        raise BadInput(
            f"No CUDA device {index} on this machine, only 0 to {count - 1}. Choose one of them."
        )
    return torch.device("cuda", index)


def device_name(device: torch.device) -> str:
    """What the device is called, for people."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    machine = platform.processor() or platform.machine()
    return f"{machine}, {core_count()} cores" if device.type == "cpu" else f"{machine} (MPS)"


def set_threads(num_workers: int, threads: int = 0, processes: int = 1) -> int:
    """Set torch's threads in this process and return them.

    Without a wish (0) the cores that DataLoader workers and the other training processes use are
    left to them.

    PyTorch gives its main process one thread a core and each worker one more. On 2 cores with
    workers, one main thread measured 35 % faster than two.
    """
    threads = threads or max(1, core_count() // processes - num_workers)
    torch.set_num_threads(threads)
    return threads
