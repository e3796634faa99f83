"""One optimiser step, and sums over an epoch that stay on the device until its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from core.training import ranks
from core.training.layers import Layers
from core.workloads.base import Loss

Metrics = Callable[[Any, Tensor], Mapping[str, Tensor]]


class Sums:
    """Weighted sums of scalars on the device, read with one copy at the end of an epoch."""

    def __init__(self) -> None:
        self.samples = 0
        self._sums: dict[str, Tensor] = {}
        self._weights: dict[str, int] = {}
        self._peaks: dict[str, Tensor] = {}

    def add(self, name: str, value: Tensor, weight: int = 1) -> None:
        """Add a mean over ``weight`` samples."""
        part = value.detach().float() * weight
        self._sums[name] = self._sums[name] + part if name in self._sums else part
        self._weights[name] = self._weights.get(name, 0) + weight

    def peak(self, name: str, value: Tensor) -> None:
        """Keep the largest; NaN counts as larger than anything."""
        part = value.detach().float()
        self._peaks[name] = torch.maximum(self._peaks[name], part) if name in self._peaks else part

    def read(self, everywhere: bool = True) -> dict[str, float]:
        """All means and peaks; the one place that waits for the device.

        Args:
            everywhere: over all processes, which then must all ask; ``samples`` too.
        """
        if not self._sums:
            return {}
        totals = torch.stack(list(self._sums.values()))
        weights = torch.tensor(list(self._weights.values()), dtype=totals.dtype)
        counts = torch.tensor([float(self.samples)], dtype=totals.dtype)
        peaks = torch.stack(list(self._peaks.values())) if self._peaks else totals[:0]
        both = torch.cat([totals, weights.to(totals.device), counts.to(totals.device)])
        if everywhere:
            both, peaks = ranks.reduced(both, peaks)
        count = len(self._sums)
        self.samples = round(float(both[-1]))
        values = torch.cat([both[:count] / both[count : 2 * count], peaks]).tolist()
        return dict(zip([*self._sums, *self._peaks], values, strict=True))


class TrainStep:
    """Forward, backward and update.

    Args:
        sync: read the loss back after every step, which makes the host wait for the device: the
            classic mistake, on purpose.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        metrics: Metrics,
        optimizer: torch.optim.Optimizer,
        sync: bool = False,
    ) -> None:
        self.model, self.loss, self.metrics = model, loss, metrics
        self.optimizer, self.sync = optimizer, sync
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.layers = Layers(getattr(model, "module", model), self.parameters)
        self.last_loss = float("nan")

    def __call__(self, inputs: Any, targets: Tensor, sums: Sums, measure: bool = False) -> None:
        """Train on one batch that is on the device.

        Args:
            sums: gets ``loss``, the metrics, ``gradient_norm``, ``gradient_norm_max`` and
                ``nonfinite`` (share of steps with a loss or gradient of NaN or infinity).
            measure: also compare the weights before and after: ``update_ratio``, and the signals
                of single layers.
        """
        self.optimizer.zero_grad(set_to_none=True)
        outputs = self.model(inputs)
        loss = self.loss(outputs, targets)
        loss.backward()
        norm = self._gradient_norm()
        before = [p.detach().clone() for p in self.parameters] if measure else []
        self.optimizer.step()
        if measure:
            sums.add("update_ratio", self._update_ratio(before))
            for name, value in self.layers.signals(before).items():
                sums.add(name, value)
        count = len(targets)
        sums.samples += count
        sums.add("loss", loss, count)
        sums.add("gradient_norm", norm)
        sums.peak("gradient_norm_max", norm)
        sums.add("nonfinite", ~torch.isfinite(loss.detach() + norm))
        with torch.no_grad():
            for name, value in self.metrics(outputs, targets).items():
                sums.add(name, value, count)
        if self.sync:
            self.last_loss = loss.item()

    def _gradient_norm(self) -> Tensor:
        """Euclidean norm of all gradients together."""
        return torch.nn.utils.get_total_norm(
            [p.grad for p in self.parameters if p.grad is not None]
        )

    def _update_ratio(self, before: list[Tensor]) -> Tensor:
        """Norm of the weights' change over the norm of the weights; healthy is about 1e-3.

        Source: Karpathy, CS231n notes, "Ratio of weights:updates".
        """
        changes = [p.detach() - old for p, old in zip(self.parameters, before, strict=True)]
        weights = torch.nn.utils.get_total_norm(before)
        return torch.nn.utils.get_total_norm(changes) / weights.clamp_min(1e-12)
