"""A training step on a host and one device, simulated, written as Kineto JSON.

The host works through a step in order (fetch a batch, copy it, launch the kernels of forward,
backward and optimizer, read the loss back if asked to); the device works through its queue in
order. From these two rules the bubbles follow; none is drawn by hand. The trace goes through the
same loader and diagnosis as a real one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from core.errors import BadInput
from core.traces.columns import Trace
from core.traces.loading import parse_trace

_HOST = 4242
_STREAM = 7
_BASE_US = 1_700_000_000_000_000.0
_LATENCY_US = 4.0
"""From the start of a launch call until its kernel can start on an idle device."""
_PAGEABLE_GBPS, _PINNED_GBPS = 8.0, 25.0
_PREFETCH = 2
_FORWARD, _BACKWARD = 0.35, 0.85
"""Where in a step's kernels forward ends and backward ends; the rest is the optimizer."""


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """What a step consists of.

    Attributes:
        data_ms: time to make one batch, in whichever process makes it.
        workers: DataLoader worker processes; 0 makes batches in the training process.
        kernels: kernels a step.
        kernel_us: duration of each.
        launch_us: host time from one kernel's launch to the next (operator and launch call).
        sync_every_step: read the loss back at the end of every step (``loss.item()``).
        pinned: copy batches from pinned memory, without blocking the host.
        batch_mib: size of a batch.
        python_ms: Python work a step, outside operators.
        steps: profiled steps.

    Raises:
        BadInput: a value is out of bounds.
    """

    data_ms: float = 20.0
    workers: int = 0
    kernels: int = 200
    kernel_us: float = 80.0
    launch_us: float = 12.0
    sync_every_step: bool = False
    pinned: bool = True
    batch_mib: float = 16.0
    python_ms: float = 0.2
    steps: int = 6

    def __post_init__(self) -> None:
        bounds = {
            "data_ms": (0.0, 10_000.0),
            "workers": (0, 64),
            "kernels": (1, 5_000),
            "kernel_us": (0.5, 100_000.0),
            "launch_us": (1.0, 1_000.0),
            "batch_mib": (0.0, 4_096.0),
            "python_ms": (0.0, 10_000.0),
            "steps": (1, 50),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadInput(f"{name} must lie between {low} and {high}, got {value}.")


@dataclass(slots=True)
class _Machine:
    """Host clock, device clock, and the events so far (µs)."""

    now: float = 0.0
    device_free: float = 0.0
    correlation: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    def host(self, category: str, name: str, start: float, end: float, **args: object) -> None:
        self.events.append(_span(category, name, _HOST, _HOST, start, end, args))

    def enqueue(self, category: str, name: str, call: float, duration: float, **args: Any) -> float:
        """Put work on the stream by the call that starts at ``call``; returns when it ends."""
        start = max(self.device_free, call + _LATENCY_US)
        self.device_free = start + duration
        args |= {"device": 0, "stream": _STREAM, "correlation": self.correlation}
        self.events.append(_span(category, name, 0, _STREAM, start, self.device_free, args))
        return self.device_free

    def call(self, name: str, start: float, end: float) -> None:
        """A runtime call with the current correlation."""
        self.host("cuda_runtime", name, start, end, correlation=self.correlation)


def _span(
    category: str, name: str, process: int, thread: int, start: float, end: float, args: object
) -> dict[str, Any]:
    return {
        "ph": "X",
        "cat": category,
        "name": name,
        "pid": process,
        "tid": thread,
        "ts": round(_BASE_US + start, 3),
        "dur": round(end - start, 3),
        "args": args,
    }


def simulate(settings: SimulatorSettings) -> dict[str, Any]:
    """Kineto JSON of a training run with these settings."""
    machine = _Machine()
    batches = _Batches(settings)
    for step in range(settings.steps):
        begin = machine.now
        _fetch(machine, settings, batches)
        _upload(machine, settings)
        _python(machine, settings)
        _launch(machine, settings)
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


def _fetch(machine: _Machine, settings: SimulatorSettings, batches: _Batches) -> None:
    kind = "_MultiProcessing" if settings.workers else "_SingleProcess"
    start = machine.now
    machine.now = batches.take(start) + 20.0
    name = f"enumerate(DataLoader)#{kind}DataLoaderIter.__next__"
    machine.host("user_annotation", name, start, machine.now)


def _upload(machine: _Machine, settings: SimulatorSettings) -> None:
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


def _python(machine: _Machine, settings: SimulatorSettings) -> None:
    if settings.python_ms:
        end = machine.now + 1e3 * settings.python_ms
        machine.host("python_function", "train.py(42): prepare_step", machine.now, end)
        machine.now = end


def _launch(machine: _Machine, settings: SimulatorSettings) -> None:
    """Launch a step's kernels: an operator each, its launch call in its last third."""
    count = settings.kernels
    forward, backward = round(_FORWARD * count), round(_BACKWARD * count)
    optimizer = machine.now
    for index in range(count):
        start, machine.now = machine.now, machine.now + settings.launch_us
        operator, kernel = _names(index, forward, backward)
        if index == backward:
            optimizer = start
        machine.correlation += 1
        machine.host("cpu_op", operator, start, machine.now)
        call = start + settings.launch_us * 2 / 3
        machine.call("cudaLaunchKernel", call, machine.now)
        machine.enqueue("kernel", kernel, call, settings.kernel_us)
    if backward < count:
        machine.host("user_annotation", "Optimizer.step#AdamW.step", optimizer, machine.now)


def _names(index: int, forward: int, backward: int) -> tuple[str, str]:
    if index < forward:
        return ("aten::linear", "sim_gemm_forward") if index % 2 else ("aten::gelu", "sim_gelu")
    if index < backward:
        return "autograd::engine::evaluate_function: MmBackward0", "sim_gemm_backward"
    return "aten::_fused_adamw_", "sim_adamw"


def _read_back(machine: _Machine) -> None:
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
