"""Train a stack of small layers: many small parameters."""

import torch
from torch import nn


def train(steps: int = 100) -> float:
    torch.manual_seed(0)
    model = nn.LSTM(64, 64, num_layers=4)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    words, following = torch.randn(2, 2, 16, 64)  # 2 words, 16 sentences, 64 numbers a word
    loss = torch.zeros(())
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(words)[0], following)
        loss.backward()
        optimizer.step()
    return loss.item()


if __name__ == "__main__":
    train()
