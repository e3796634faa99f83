"""DataLoaders: every option that is missing, and what a dataset must not do."""

import torch
import torch.profiler
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets, transforms


class Pictures(Dataset):
    def __init__(self, files, device):
        self.files = files
        self.device = device

    def __len__(self):
        return len(self.files)

    def _load(self, path):
        return torch.load(path).to(self.device)  # killer: dataset-device

    def __getitem__(self, index):
        label = torch.tensor(index, device="cuda")  # killer: dataset-device
        return self._load(self.files[index]).cuda(), label  # killer: dataset-device


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 32, 3)
        self.head = nn.Linear(32 * 26 * 26, 10)

    def forward(self, x):
        return self.head(self.conv(x).relu().flatten(1))


def train(model, loader, optimizer, criterion):
    for x, y in loader:
        x, y = x.cuda(non_blocking=True), y.cuda(non_blocking=True)
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()


digits = datasets.MNIST("data", transform=transforms.ToTensor())
plain = DataLoader(digits, batch_size=64, shuffle=True)  # killer: workers-none, pin-none
zero = DataLoader(digits, 64, True, num_workers=0, pin_memory=False)  # killer: workers-none, pin-none
anew = DataLoader(digits, batch_size=64, num_workers=4, pin_memory=True)  # killer: workers-restart
model = Net().cuda()
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters())
with torch.profiler.profile(with_stack=True) as prof:  # killer: profiler-always
    for epoch in range(20):
        train(model, plain, optimizer, criterion)
        train(model, zero, optimizer, criterion)
        train(model, anew, optimizer, criterion)
print(prof.key_averages())

for epoch in range(20):
    again = DataLoader(digits, batch_size=64, num_workers=4, pin_memory=True)  # killer: loader-in-loop
    for x, y in again:
        x, y = x.cuda(non_blocking=True), y.cuda(non_blocking=True)
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
