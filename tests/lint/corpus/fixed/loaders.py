"""The same with workers, pinned memory, a schedule, and samples that stay on the host."""

import torch
import torch.profiler
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchvision import datasets, transforms


class Pictures(Dataset):
    def __init__(self, files, device):
        self.files = files
        self.device = device

    def __len__(self):
        return len(self.files)

    def _load(self, path):
        return torch.load(path).to(torch.float32)

    def __getitem__(self, index):
        return self._load(self.files[index]).to("cpu"), torch.tensor(index)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 32, 3)
        self.head = nn.Linear(32 * 26 * 26, 10)

    def forward(self, x):
        return self.head(self.conv(x).relu().flatten(1))


def train(model, loader, optimizer, criterion, prof):
    for x, y in loader:
        x, y = x.cuda(non_blocking=True), y.cuda(non_blocking=True)
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
        prof.step()


digits = datasets.MNIST("data", transform=transforms.ToTensor())
options = {"num_workers": 4, "pin_memory": True, "persistent_workers": True}
plain = DataLoader(digits, batch_size=64, shuffle=True, **options)
zero = DataLoader(digits, 64, True, num_workers=4, pin_memory=True, persistent_workers=True)
memory = DataLoader(TensorDataset(torch.rand(9, 1, 28, 28), torch.zeros(9)), 64, pin_memory=True)
model = Net().cuda()
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters())
schedule = torch.profiler.schedule(wait=1, warmup=1, active=3)
with torch.profiler.profile(schedule=schedule, with_stack=True) as prof:
    for epoch in range(20):
        train(model, plain, optimizer, criterion, prof)
        train(model, zero, optimizer, criterion, prof)
        train(model, memory, optimizer, criterion, prof)

again = DataLoader(digits, batch_size=64, num_workers=4, pin_memory=True, persistent_workers=True)
for epoch in range(20):
    for x, y in again:
        x, y = x.cuda(non_blocking=True), y.cuda(non_blocking=True)
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()

for fold in range(5):
    part = torch.utils.data.Subset(digits, range(fold * 100, fold * 100 + 100))
    folded = DataLoader(part, batch_size=64, num_workers=4, pin_memory=True, persistent_workers=True)
    for epoch in range(20):
        train(model, folded, optimizer, criterion, prof)
