"""Everything a run leaves for TensorBoard and for our pages, through one SummaryWriter.

Steps are epochs, counted from 1: the values at step 1 are those of (training) and after
(validation) the first epoch. ``hardware/*`` alone counts milliseconds since the start.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams, text

from core.training.epoch import TrainResult
from core.training.layers import SIGNAL

_TAGS = {
    "gradient_norm": "Gradients/global_norm",
    "gradient_norm_max": "Gradients/global_norm_max",
    "update_ratio": "Updates/to_weight_ratio",
}

HISTOGRAM_SAMPLES = 16_384
"""Weights of a layer that go into its histogram, evenly spaced; all if it has fewer."""

HISTOGRAM_BINS = 64
"""SummaryWriter's own default of 1,549 makes event files eight times larger."""


def config_records(config: Mapping[str, Any], metrics: Mapping[str, float]) -> list[Any]:
    """Summaries of hyper-parameters (for TensorBoard's table), and the same as readable text.

    ``SummaryWriter.add_hparams`` would open a second file in a sub-run; the same three records
    in the run's own file keep one run one run.

    Args:
        config: parameters by name; what is no number or text is written as text.
        metrics: tags the table shows, with their values so far.
    """
    plain = {
        name: value if isinstance(value, (bool, int, float, str)) else str(value)
        for name, value in config.items()
    }
    rows = [f"| {name} | `{value}` |" for name, value in plain.items()]
    table = "\n".join(["| parameter | value |", "| --- | --- |", *rows])
    return [*hparams(plain, dict(metrics)), text("config", table)]


class _Nowhere:
    """Takes whatever a SummaryWriter is told and keeps nothing of it."""

    def __getattr__(self, _name: str) -> Callable[..., _Nowhere]:
        return lambda *_args, **_more: self


class EventLog:
    """Event file of a run. A context manager: leaving it flushes and closes.

    Args:
        folder: of the run.
        silent: write nothing: of several processes one writes.
    """

    def __init__(self, folder: Path, silent: bool = False) -> None:
        self.writer: Any = _Nowhere() if silent else SummaryWriter(log_dir=str(folder))

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.writer.close()

    def start(self, config: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Write the configuration: see :func:`config_records`.

        Args:
            config: the job's parameters and what it runs on.
            metrics: tags the table shows, with their values so far.
        """
        for record in config_records(config, metrics):
            self.writer._get_file_writer().add_summary(record)
        self.writer.flush()

    def epoch(
        self, epoch: int, train: TrainResult, val: Mapping[str, float], learning_rate: float
    ) -> None:
        """Scalars of one epoch, then a flush so that the page sees them."""
        for split, values in (("train", train.values), ("val", val)):
            for name, value in values.items():
                if name not in _TAGS and name != "nonfinite" and not name.startswith(SIGNAL):
                    tag = "Loss" if name == "loss" else name
                    self.writer.add_scalar(f"{tag}/{split}", value, epoch)
        self.scalar("LearningRate", learning_rate, epoch)
        for name, tag in _TAGS.items():
            self.scalar(tag, train.values[name], epoch)
        skipped = round(train.values["nonfinite"] * train.steps)
        self.scalar("Gradients/nonfinite_steps", skipped, epoch)
        self.signals(train.values, epoch)
        self.signals(val, epoch)
        for name, value in train.speed().items():
            self.scalar(f"Speed/{name}", value, epoch)
        self.writer.flush()

    def signals(self, values: Mapping[str, float], epoch: int) -> None:
        """Those of the values that stand under a tag of their own."""
        for name, value in values.items():
            if name.startswith(SIGNAL):
                self.scalar(name.removeprefix(SIGNAL), value, epoch)

    def scalar(self, tag: str, value: float, step: int) -> None:
        """One number."""
        self.writer.add_scalar(tag, value, step)

    def histograms(self, model: nn.Module, epoch: int) -> None:
        """Weights of each layer and the gradients of the last step; non-finite ones are left out.

        TensorBoard's histograms cannot hold NaN or infinity.
        """
        for name, parameter in model.named_parameters():
            self._histogram(f"Weights/{name}", parameter.detach(), epoch)
            if parameter.grad is not None:
                self._histogram(f"Gradients/{name}", parameter.grad.detach(), epoch)

    def _histogram(self, tag: str, values: torch.Tensor, epoch: int) -> None:
        flat = values.reshape(-1)
        stride = -(-len(flat) // HISTOGRAM_SAMPLES)
        sample = flat[::stride].float().cpu().numpy()
        sample = sample[np.isfinite(sample)]
        if sample.size:
            # Annotated as str, but handed to numpy.histogram as it is.
            self.writer.add_histogram(tag, sample, epoch, bins=HISTOGRAM_BINS)  # type: ignore[arg-type]

    def image(self, tag: str, pixels: NDArray[np.uint8], epoch: int) -> None:
        """A picture (height, width, 3)."""
        self.writer.add_image(tag, pixels, epoch, dataformats="HWC")

    def text(self, tag: str, text: str, epoch: int) -> None:
        """Markdown."""
        self.writer.add_text(tag, text, epoch)


def finite(value: float | None) -> bool:
    """Whether there is a value and it is a number."""
    return value is not None and math.isfinite(value)
