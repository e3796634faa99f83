"""What is known of a training before its first step, for its hyper-parameters and its checks."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from core.training.probe import Probe
from core.training.record import EventLog
from core.training.session import Session
from core.workloads.base import cross_entropy


def log_setup(session: Session, log: EventLog, probe: Probe) -> None:
    """The facts as ``Setup/*`` scalars at step 0, and the loss of the untrained model."""
    for name, value in _facts(session, probe).items():
        if value is not None:
            log.scalar(f"Setup/{name}", float(value), 0)
    log.signals(probe.measure(session.model, session.step.loss, session.device), 0)


def _facts(session: Session, probe: Probe) -> dict[str, float | bool | None]:
    params, config = session.params, session.config
    chance = _is_cross_entropy(session.step.loss)
    classes = len(getattr(session.workload, "classes", ())) or None
    if classes is None and session.step.loss is cross_entropy:
        classes = probe.outputs(session.model, session.device).shape[-1]
    return {
        "n_train": config["train_size"],
        "n_val": config["val_size"],
        "planned_epochs": params.epochs,
        "classes": classes,
        "expected_start": math.log(classes) if chance and classes else None,
        "constant_lr": True,
        "dropout": params.dropout,
        "weight_decay": params.weight_decay,
        "augmentation": getattr(session.workload, "augmentation", None),
    }


def _is_cross_entropy(loss: Any) -> bool:
    return loss is cross_entropy or isinstance(loss, nn.CrossEntropyLoss)
