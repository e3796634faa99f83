"""Sums that a backward uses, gradient accumulation, reinforcement learning's own lists."""

import torch
from torch import nn

device = torch.device("cuda")
policy = nn.Linear(4, 2).to(device)
optimizer = torch.optim.Adam(policy.parameters())


def finish(rewards, log_probs):
    policy_loss = []
    for log_prob, reward in zip(log_probs, rewards):
        policy_loss.append(-log_prob * reward)
    optimizer.zero_grad()
    policy_loss = torch.cat(policy_loss).sum()
    policy_loss.backward()
    optimizer.step()


def train(loader, accumulate, tasks):
    total = 0
    for step, (x, y) in enumerate(loader):
        loss = (policy(x.to(device)) - y.to(device)).square().mean() / accumulate
        total = total + loss.detach()
        loss.backward()
        if (step + 1) % accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()
            print(loss.item())
    meta = 0.0
    for task in tasks:
        meta += policy(task.to(device)).mean()
    meta.backward()
    return total.item()


def embed(loader):
    """Not an evaluation by its looks: nothing says that no gradient is wanted."""
    return [policy(x.to(device)) for x, _ in loader]
