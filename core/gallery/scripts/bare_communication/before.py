"""Train on several GPUs: torchrun --nproc-per-node=8 train.py."""

import torch
import torch.distributed as dist
from torch import nn


def train(steps: int = 100) -> float:
    on_gpu = torch.cuda.is_available()
    dist.init_process_group("nccl" if on_gpu else "gloo")
    device = torch.device(f"cuda:{dist.get_rank()}" if on_gpu else "cpu")
    torch.manual_seed(0)
    layers = [nn.Sequential(nn.Linear(512, 512), nn.GELU()) for _ in range(8)]
    model = nn.Sequential(*layers, nn.Linear(512, 10)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    inputs = torch.randn(256, 512, device=device)
    label = torch.randint(10, (256,), device=device)
    loss = torch.zeros(())
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), label)
        loss.backward()
        for parameter in model.parameters():  # ← killer: after backward
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad)
                parameter.grad /= dist.get_world_size()
        optimizer.step()
    dist.destroy_process_group()
    return loss.item()


if __name__ == "__main__":
    train()
