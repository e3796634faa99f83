"""Tell texts apart by their trigrams."""

import inspect

import torch
from torch import Tensor, nn

BINS, LENGTH, CLASSES = 1024, 2048, 8
TEXT = inspect.getsource(nn.functional).encode()


def trigrams(text: bytes) -> list[float]:
    """How often each three bytes in a row occur, hashed into bins."""
    bag = [0.0] * BINS
    for a, b, c in zip(text, text[1:], text[2:], strict=False):
        bag[(961 * a + 31 * b + c) % BINS] += 1.0  # ← killer: byte by byte
    return bag


def batch(step: int) -> tuple[Tensor, Tensor]:
    """64 pieces of the text with their place in it as class."""
    starts = [(64 * step + i) * 7919 % (len(TEXT) - LENGTH) for i in range(64)]
    label = torch.tensor([CLASSES * start // len(TEXT) for start in starts])
    pieces = [TEXT[start : start + LENGTH] for start in starts]
    return torch.tensor([trigrams(piece) for piece in pieces]), label


def train(steps: int = 100) -> float:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(BINS, 512), nn.ReLU(), nn.Linear(512, CLASSES))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    loss = torch.zeros(())
    for step in range(steps):
        bags, label = batch(step)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(bags), label)
        loss.backward()
        optimizer.step()
    return loss.item()


if __name__ == "__main__":
    train()
