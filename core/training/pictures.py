"""What the model saw and what it got wrong: image grids, or texts where inputs are no images."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from core.training.epoch import Mistakes
from core.training.grid import image_grid
from core.training.record import EventLog
from core.training.session import Session
from core.workloads.base import Workload

INPUT_SAMPLES = 32
TEXT_SAMPLES = 5


def log_inputs(session: Session, log: EventLog) -> None:
    """A grid of the first training samples, as the model gets them (augmented, with their label).

    Datasets whose samples have no picture form leave nothing.
    """
    dataset = session.train_loader.dataset
    count = min(INPUT_SAMPLES, len(dataset))  # type: ignore[arg-type]
    collate = session.train_loader.collate_fn
    # Random augmentation must not shift the numbers that training draws.
    with torch.random.fork_rng(devices=[]):
        inputs, targets = collate([dataset[i] for i in range(count)])
    images = session.workload.images(inputs)
    if images is not None:
        names = captions(session.workload, targets, None)
        log.image("Images/inputs", image_grid(as_array(images), names), 0)


def log_mistakes(workload: Workload, log: EventLog, mistakes: Mistakes, epoch: int) -> None:
    """The validation samples with the highest loss: a grid, or some of them as text."""
    images = workload.images(mistakes.inputs)
    if images is not None:
        names = captions(workload, mistakes.targets, mistakes.outputs)
        log.image("Images/worst_mistakes", image_grid(as_array(images), names), epoch)
        return
    texts = [
        workload.text(mistakes.inputs[i], mistakes.outputs[i], mistakes.targets[i])
        for i in range(min(TEXT_SAMPLES, len(mistakes.losses)))
    ]
    told = [
        f"loss {loss:.3g}\n\n{text}"
        for loss, text in zip(mistakes.losses, texts, strict=False)
        if text
    ]
    if told:
        log.text("Text/worst_mistakes", "\n\n".join(told), epoch)


def captions(workload: Workload, targets: object, outputs: Tensor | None) -> list[str]:
    """ "3" for a label, "3 as 8" for a label and what the model said; none for other tasks."""
    if not isinstance(targets, Tensor) or targets.dim() != 1 or targets.is_floating_point():
        return []

    def name(index: int) -> str:
        return workload.classes[index] if 0 <= index < len(workload.classes) else str(index)

    labels = [name(i) for i in targets.tolist()]
    if outputs is None or outputs.dim() != 2:
        return labels
    said = [name(i) for i in outputs.argmax(-1).tolist()]
    return [f"{label} as {guess}" for label, guess in zip(labels, said, strict=True)]


def as_array(images: Tensor) -> np.ndarray:
    """(samples, channels, height, width) on the CPU as float32."""
    return images.detach().float().cpu().numpy()
