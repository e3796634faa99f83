"""A LightningModule: the Trainer calls its steps."""

import lightning as L
import torch
from torch import nn


class Classifier(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
        self.seen = []

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = nn.functional.cross_entropy(self.net(x), y)
        self.log("loss", loss.item())  # killer: sync-item
        self.log("again", loss)
        if batch_idx % 50 == 0:
            print(loss.item())
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        accuracy = (self.net(x).argmax(1) == y).float().mean()
        self.seen.append(accuracy.item())  # killer: sync-item

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())
