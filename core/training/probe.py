"""A few training samples, looked at in evaluation mode after every epoch.

The training loss of an epoch is a mean over weights that changed meanwhile, with dropout. The
same samples in evaluation mode give a training loss that compares with the validation loss, the
loss of the untrained model, and which ReLU units are dead.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from torch.utils.hooks import RemovableHandle

from core.training.data import to_device
from core.training.layers import SIGNAL
from core.training.step import Sums
from core.workloads.base import Loss

SAMPLES = 128
MAX_BYTES = 32 * 2**20
"""Samples are taken until one of the two is reached; they stay in memory."""

ACTIVE = 0.01
"""A unit that is active for a smaller share of the samples counts as dead (SageMaker Debugger)."""


class Probe:
    """The first training samples, as the model gets them (augmented once, then the same).

    Args:
        dataset: map-style.
        collate: of the DataLoader.
        batch_size: samples at once.
    """

    def __init__(
        self, dataset: Dataset[Any], collate: Callable[[list[Any]], Any], batch_size: int
    ) -> None:
        # Random augmentation must not shift the numbers that training draws.
        with torch.random.fork_rng(devices=[]):
            samples = _first(dataset)
            starts = range(0, len(samples), batch_size)
            self._batches = [collate(samples[i : i + batch_size]) for i in starts]

    @torch.inference_mode()
    def measure(self, model: nn.Module, loss: Loss, device: torch.device) -> dict[str, float]:
        """Values by name: loss and the shares of dead units, where the model has ReLU modules."""
        model.eval()
        sums = Sums()
        with Units(model) as units:
            for batch in self._batches:
                inputs, targets = to_device(batch, device, non_blocking=False)
                units.next_batch()
                value = loss(model(inputs), targets)
                sums.add(f"{SIGNAL}Probe/train_in_eval_mode", value, len(targets))
            dead = units.dead()
        if dead:
            sums.add(f"{SIGNAL}Activations/dead_share", torch.cat(dead).float().mean())
            worst = torch.stack([layer.float().mean() for layer in dead]).max()
            sums.add(f"{SIGNAL}Activations/dead_share_max", worst)
        return sums.read(everywhere=False)

    @torch.inference_mode()
    def outputs(self, model: nn.Module, device: torch.device) -> Any:
        """What the model makes of one sample's batch."""
        model.eval()
        return model(to_device(self._batches[0], device, non_blocking=False)[0])


def _first(dataset: Dataset[Any]) -> list[Any]:
    samples, size = [], 0
    for index in range(min(SAMPLES, len(dataset))):  # type: ignore[arg-type]
        samples.append(dataset[index])
        size += _bytes(samples[-1])
        if size > MAX_BYTES:
            break
    return samples


def _bytes(sample: Any) -> int:
    if isinstance(sample, (Tensor, np.ndarray)):
        return sample.nbytes
    if isinstance(sample, dict):
        return sum(_bytes(part) for part in sample.values())
    return sum(_bytes(part) for part in sample) if isinstance(sample, (list, tuple)) else 0


class Units:
    """Counts, while it is open, for which share of the inputs each ReLU unit is active.

    A unit is a channel of a convolution (outputs of 4 or 5 dimensions), else a place in the last
    dimension. A module that is called several times a batch counts as several layers.
    """

    def __init__(self, model: nn.Module) -> None:
        self._modules = [m for m in model.modules() if isinstance(m, (nn.ReLU, nn.ReLU6))]
        self._handles: list[RemovableHandle] = []
        self._calls: dict[int, int] = {}
        self._active: dict[tuple[int, int], Tensor] = {}
        self._seen: dict[tuple[int, int], int] = {}

    def __enter__(self) -> Units:
        self._handles = [m.register_forward_hook(self._count) for m in self._modules]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()

    def next_batch(self) -> None:
        """Calls of a module are numbered anew."""
        self._calls.clear()

    def _count(self, module: nn.Module, _inputs: Any, output: Any) -> None:
        call = self._calls[id(module)] = self._calls.get(id(module), -1) + 1
        if not isinstance(output, Tensor) or output.dim() < 2:
            return
        unit = 1 if output.dim() >= 4 else output.dim() - 1
        active = (output > 0).transpose(0, unit).flatten(1).sum(1)
        key = (id(module), call)
        self._active[key] = self._active[key] + active if key in self._active else active
        self._seen[key] = self._seen.get(key, 0) + output.numel() // output.shape[unit]

    def dead(self) -> list[Tensor]:
        """For each layer, which of its units are dead."""
        return [active < ACTIVE * self._seen[key] for key, active in self._active.items()]
