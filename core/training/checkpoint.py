"""Last and best checkpoint, and when to stop early."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.training.files import replace_file


class BestSoFar:
    """Keeps the best validation loss and counts epochs without a better one.

    Args:
        patience: epochs without improvement after which to stop; 0 never stops.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.epoch, self.value = 0, math.inf
        self.waited = 0

    def update(self, epoch: int, value: float) -> bool:
        """Take note of an epoch; whether it is the best so far. NaN never is."""
        if value < self.value:
            self.epoch, self.value, self.waited = epoch, value, 0
            return True
        self.waited += 1
        return False

    def restore(self, path: Path) -> None:
        """Go on from a best checkpoint of this run, where there is one."""
        with suppress(OSError, RuntimeError, KeyError, TypeError, ValueError):
            state = torch.load(path, map_location="cpu", weights_only=True)
            self.epoch, self.value = int(state["epoch"]), float(state["val_loss"])

    @property
    def exhausted(self) -> bool:
        """Whether patience has run out."""
        return 0 < self.patience <= self.waited


def save_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    epoch: int,
    val_loss: float | None,
    config: dict[str, Any],
) -> None:
    """Write a checkpoint in one step; ``torch.load(path, weights_only=True)`` reads it.

    Content: ``epoch`` (from 1), ``model`` and ``optimizer`` state, ``val_loss``, ``config``.
    """
    path.parent.mkdir(exist_ok=True)
    state = {
        "epoch": epoch,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "val_loss": val_loss,
        "config": config,
    }
    replace_file(path, lambda temporary: torch.save(state, temporary))
