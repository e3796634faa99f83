"""Whether a device can be there at all, told without importing torch."""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path

import pynvml

from core.errors import BadInput

_SYNTAX = re.compile(r"auto|cpu|mps|cuda(:(?P<index>\d{1,3}))?")
_DRIVER_TRACES = ("/proc/driver/nvidia", "/dev/nvidiactl", "/dev/nvmap", "/dev/dxg", "/dev/kfd")
"""NVIDIA's driver, Jetson, WSL, and AMD's ROCm (which torch calls "cuda" as well)."""


def check_device(device: str) -> None:
    """Accept a device that may be there.

    Raises:
        BadInput: it is written wrongly, or certainly not on this machine.
    """
    match = _SYNTAX.fullmatch(device)
    if match is None:
        raise BadInput(
            f"Unknown device {device[:40]!r}. Choose auto, cpu, cuda, cuda:N (N from 0) or mps."
        )
    if device == "mps" and not (sys.platform == "darwin" and platform.machine() == "arm64"):
        raise BadInput("No MPS device on this machine. Choose device auto or cpu.")
    if device.startswith("cuda"):
        _check_cuda(int(match["index"] or 0))


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
