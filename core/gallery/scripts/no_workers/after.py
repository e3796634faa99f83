"""Learn from pictures that are kept compressed."""

import lzma

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

SIDE = 96
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Pictures(Dataset):
    """Noise of eight degrees of brightness."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.packed = []
        for kind in range(8):
            pixels = random.integers(0, 40 + 20 * kind, (3, SIDE, SIDE), np.uint8)
            self.packed.append(lzma.compress(pixels.tobytes()))

    def __len__(self) -> int:
        return 160

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        kind = index % len(self.packed)
        raw = lzma.decompress(self.packed[kind])
        pixels = torch.frombuffer(bytearray(raw), dtype=torch.uint8)
        return pixels.reshape(3, SIDE, SIDE) / 255, kind


def train(steps: int = 100) -> float:
    torch.manual_seed(0)
    first = nn.Sequential(nn.Conv2d(3, 32, 5, stride=2), nn.ReLU())
    second = nn.Sequential(nn.Conv2d(32, 48, 3, stride=2), nn.ReLU())
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 8))
    model = nn.Sequential(first, second, head).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss = torch.zeros(())
    loader = DataLoader(Pictures(), 16, pin_memory=True, num_workers=2, persistent_workers=True)
    while steps > 0:
        for pixels, label in loader:
            steps -= 1
            pixels = pixels.to(device, non_blocking=True)
            label = label.to(device, non_blocking=True)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(pixels), label)
            loss.backward()
            optimizer.step()
    return loss.item()


if __name__ == "__main__":
    train()
