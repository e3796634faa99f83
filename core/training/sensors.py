"""What can be read of the hardware while a job runs: NVML for GPUs, psutil for the rest.

A sensor that fails once is not asked again: what is left goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import psutil
import pynvml

MIB = 1024.0 * 1024.0
FAMILY_EVERY_S = 3.0
"""Finding a process's descendants costs some ms on a machine with many processes."""


class Gpu:
    """NVML's view of one device, by the UUID that torch tells (CUDA numbers devices differently).

    Readings: ``gpu_utilisation_percent`` (share of NVML's last sampling period in which a kernel
    ran), ``gpu_memory_mib``, ``gpu_power_w``, ``gpu_temperature_c``, ``gpu_sm_clock_mhz``,
    ``gpu_memory_clock_mhz``, ``gpu_pcie_read_mib_s``, ``gpu_pcie_write_mib_s`` (as the device sees
    it: read is host to device) and ``gpu_throttled_percent`` (100 while NVML names a reason other
    than idleness or an application's own clock setting).
    """

    def __init__(self, uuid: str) -> None:
        pynvml.nvmlInit()
        try:
            self._handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        except pynvml.NVMLError:
            pynvml.nvmlShutdown()
            raise
        self._readers: dict[str, Callable[[], float]] = {
            "gpu_utilisation_percent": lambda: self._of("UtilizationRates").gpu,
            "gpu_memory_mib": lambda: self._of("MemoryInfo").used / MIB,
            "gpu_power_w": lambda: self._of("PowerUsage") / 1e3,
            "gpu_temperature_c": lambda: self._of("Temperature", pynvml.NVML_TEMPERATURE_GPU),
            "gpu_sm_clock_mhz": lambda: self._of("ClockInfo", pynvml.NVML_CLOCK_SM),
            "gpu_memory_clock_mhz": lambda: self._of("ClockInfo", pynvml.NVML_CLOCK_MEM),
            "gpu_pcie_read_mib_s": lambda: self._pcie(pynvml.NVML_PCIE_UTIL_RX_BYTES),
            "gpu_pcie_write_mib_s": lambda: self._pcie(pynvml.NVML_PCIE_UTIL_TX_BYTES),
            "gpu_throttled_percent": self._throttled,
        }

    def _of(self, what: str, *more: Any) -> Any:
        return getattr(pynvml, f"nvmlDeviceGet{what}")(self._handle, *more)

    def _pcie(self, direction: int) -> float:
        return self._of("PcieThroughput", direction) / 1024.0

    def _throttled(self) -> float:
        harmless = pynvml.nvmlClocksThrottleReasonGpuIdle
        harmless |= pynvml.nvmlClocksThrottleReasonApplicationsClocksSetting
        return 100.0 * bool(self._of("CurrentClocksThrottleReasons") & ~harmless)

    def read(self) -> dict[str, float]:
        """What the device tells; readings that it does not have are left out from then on."""
        found = {}
        for name, reader in list(self._readers.items()):
            try:
                found[name] = float(reader())
            except (pynvml.NVMLError, AttributeError):
                del self._readers[name]
        return found

    def close(self) -> None:
        """Let go of NVML."""
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


class Host:
    """The machine, and a process with its descendants.

    Readings: ``rss_mib``, and from the second look on ``cpu_percent`` (of all cores, whole
    machine), ``job_cpu_percent`` (of one core: 200 is two cores), ``disk_read_mib_s``,
    ``disk_write_mib_s`` (of the processes), ``net_receive_mib_s``, ``net_send_mib_s`` (machine).
    """

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._family: list[psutil.Process] = [self._process]
        self._looked = -FAMILY_EVERY_S
        self._before: dict[str, float] = {}
        self._before_s = time.monotonic()

    def read(self) -> dict[str, float]:
        """All readings; rates are means since the last call."""
        now = time.monotonic()
        if now - self._looked >= FAMILY_EVERY_S:
            self._family = [self._process, *self._process.children(recursive=True)]
            self._looked = now
        totals, rss = self._totals()
        found = {"rss_mib": rss / MIB}
        cpu = psutil.cpu_percent(None)  # since the last call in this thread, 0 at the first
        passed = now - self._before_s
        if self._before and passed > 0:
            found["cpu_percent"] = cpu
            for name, total in totals.items():
                # A process that ended takes its counters along: then the sum has fallen.
                found[name] = max(0.0, total - self._before.get(name, total)) / passed
        self._before, self._before_s = totals, now
        return found

    def _totals(self) -> tuple[dict[str, float], float]:
        """(counters by the name of their rate, resident bytes)."""
        cpu = read = written = rss = 0.0
        for process in self._family:
            with suppress(psutil.Error, OSError):
                with process.oneshot():
                    times = process.cpu_times()
                    rss += process.memory_info().rss
                cpu += times.user + times.system
                disk: Any = process.io_counters()
                read += disk.read_bytes
                written += disk.write_bytes
        totals = {"job_cpu_percent": 100 * cpu}
        totals |= {"disk_read_mib_s": read / MIB, "disk_write_mib_s": written / MIB}
        with suppress(OSError, AttributeError):
            net = psutil.net_io_counters()
            totals["net_receive_mib_s"] = net.bytes_recv / MIB
            totals["net_send_mib_s"] = net.bytes_sent / MIB
        return totals, rss


def open_gpus(uuids: Iterable[str]) -> tuple[list[Gpu], str]:
    """(the devices that NVML knows, one line on why some are not sampled, else "")."""
    found, why = [], ""
    for uuid in uuids:
        try:
            found.append(Gpu(uuid))
        except pynvml.NVMLError as error:
            why = f"GPU readings are missing: NVML says {error}."
    return found, why
