"""Learn from pictures that are kept compressed and unpacked one by one."""

import lzma

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

SIDE = 96


class Pictures(Dataset):
    """Compressed noise in memory; a class is brighter than the one before."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        kinds = [random.integers(0, 40 + 20 * kind, (3, SIDE, SIDE), np.uint8) for kind in range(8)]
        self.packed = [lzma.compress(pixels.tobytes()) for pixels in kinds]

    def __len__(self) -> int:
        return 100_000

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        kind = index % len(self.packed)
        pixels = np.frombuffer(lzma.decompress(self.packed[kind]), np.uint8)
        return torch.tensor(pixels.reshape(3, SIDE, SIDE)) / 255, kind


def train(steps: int = 100) -> float:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 32, 5, stride=2), nn.ReLU(), nn.Conv2d(32, 48, 3, stride=2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 8),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss = torch.zeros(())
    loader = DataLoader(Pictures(), batch_size=16)  # ← killer: no workers
    for _, (pixels, label) in zip(range(steps), loader, strict=False):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(pixels), label)
        loss.backward()
        optimizer.step()
    return loss.item()


if __name__ == "__main__":
    train()
