"""``photos``: JPEG files cut from real photographs, decoded and augmented sample by sample.

The task is to tell which photograph a piece was cut from. Decoding costs milliseconds a sample
and the network little, so that with ``num_workers=0`` the DataLoader is the bottleneck.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from PIL import Image, ImageEnhance
from torch import Tensor, nn
from torch.utils.data import Dataset

from core.settings import settings
from core.workloads.base import Report, Workload
from core.workloads.params import PhotosParams
from core.workloads.photo_files import Photo, ensure_files, list_files
from core.workloads.registry import info

_INFO = info("photos")
_MEAN, _DEVIATION = 0.45, 0.25
"""Rough mean and deviation of natural photographs, in 0…1."""


def decode(photo: Photo, side: int) -> Image.Image:
    """A file as a square picture, without augmentation."""
    with Image.open(photo.path) as image:
        return image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)


def augment(photo: Photo, side: int, rng: np.random.Generator) -> Image.Image:
    """A file as a square picture: a random part of it, perhaps mirrored, colours changed a bit."""
    with Image.open(photo.path) as opened:
        image = opened.convert("RGB")
    scale = rng.uniform(0.5, 1.0)
    width, height = (max(8, int(size * scale)) for size in image.size)
    left = int(rng.integers(image.width - width + 1))
    top = int(rng.integers(image.height - height + 1))
    box = (left, top, left + width, top + height)
    image = image.resize((side, side), Image.Resampling.BICUBIC, box=box)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhance(image).enhance(rng.uniform(0.7, 1.3))
    return image


class PhotoFiles(Dataset):
    """Items: (float32 (3, side, side) normalised, class number).

    Random choices come from torch's generator, which DataLoader seeds differently in each worker.
    """

    def __init__(self, photos: list[Photo], side: int, augmented: bool) -> None:
        self.paths = [str(photo.path) for photo in photos]
        self.labels = np.array([photo.label for photo in photos], dtype=np.int64)
        self.photos, self.side, self.augmented = photos, side, augmented

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        photo = self.photos[index]
        if self.augmented:
            seed = int(torch.randint(2**31, ()))
            image = augment(photo, self.side, np.random.default_rng(seed))
        else:
            image = decode(photo, self.side)
        pixels = np.asarray(image, dtype=np.float32) / 255.0
        normal = (pixels - _MEAN) / _DEVIATION
        return torch.from_numpy(np.ascontiguousarray(normal.transpose(2, 0, 1))), photo.label


class PhotosNet(nn.Module):
    """Four strided convolutions, cheap on purpose: about a million multiplications a sample."""

    def __init__(self, classes: int, dropout: float) -> None:
        super().__init__()
        widths = (3, 16, 32, 64, 64)
        blocks: list[nn.Module] = []
        for before, after in pairwise(widths):
            # The first layer sees most pixels: a larger stride there saves most of the work.
            kernel, stride = (5, 4) if before == 3 else (3, 2)
            blocks += [
                nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
            ]
        self.features = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(widths[-1], classes))

    def forward(self, images: Tensor) -> Tensor:
        """(batch, 3, side, side) -> logits (batch, classes)."""
        return self.head(self.features(images).mean((2, 3)))


class Photos(Workload):
    """See the module."""

    name, title, description = _INFO.name, _INFO.title, _INFO.description
    augmentation = True
    Params = PhotosParams

    def prepare(self, params: PhotosParams, report: Report) -> None:
        """Cut the files into the state folder where they are not there yet."""
        ensure_files(settings().state_dir, params.files, report)

    def datasets(self, params: PhotosParams) -> tuple[Dataset, Dataset]:
        """Files from the left part of each photograph to train on, from the right to validate."""
        folder = ensure_files(settings().state_dir, params.files)
        train, val, self.classes = list_files(folder)
        if params.train_samples:
            order = torch.randperm(len(train), generator=torch.Generator().manual_seed(params.seed))
            train = [train[i] for i in order[: params.train_samples].tolist()]
        return PhotoFiles(train, params.image_size, True), PhotoFiles(val, params.image_size, False)

    def model(self, params: PhotosParams) -> nn.Module:
        """A fresh PhotosNet."""
        folder = ensure_files(settings().state_dir, params.files)
        return PhotosNet(len(list_files(folder)[2]), params.dropout)

    def images(self, inputs: Tensor) -> Tensor:
        """Undo the normalisation."""
        return (inputs * _DEVIATION + _MEAN).clamp(0, 1)


workload = Photos()
