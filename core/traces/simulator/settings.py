"""What a simulated step consists of."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import BadInput

BOUNDS: dict[str, tuple[float, float]] = {
    "data_ms": (0.0, 10_000.0),
    "workers": (0, 64),
    "kernels": (1, 5_000),
    "kernel_us": (0.5, 100_000.0),
    "launch_us": (1.0, 1_000.0),
    "batch_mib": (0.0, 4_096.0),
    "python_ms": (0.0, 10_000.0),
    "allocations": (0, 1_000),
    "communication_ms": (0.0, 10_000.0),
    "steps": (1, 50),
}


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
        allocations: device buffers allocated at the begin of a step and freed at its end.
        communication_ms: time a step to reduce gradients between ranks.
        overlap: reduce them in buckets while backward goes on, instead of after it.
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
    allocations: int = 0
    communication_ms: float = 0.0
    overlap: bool = True
    steps: int = 6

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadInput(f"{name} must lie between {low:g} and {high:g}, got {value}.")
