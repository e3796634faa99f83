"""The simulated host's work, step by step."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from core.traces.columns import Trace
from core.traces.loading import parse_trace
from core.traces.simulator.machine import COMPUTE, REDUCE, Machine
from core.traces.simulator.settings import SimulatorSettings

_PAGEABLE_GBPS, _PINNED_GBPS = 8.0, 25.0
_PREFETCH = 2
_FORWARD, _BACKWARD = 0.35, 0.85
"""Where in a step's kernels forward ends and backward ends; the rest is the optimizer."""
_MALLOC_US, _FREE_US = 200.0, 150.0
"""cudaMalloc, and cudaFree once the device is idle (100 µs to 1 ms in traces)."""
_BUCKETS = 4
"""Pieces in which gradients are reduced, as DDP's buckets."""


def simulate(settings: SimulatorSettings) -> dict[str, Any]:
    """Kineto JSON of a training run with these settings."""
    machine = Machine()
    batches = _Batches(settings)
    for step in range(settings.steps):
        begin = machine.now
        _fetch(machine, settings, batches)
        _upload(machine, settings)
        _python(machine, settings)
        _allocate(machine, settings, "cudaMalloc")
        _launch(machine, settings)
        _allocate(machine, settings, "cudaFree")
        if settings.sync_every_step:
            _read_back(machine)
        machine.host("user_annotation", f"ProfilerStep#{step}", begin, machine.now)
    return {
        "schemaVersion": 1,
        "deviceProperties": [{"id": 0, "name": "Simulated GPU"}],
        "traceEvents": machine.events,
        "displayTimeUnit": "ms",
        "traceName": "simulated.pt.trace.json",
    }


def simulate_trace(settings: SimulatorSettings) -> Trace:
    """The simulated run, loaded like any other trace."""
    return parse_trace(msgspec.json.encode(simulate(settings)), "simulated.pt.trace.json")


class _Batches:
    """When worker processes have batches ready; each makes every ``workers``-th one.

    A worker may be ``_PREFETCH`` batches ahead. Before the window they had time to fill up, as in
    a run that has been going on for long.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self.taken: list[float] = []
        self.ready: list[float] = []

    def take(self, now: float) -> float:
        """Time at which the next batch is in hand, asked for at ``now``."""
        make = 1e3 * self.settings.data_ms
        if not self.settings.workers:
            return now + make
        workers = self.settings.workers
        number = len(self.ready)
        ahead = number - _PREFETCH * workers
        slot = self.taken[ahead] if ahead >= 0 else -np.inf
        busy = self.ready[number - workers] if number >= workers else number * make / workers - make
        self.ready.append(max(slot, busy) + make)
        self.taken.append(max(now, self.ready[-1]))
        return self.taken[-1]


def _fetch(machine: Machine, settings: SimulatorSettings, batches: _Batches) -> None:
    kind = "_MultiProcessing" if settings.workers else "_SingleProcess"
    start = machine.now
    machine.now = batches.take(start) + 20.0
    name = f"enumerate(DataLoader)#{kind}DataLoaderIter.__next__"
    machine.host("user_annotation", name, start, machine.now)


def _upload(machine: Machine, settings: SimulatorSettings) -> None:
    size = int(settings.batch_mib * 2**20)
    if not size:
        return
    rate = _PINNED_GBPS if settings.pinned else _PAGEABLE_GBPS
    machine.correlation += 1
    start = machine.now
    memory = "Pinned" if settings.pinned else "Pageable"
    done = machine.enqueue(
        "gpu_memcpy", f"Memcpy HtoD ({memory} -> Device)", start + 5, size / rate / 1e3, bytes=size
    )
    machine.now = start + 15 if settings.pinned else max(done, start + 15)
    machine.call("cudaMemcpyAsync", start + 5, machine.now - 2)
    machine.host("cpu_op", "aten::copy_", start + 1, machine.now)


def _python(machine: Machine, settings: SimulatorSettings) -> None:
    if settings.python_ms:
        end = machine.now + 1e3 * settings.python_ms
        machine.host("python_function", "train.py(42): prepare_step", machine.now, end)
        machine.now = end


def _allocate(machine: Machine, settings: SimulatorSettings, name: str) -> None:
    """The step's buffers; freeing one waits until the device is idle."""
    for _ in range(settings.allocations):
        machine.correlation += 1
        start = machine.now
        if name == "cudaMalloc":
            machine.now = start + _MALLOC_US
        else:
            machine.now = max(start, machine.idle_at) + _FREE_US
        machine.call(name, start, machine.now)


def _launch(machine: Machine, settings: SimulatorSettings) -> None:
    """Launch a step's kernels: an operator each, its launch call in its last third."""
    count = settings.kernels
    forward, backward = round(_FORWARD * count), round(_BACKWARD * count)
    buckets = _bucket_ends(settings, forward, backward)
    optimizer = machine.now
    for index in range(count):
        if index == backward:
            _await_reduced(machine, settings)
            optimizer = machine.now
        start, machine.now = machine.now, machine.now + settings.launch_us
        operator, kernel = _names(index, forward, backward)
        machine.correlation += 1
        machine.host("cpu_op", operator, start, machine.now)
        call = start + settings.launch_us * 2 / 3
        machine.call("cudaLaunchKernel", call, machine.now)
        machine.enqueue("kernel", kernel, call, settings.kernel_us)
        for _ in range(buckets.count(index)):
            _reduce(machine, settings)
    if backward < count:
        machine.host("user_annotation", "Optimizer.step#AdamW.step", optimizer, machine.now)
    else:
        _await_reduced(machine, settings)


def _bucket_ends(settings: SimulatorSettings, forward: int, backward: int) -> list[int]:
    """After which kernels a bucket of gradients is complete."""
    last = max(backward - 1, 0)
    if not settings.communication_ms:
        return []
    if not settings.overlap:
        return [last] * _BUCKETS
    return np.linspace(forward, last, _BUCKETS + 1)[1:].astype(int).tolist()


def _reduce(machine: Machine, settings: SimulatorSettings) -> None:
    machine.wait_event(REDUCE, COMPUTE)
    machine.correlation += 1
    start, machine.now = machine.now, machine.now + 8.0
    machine.call("cudaLaunchKernel", start, machine.now)
    duration = 1e3 * settings.communication_ms / _BUCKETS
    name = "ncclDevKernel_AllReduce_Sum_f32_RING_LL"
    machine.enqueue("kernel", name, start, duration, stream=REDUCE)


def _await_reduced(machine: Machine, settings: SimulatorSettings) -> None:
    if settings.communication_ms:
        machine.wait_event(COMPUTE, REDUCE)


def _names(index: int, forward: int, backward: int) -> tuple[str, str]:
    if index < forward:
        return ("aten::linear", "sim_gemm_forward") if index % 2 else ("aten::gelu", "sim_gelu")
    if index < backward:
        return "autograd::engine::evaluate_function: MmBackward0", "sim_gemm_backward"
    return "aten::_fused_adamw_", "sim_adamw"


def _read_back(machine: Machine) -> None:
    """``loss.item()``: a small copy back, then a wait until the device is done."""
    machine.correlation += 1
    start = machine.now
    done = machine.enqueue("gpu_memcpy", "Memcpy DtoH (Device -> Pinned)", start + 4, 2.0, bytes=4)
    machine.call("cudaMemcpyAsync", start + 4, start + 10)
    machine.correlation += 1
    machine.now = max(done, start + 10) + 3
    machine.call("cudaStreamSynchronize", start + 10, machine.now)
    machine.now += 2
    machine.host("cpu_op", "aten::_local_scalar_dense", start + 2, machine.now - 1)
    machine.host("cpu_op", "aten::item", start + 1, machine.now)
