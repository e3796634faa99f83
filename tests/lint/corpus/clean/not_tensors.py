"""numpy arrays, numbers and host tensors in a loop that trains on the device."""

import random

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import models


def train(files, names):
    model = models.resnet18().cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(files, num_workers=4, pin_memory=True, persistent_workers=True)
    schedule = np.linspace(1.0, 0.1, 100)
    history = []
    for step, (images, labels) in enumerate(loader):
        weight = schedule[step].item()
        counts = np.bincount(labels.numpy(), minlength=10)
        print(labels[0].item(), labels.tolist(), images.mean(), counts.tolist())
        if labels.sum() > 3 or random.random() < weight:
            images = images.flip(-1)
        images, host = images.cuda(non_blocking=True), labels
        loss = nn.functional.cross_entropy(model(images), labels.cuda(non_blocking=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        shape = f"{images.shape} {images.device} {loss.dtype} {len(names)} {host[0]}"
        history.append((step, shape, int(images.size(0)), float(weight)))
        if len(images) > 3 and images.is_cuda and model.training:
            continue
        try:
            names.append(str(step))
        except KeyError:
            print(loss.item())
    return history
