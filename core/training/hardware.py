"""CPU, memory and GPU samples from a background thread, as ``hardware/*`` scalars."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

import psutil
import pynvml
import torch

Emit = Callable[[str, float, int], None]
"""(tag, value, whole seconds since the start)"""

MIB = 1024.0 * 1024.0


class Gpu:
    """NVML's view of one CUDA device: utilisation and memory."""

    def __init__(self, device: torch.device) -> None:
        pynvml.nvmlInit()
        # CUDA_VISIBLE_DEVICES renumbers what torch sees, so the device is found by its UUID.
        uuid = str(torch.cuda.get_device_properties(device).uuid)
        name = uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}"
        self._handle = pynvml.nvmlDeviceGetHandleByUUID(name)

    def read(self) -> dict[str, float]:
        """``gpu_utilisation_percent`` and ``gpu_memory_mib`` of the whole device."""
        used = pynvml.nvmlDeviceGetMemoryInfo(self._handle).used
        busy = pynvml.nvmlDeviceGetUtilizationRates(self._handle).gpu
        return {
            "gpu_utilisation_percent": float(busy),
            "gpu_memory_mib": float(used) / MIB,
        }

    def close(self) -> None:
        """Let go of NVML."""
        pynvml.nvmlShutdown()


def open_gpu(device: torch.device) -> Gpu | None:
    """The device for NVML, or None where there is none or NVML does not know it."""
    if device.type != "cuda":
        return None
    try:
        return Gpu(device)
    except pynvml.NVMLError:
        return None


class HardwareSampler:
    """A context manager that samples while it is open. Trouble with a sensor ends that sensor.

    Tags: ``hardware/cpu_percent`` (of all cores, whole machine), ``hardware/rss_mib`` (this
    process and its children), ``hardware/gpu_utilisation_percent``, ``hardware/gpu_memory_mib``.
    """

    def __init__(self, emit: Emit, device: torch.device, every_s: float = 1.0) -> None:
        self._emit, self._every_s = emit, every_s
        self._gpu = open_gpu(device)
        self._process = psutil.Process()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="hardware", daemon=True)
        self._started = time.monotonic()

    def __enter__(self) -> HardwareSampler:
        psutil.cpu_percent(None)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=5.0)
        if self._gpu is not None:
            self._gpu.close()

    def _loop(self) -> None:
        while not self._stop.wait(self._every_s):
            self.sample()

    def sample(self) -> None:
        """Read every sensor once."""
        second = round(time.monotonic() - self._started)
        self._emit("hardware/cpu_percent", psutil.cpu_percent(None), second)
        self._emit("hardware/rss_mib", self._rss_mib(), second)
        if self._gpu is not None:
            try:
                readings = self._gpu.read()
            except pynvml.NVMLError:
                self._gpu.close()
                self._gpu = None
            else:
                for name, value in readings.items():
                    self._emit(f"hardware/{name}", value, second)

    def _rss_mib(self) -> float:
        total = 0
        for process in (self._process, *self._process.children(recursive=True)):
            try:
                total += process.memory_info().rss
            except psutil.Error:
                continue
        return total / MIB
