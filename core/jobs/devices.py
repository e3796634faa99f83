"""Whether a device can be there at all, told without importing torch."""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path

import psutil
import pynvml

from core.errors import BadInput
from core.jobs import procs
from core.jobs.engines import Gpu

ASSIGNED = "GPULSE_GPUS"
"""Environment variable of a job: the devices that it was given, "" for none."""

_SYNTAX = re.compile(r"auto|cpu|mps|cuda(:(?P<index>\d{1,3}))?")
_DRIVER_TRACES = ("/proc/driver/nvidia", "/dev/nvidiactl", "/dev/nvmap", "/dev/dxg", "/dev/kfd")
"""NVIDIA's driver, Jetson, WSL, and AMD's ROCm (which torch calls "cuda" as well)."""


def check_syntax(device: str) -> int | None:
    """The number of a CUDA device (0 where none is named), None for any other kind.

    Raises:
        BadInput: it is written wrongly.
    """
    match = _SYNTAX.fullmatch(device)
    if match is None:
        raise BadInput(
            f"Unknown device {device[:40]!r}. Choose auto, cpu, cuda, cuda:N (N from 0) or mps."
        )
    return int(match["index"] or 0) if device.startswith("cuda") else None


def check_device(device: str) -> None:
    """Accept a device that may be there.

    Raises:
        BadInput: it is written wrongly, or certainly not on this machine.
    """
    index = check_syntax(device)
    if device == "mps" and not (sys.platform == "darwin" and platform.machine() == "arm64"):
        raise BadInput("No MPS device on this machine. Choose device auto or cpu.")
    if index is not None:
        _check_cuda(index)


def _check_cuda(index: int) -> None:
    count = cuda_count()
    if count == 0:
        raise BadInput("No CUDA device on this machine. Choose device auto or cpu.")
    if count is not None and index >= count:
        plural = "device" if count == 1 else "devices"
        raise BadInput(
            f"No device cuda:{index}: this machine has {count} CUDA {plural}. "
            f"Choose cuda:0 to cuda:{count - 1}, auto or cpu."
        )


def cuda_count() -> int | None:
    """CUDA devices that a job would see; None where a driver is there that NVML cannot count."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in {"", "-1"}:
        return 0
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None if any(Path(trace).exists() for trace in _DRIVER_TRACES) else 0
    try:
        count = int(pynvml.nvmlDeviceGetCount())
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()
    return count if visible is None else min(count, len(visible.split(",")))


def gpus() -> tuple[Gpu, ...]:
    """The GPUs that jobs may be given, by their number on the bus; () where NVML finds none.

    ``CUDA_VISIBLE_DEVICES`` of this process narrows them, where it holds numbers. A GPU is foreign
    while a process computes on it that is not part of a job of ours.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    wanted = None if visible is None else {part.strip() for part in visible.split(",")}
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        found = (_gpu(index) for index in range(int(pynvml.nvmlDeviceGetCount())))
        return tuple(gpu for gpu in found if wanted is None or gpu.id in wanted)
    except pynvml.NVMLError:
        return ()
    finally:
        pynvml.nvmlShutdown()


def _gpu(index: int) -> Gpu:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    name = pynvml.nvmlDeviceGetName(handle)
    try:
        users = [entry.pid for entry in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)]
    except pynvml.NVMLError:
        users = []
    name = name.decode() if isinstance(name, bytes) else str(name)
    return Gpu(str(index), name, foreign=any(_is_foreign(pid) for pid in users))


def _is_foreign(pid: int) -> bool:
    """Whether a process that computes here is no job's; one that is gone is not."""
    try:
        return procs.COOKIE not in psutil.Process(pid).environ()
    except psutil.AccessDenied:
        return True
    except (psutil.Error, OSError):
        return False
