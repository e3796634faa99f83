"""One pass over the training data, timed; one over the validation data."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from core.training import ranks
from core.training.data import to_device
from core.training.layers import SIGNAL
from core.training.step import Metrics, Sums, TrainStep
from core.workloads.base import Loss

AfterStep = Callable[[int, int], None]
"""Called with (steps done, steps in all) after each step."""

MISTAKE_POOL = 512
"""Validation samples among which the worst mistakes are looked for."""


@dataclass(frozen=True, slots=True)
class TrainResult:
    """Means over the training part of an epoch.

    Attributes:
        values: ``loss``, the metrics by name, ``gradient_norm``, ``gradient_norm_max``,
            ``nonfinite``, ``update_ratio``, and the signals of the last step by their tags.
        seconds: from the first request for a batch until the device had done the last step.
        wait_s: of these, how long the loop waited in the DataLoader.
    """

    values: dict[str, float]
    steps: int
    samples: int
    seconds: float
    wait_s: float

    def speed(self) -> dict[str, float]:
        """samples/s, and the mean step and data wait in ms; the step includes its wait."""
        steps = max(1, self.steps)
        return {
            "samples_per_s": self.samples / self.seconds if self.seconds > 0 else 0.0,
            "step_ms": 1e3 * self.seconds / steps,
            "data_wait_ms": 1e3 * self.wait_s / steps,
        }


def train_epoch(
    step: TrainStep,
    loader: DataLoader[Any],
    device: torch.device,
    after_step: AfterStep,
    max_steps: int | None = None,
) -> TrainResult:
    """Train on every batch (or the first ``max_steps``).

    The sums are read, and with that the device waited for, once at the end. The update ratio and
    the signals of single layers are those of the last step.
    """
    step.model.train()
    sums, waited = Sums(), 0.0
    steps = len(loader) if max_steps is None else min(max_steps, len(loader))
    started = time.perf_counter()
    batches = iter(loader)
    waited += time.perf_counter() - started
    for index in range(steps):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        inputs, targets = to_device(batch, device, non_blocking=loader.pin_memory)
        step(inputs, targets, sums, measure=index + 1 == steps)
        after_step(index + 1, steps)
    values = sums.read()
    return TrainResult(values, steps, sums.samples, time.perf_counter() - started, waited)


@dataclass(frozen=True, slots=True)
class Mistakes:
    """The validation samples with the highest loss, worst first, on the CPU.

    ``inputs``, ``outputs`` and ``targets`` have one entry a sample, ``losses`` are floats.
    """

    inputs: Any
    outputs: Any
    targets: Tensor
    losses: list[float]


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    loss: Loss,
    metrics: Metrics,
    loader: DataLoader[Any],
    device: torch.device,
    worst: int = 0,
) -> tuple[dict[str, float], Mistakes | None]:
    """Loss and metrics on the validation data, and its ``worst`` mistakes where asked for.

    With two batches or more there is also the standard error of the loss, from the spread of the
    batches. Mistakes are looked for among the first MISTAKE_POOL samples, of models whose inputs
    and outputs are single tensors.
    """
    model.eval()
    sums, pool, pooled = Sums(), [], 0
    losses: list[Tensor] = []
    counts: list[int] = []
    for batch in loader:
        inputs, targets = to_device(batch, device, non_blocking=loader.pin_memory)
        outputs = model(inputs)
        count = len(targets)
        losses.append(loss(outputs, targets).float())
        counts.append(count)
        sums.add("loss", losses[-1], count)
        for name, value in metrics(outputs, targets).items():
            sums.add(name, value, count)
        if worst and pooled < MISTAKE_POOL and isinstance(inputs, Tensor):
            pool.append((inputs, outputs, targets))
            pooled += count
    values = sums.read()
    means = ranks.gathered(torch.stack(losses).tolist() if losses else [])
    counts = ranks.gathered(counts)
    if len(counts) > 1:
        error = standard_error(torch.tensor(means), counts)
        values[f"{SIGNAL}Probe/val_sem"] = float(error)
    return values, _worst(loss, pool, worst) if pool else None


def standard_error(means: Tensor, counts: list[int]) -> Tensor:
    """Standard error of the mean over all samples, from the means of two batches or more."""
    weights = torch.tensor(counts, dtype=torch.float32, device=means.device) / sum(counts)
    spread = (weights * (means - (weights * means).sum())).square().sum()
    return (spread * len(counts) / (len(counts) - 1)).sqrt()


def _worst(loss: Loss, pool: list[tuple[Tensor, Tensor, Tensor]], worst: int) -> Mistakes:
    columns = zip(*pool, strict=True)
    inputs, outputs, targets = (torch.cat(parts)[:MISTAKE_POOL] for parts in columns)
    each = torch.stack(
        [loss(outputs[i : i + 1], targets[i : i + 1]) for i in range(len(targets))]
    ).float()
    losses, order = each.topk(min(worst, len(each)))
    return Mistakes(
        inputs[order].cpu(), outputs[order].cpu(), targets[order].cpu(), losses.tolist()
    )
