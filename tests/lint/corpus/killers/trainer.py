"""A Trainer class with attributes, meters that keep graphs, and a train_step of its own."""

import logging

import torch
import wandb
from models import build_model

log = logging.getLogger(__name__)


class AverageMeter:
    def __init__(self):
        self.reset()

    def reset(self):
        self.sum = 0
        self.count = 0

    def update(self, value, n=1):
        self.sum += value * n  # killer: graph-kept
        self.count += n


class Trainer:
    def __init__(self, config, train_loader, val_loader):
        self.device = "cuda"
        self.model = build_model(config).to(self.device)
        self.optimizer = torch.optim.AdamW(self.model.parameters())
        self.criterion = torch.nn.CrossEntropyLoss()
        self.train_loader, self.val_loader = train_loader, val_loader
        self.meter = AverageMeter()
        self.config = config

    def train_step(self, batch):
        x, y = (t.to(self.device) for t in batch)
        loss = self.criterion(self.model(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.meter.update(loss, len(y))
        wandb.log({"norm": norm})  # killer: sync-log
        return loss, float(norm)  # killer: sync-float

    def fit(self):
        for epoch in range(self.config.epochs):
            self.model.train()
            total, losses = 0, []
            for batch in self.train_loader:
                loss, norm = self.train_step(batch)
                total += loss  # killer: graph-kept
                losses.append(loss)  # killer: graph-kept
                if self.config.use_wandb:
                    wandb.log({"loss": loss.item(), "norm": norm})  # killer: sync-item
                log.info("loss %s", loss)  # killer: sync-log
            log.info("epoch %s: %s", epoch, total / len(losses))
            self.evaluate()

    def evaluate(self):
        self.model.eval()
        for x, y in self.val_loader:  # killer: eval-grad
            output = self.model(x.to(self.device))
            self.meter.update(self.criterion(output, y.to(self.device)).detach())
