"""Train a network of a thousand operations that are too small for the device."""

import torch
from torch import Tensor, nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Gates(nn.Module):
    """Elementwise work on 64 numbers a sample, layer after layer."""

    def __init__(self, depth: int = 100) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(depth, 64))

    def forward(self, x: Tensor) -> Tensor:
        for scale in self.scale:
            x = x + 0.1 * torch.sigmoid(x) * torch.tanh(scale * x)  # ← killer: tiny kernels
        return x


def train(steps: int = 100) -> float:
    torch.manual_seed(0)
    model = nn.Sequential(Gates(), nn.Linear(64, 10)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    inputs = torch.randn(32, 64, device=device)
    label = torch.randint(10, (32,), device=device)
    loss = torch.zeros(())
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), label)
        loss.backward()
        optimizer.step()
    return loss.item()


if __name__ == "__main__":
    train()
