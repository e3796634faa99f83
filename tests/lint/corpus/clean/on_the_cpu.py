"""Nothing in it names an accelerator: there is nobody to wait for."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

device = torch.device("cpu")
model = nn.Linear(4, 1).to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loader = DataLoader(TensorDataset(torch.rand(99, 4), torch.rand(99, 1)), batch_size=9)
for epoch in range(3):
    total = 0.0
    for x, y in loader:
        loss = ((model(x.to(device)) - y.to(device)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        print(loss, float(loss))
        if loss < 0.1:
            break
