"""Five data pipelines with limits of their own, as workloads that trial processes can load.

``GPULSE_WORKLOADS`` must allow them: :data:`ALLOWED`.
"""

from __future__ import annotations

import io
import time
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset

from core.workloads.base import Workload

SAMPLES = 4_096
REGIMES = ("decode", "balanced", "training", "memory", "storage")
ALLOWED = ",".join(f"tests.bench.regimes:{name}" for name in REGIMES)


class Decoded(Dataset[Any]):
    """JPEG pictures in memory, decoded and shrunk; each first takes ``wait_s`` to arrive.

    Args:
        side: of the stored pictures in px; decoding costs grow with its square.
        wait_s: mean of an exponential distribution, the same for the same index.
    """

    def __init__(self, side: int, wait_s: float = 0.0) -> None:
        rng = np.random.default_rng(0)
        self.files = []
        for _ in range(32):
            small = rng.integers(0, 255, (side // 8, side // 8, 3), dtype=np.uint8)
            picture = Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)
            store = io.BytesIO()
            picture.save(store, "JPEG", quality=90)
            self.files.append(store.getvalue())
        self.waits = rng.exponential(wait_s, SAMPLES) if wait_s else np.zeros(SAMPLES)

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if self.waits[index]:
            time.sleep(self.waits[index])
        with Image.open(io.BytesIO(self.files[index % len(self.files)])) as opened:
            picture = opened.convert("RGB").resize((64, 64), Image.Resampling.BICUBIC)
        pixels = np.asarray(picture, dtype=np.float32).transpose(2, 0, 1) / 255.0
        return torch.from_numpy(np.ascontiguousarray(pixels)), index % 10


class Tiny(Dataset[Any]):
    """Vectors that are in memory already."""

    def __init__(self) -> None:
        self.data = torch.randn(SAMPLES, 128)

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.data[index], index % 10


class Net(nn.Module):
    """A small classifier; ``wait_s`` a sample is what a device would compute meanwhile.

    Args:
        features: inputs of the classifier after pooling pictures to 8 × 8.
        width: 0 for one layer, else that of two hidden layers, for steps that cost CPU time.
    """

    def __init__(self, features: int, width: int = 0, wait_s: float = 0.0) -> None:
        super().__init__()
        self.wait_s = wait_s
        sizes = [features, width, width, 10] if width else [features, 10]
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) -> logits (batch, 10)."""
        if self.wait_s:
            time.sleep(self.wait_s * len(inputs))
        if inputs.dim() == 4:
            inputs = nn.functional.avg_pool2d(inputs, 8)
        return self.layers(inputs.flatten(1))


class Regime(Workload):
    """A dataset and a model, given by functions so that a process makes only its own."""

    def __init__(self, name: str, data: Any, net: Any) -> None:
        self.name, self.title, self.description = name, name, "For the bench of the tuner."
        self._data, self._net = data, net

    def datasets(self, params: Any) -> tuple[Dataset[Any], Dataset[Any]]:
        data = self._data()
        return data, data

    def model(self, params: Any) -> nn.Module:
        return self._net()


decode = Regime("decode", lambda: Decoded(256), lambda: Net(192))
balanced = Regime("balanced", lambda: Decoded(256), lambda: Net(192, wait_s=1.2e-3))
training = Regime("training", lambda: Decoded(160), lambda: Net(192, width=2_048))
memory = Regime("memory", Tiny, lambda: Net(128))
storage = Regime("storage", lambda: Decoded(96, wait_s=4e-3), lambda: Net(192))
