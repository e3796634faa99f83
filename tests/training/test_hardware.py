"""Hardware samples: what is read, and that trouble with a sensor ends that sensor alone."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace

import pynvml
import pytest
import torch

from core.training import sensors
from core.training.hardware import HardwareSampler

HOST = {
    "cpu_percent", "rss_mib", "job_cpu_percent", "disk_read_mib_s", "disk_write_mib_s",
    "net_receive_mib_s", "net_send_mib_s",
}  # fmt: skip


def test_the_host_is_sampled_until_the_job_ends():
    seen: list[tuple[str, float, int]] = []
    cpu = torch.device("cpu")
    with HardwareSampler(lambda *sample: seen.append(sample), cpu, every_s=0.02) as sampler:
        deadline = time.monotonic() + 5.0
        while len(seen) < 12 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert {tag.removeprefix("hardware/") for tag, _, _ in seen} == HOST
    assert all(value > 1 for tag, value, _ in seen if tag == "hardware/rss_mib")
    times = [at for tag, _, at in seen if tag == "hardware/rss_mib"]
    assert times == sorted(times)
    assert not sampler._thread.is_alive()


def test_the_cpu_time_of_a_process_is_told_in_percent_of_one_core():
    host = sensors.Host(os.getpid())
    host.read()
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass

    assert host.read()["job_cpu_percent"] > 5


@pytest.fixture
def nvml(monkeypatch):
    """NVML with one device that has no power sensor and whose clock breaks later."""
    state = SimpleNamespace(broken=False)

    def clock(_handle, _which):
        if state.broken:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_UNKNOWN)
        return 1_410

    def refuse(*_):
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    answers = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetHandleByUUID": lambda uuid: uuid,
        "nvmlDeviceGetUtilizationRates": lambda _: SimpleNamespace(gpu=37),
        "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(used=3 << 20),
        "nvmlDeviceGetPowerUsage": refuse,
        "nvmlDeviceGetTemperature": lambda _handle, _which: 61,
        "nvmlDeviceGetClockInfo": clock,
        "nvmlDeviceGetPcieThroughput": lambda _handle, _which: 2_048,
        "nvmlDeviceGetCurrentClocksThrottleReasons": lambda _: (
            pynvml.nvmlClocksThrottleReasonSwPowerCap
        ),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)
    return state


def test_a_gpu_tells_what_it_can(nvml):
    (gpu,), why = sensors.open_gpus(["GPU-1"])

    first = gpu.read()
    nvml.broken = True
    second = gpu.read()

    assert why == ""
    assert first["gpu_utilisation_percent"] == 37
    assert (first["gpu_memory_mib"], first["gpu_pcie_read_mib_s"]) == (3, 2)
    assert first["gpu_throttled_percent"] == 100
    assert "gpu_power_w" not in first, "this device has no such sensor"
    assert "gpu_sm_clock_mhz" in first
    assert "gpu_sm_clock_mhz" not in second, "it broke; the others go on"
    assert second["gpu_temperature_c"] == 61


def test_without_nvml_there_is_a_note_and_no_error():
    gpus, why = sensors.open_gpus(["GPU-none"])

    assert gpus == []
    assert why.startswith("GPU readings are missing")
