"""Copy every batch to the device."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(steps: int = 100) -> float:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 10)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    data = TensorDataset(torch.randn(512, 3, 64, 64), torch.randint(10, (512,)))
    loader = DataLoader(data, 256, num_workers=2, persistent_workers=True)  # ← killer: not pinned
    loss = torch.zeros(())
    while steps > 0:
        for pixels, label in loader:
            steps -= 1
            pixels, label = pixels.to(device), label.to(device)  # ← killer: waits for the copy
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(pixels), label)
            loss.backward()
            optimizer.step()
    return loss.item()


if __name__ == "__main__":
    train()
