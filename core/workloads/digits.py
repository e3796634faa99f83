"""``digits``: scikit-learn's 1,797 real handwritten digits (UCI, Alpaydin & Kaynak 1998).

With the defaults (300 images, three in ten labelled wrongly) the network learns the wrong
labels by heart after some epochs: training accuracy goes to 1 while the validation loss, on clean
labels, rises. With all images, clean labels, dropout and weight decay it does not.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import Dataset, TensorDataset

from core.workloads.base import Workload, seeded
from core.workloads.params import DigitsParams
from core.workloads.registry import info

SIDE = 28
"""The 8 × 8 px originals are enlarged to this side, so that an epoch takes a while to watch."""

VAL_SAMPLES = 360
"""A fifth of the images; the same ones whatever the parameters."""

_INFO = info("digits")
_SPLIT_SEED = 20_240_501


def load_images() -> tuple[Tensor, Tensor]:
    """All digits: images (1797, 1, SIDE, SIDE) float32 with mean 0 and deviation 1, labels."""
    flat, classes = load_digits(return_X_y=True)
    small = torch.from_numpy(np.asarray(flat, dtype=np.float32)).reshape(-1, 1, 8, 8) / 16.0
    images = F.interpolate(small, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    images = (images - images.mean()) / images.std()
    return images, torch.from_numpy(np.asarray(classes, dtype=np.int64))


def with_label_noise(labels: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Replace a share of the labels (rounded to whole ones) by another class, drawn evenly."""
    count = round(share * len(labels))
    chosen = torch.randperm(len(labels), generator=generator)[:count]
    shift = torch.randint(1, 10, (count,), generator=generator)
    noisy = labels.clone()
    noisy[chosen] = (labels[chosen] + shift) % 10
    return noisy


class DigitsNet(nn.Module):
    """Three convolutions and two linear layers, 0.9 million weights.

    Without normalisation layers on purpose: with them the network learned the wrong labels by
    heart too, but the validation loss hardly rose.
    """

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(64 * (SIDE // 4) ** 2, 256),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(256, 10),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(batch, 1, SIDE, SIDE) -> logits (batch, 10)."""
        return self.head(self.features(images))


class Digits(Workload):
    """See the module."""

    name, title, description = _INFO.name, _INFO.title, _INFO.description
    augmentation = False
    Params = DigitsParams
    classes = tuple("0123456789")

    def datasets(self, params: DigitsParams) -> tuple[Dataset, Dataset]:
        """Training images with label noise, and VAL_SAMPLES clean ones that never change."""
        images, labels = load_images()
        order = torch.randperm(len(labels), generator=seeded(_SPLIT_SEED))
        val, pool = order[:VAL_SAMPLES], order[VAL_SAMPLES:]
        generator = seeded(params.seed)
        shuffled = pool[torch.randperm(len(pool), generator=generator)]
        train = shuffled[: params.train_samples or len(pool)]
        noisy = with_label_noise(labels[train], params.label_noise, generator)
        return TensorDataset(images[train], noisy), TensorDataset(images[val], labels[val])

    def model(self, params: DigitsParams) -> nn.Module:
        """A fresh DigitsNet."""
        return DigitsNet(params.dropout)


workload = Digits()
