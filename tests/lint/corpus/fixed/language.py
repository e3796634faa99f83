"""The same language model; the products may use TF32."""

import torch
import torch.nn as nn
import torch.nn.functional as F

vocab_size, block, lr, max_steps = 50304, 256, 3e-4, 10_000
device = "cuda"
torch.set_float32_matmul_precision("high")


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, 8, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        if x.dim() != 3 or x.shape[-1] % 8 or not self.training:
            raise ValueError(f"wrong shape {x.shape}")
        return x + self.mlp(self.attention(x, x, x)[0])


class GPT(nn.Module):
    def __init__(self, width=512, depth=6):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, width)
        self.blocks = nn.ModuleList([Block(width) for _ in range(depth)])
        self.head = nn.Linear(width, vocab_size)

    def forward(self, index, targets=None):
        x = self.embed(index)
        for block in self.blocks:
            x = block(x)
        logits = self.head(x)
        loss = None if targets is None else F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        return logits, loss


def get_batch(data):
    starts = torch.randint(len(data) - block, (64,))
    x = torch.stack([data[i : i + block] for i in starts.tolist()])
    y = torch.stack([data[i + 1 : i + 1 + block] for i in starts.tolist()])
    return x.to(device), y.to(device)


data = torch.randint(vocab_size, (1_000_000,))
model = GPT().to(device)
optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
step, best = 0, torch.full((), float("inf"), device=device)
while step < max_steps:
    x, y = get_batch(data)
    logits, loss = model(x, y)
    optimizer.zero_grad()
    loss.backward()
    norm = torch.stack([p.grad.detach().norm() for p in model.parameters()]).norm()
    optimizer.step()
    best = torch.minimum(best, loss.detach())
    step += 1
    should_log = step % 100 == 0
    if should_log:
        print("step {}: {:.3f} {} {}".format(step, loss, norm.item(), best))
    if step % 1000 == 0:
        print(loss.item())
print(best.item())
