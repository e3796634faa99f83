"""Samples of CPU, memory, disk, network and GPUs from a background thread: ``hardware/*``."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from types import TracebackType

import torch

from core.training.ranks import this_rank
from core.training.sensors import Gpu, Host, open_gpus

Emit = Callable[[str, float, int], None]
"""(tag, value, whole milliseconds since the start)"""

EVERY_S = 0.5
_LOG = logging.getLogger(__name__)


def _uuids(device: torch.device) -> tuple[list[str], str]:
    """(UUIDs of the CUDA devices that this job sees, one line where none can be sampled)."""
    if device.type == "mps":
        return [], "GPU readings are missing: Apple's GPUs have no NVML."
    if device.type != "cuda":
        return [], ""
    if torch.version.hip is not None:
        return [], "GPU readings are missing: AMD's GPUs have no NVML."
    found = []
    for index in range(torch.cuda.device_count()):
        uuid = str(torch.cuda.get_device_properties(index).uuid)
        found.append(uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}")
    return found, ""


class HardwareSampler:
    """A context manager that samples while it is open; what the tags mean is in ``sensors``.

    With several GPUs ``hardware/gpu_*`` are means over them, and each has tags of its own below
    ``hardware/gpu0/…``.
    """

    def __init__(self, emit: Emit, device: torch.device, every_s: float = EVERY_S) -> None:
        self._emit, self._every_s = emit, every_s
        self._gpus: list[Gpu] = []
        self.use(device)
        # Beside the others of its node: all of them are children of torch elastic's process.
        self._host = Host(os.getppid() if this_rank().size > 1 else os.getpid())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="hardware", daemon=True)
        self._started = time.monotonic()

    def use(self, device: torch.device) -> None:
        """Sample the GPUs that this process sees, where ``device`` is one of them."""
        uuids, why = _uuids(device)
        self._gpus, trouble = open_gpus(uuids)
        if why or trouble:
            _LOG.info(why or trouble)

    def __enter__(self) -> HardwareSampler:
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
        self.close()

    def close(self) -> None:
        """Let go of the GPUs."""
        for gpu in self._gpus:
            gpu.close()

    def _loop(self) -> None:
        while not self._stop.wait(self._every_s):
            self.sample()

    def sample(self) -> None:
        """Read every sensor once."""
        at = round(1e3 * (time.monotonic() - self._started))
        readings = self._host.read()
        each = [gpu.read() for gpu in self._gpus]
        for index, mine in enumerate(each if len(each) > 1 else ()):
            readings |= {f"gpu{index}/{name.removeprefix('gpu_')}": v for name, v in mine.items()}
        for name in each[0] if each else ():
            values = [mine[name] for mine in each if name in mine]
            readings[name] = sum(values) / len(values)
        for name, value in readings.items():
            self._emit(f"hardware/{name}", value, at)
