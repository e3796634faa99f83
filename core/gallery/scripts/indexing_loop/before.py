"""Learn from signals that are normalised first."""

import torch
from torch import Tensor, nn


def normalised(signal: Tensor) -> Tensor:
    return (signal - signal.mean()) / signal.std()


def train(steps: int = 100) -> float:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(256, 2048), nn.ReLU(), nn.Linear(2048, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, fused=True)
    signals, label = torch.randn(32, 256), torch.randint(4, (32,))
    loss = torch.zeros(())
    for _ in range(steps):
        rows = [normalised(signals[i]) for i in range(len(signals))]  # ← killer: row by row
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(torch.stack(rows)), label)
        loss.backward()
        optimizer.step()
    return loss.item()


if __name__ == "__main__":
    train()
