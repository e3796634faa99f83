"""Train, and keep the mean loss for the log."""

import torch
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(steps: int = 100) -> float:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(512, 2048), nn.ReLU(), nn.Linear(2048, 10)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    inputs = torch.randn(256, 512, device=device)
    label = torch.randint(10, (256,), device=device)
    total = torch.zeros((), device=device)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), label)
        loss.backward()
        optimizer.step()
        total += loss.detach()
    return total.item() / steps


if __name__ == "__main__":
    train()
