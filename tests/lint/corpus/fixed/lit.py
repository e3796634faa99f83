"""The same LightningModule, which leaves the reading to Lightning."""

import lightning as L
import torch
from torch import nn


class Classifier(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = nn.functional.cross_entropy(self.net(x), y)
        self.log("loss", loss.detach())
        if batch_idx % 50 == 0:
            print(loss.item())
        return loss

    def validation_step(self, batch, batch_idx):
        x, y = batch
        accuracy = (self.net(x).argmax(1) == y).float().mean()
        self.log("accuracy", accuracy)

    def on_train_epoch_end(self):
        print(self.trainer.callback_metrics["loss"].item())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())
