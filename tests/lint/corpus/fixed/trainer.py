"""The same Trainer with detached sums and logging now and then."""

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
        self.sum += value * n
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
        self.step = 0

    def train_step(self, batch):
        x, y = (t.to(self.device) for t in batch)
        loss = 0
        for head in self.model(x):
            loss += self.criterion(head, y)
        self.optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.meter.update(loss.detach(), len(y))
        self.step += 1
        if self.step % self.config.log_every == 0:
            wandb.log({"norm": norm, "loss": loss.item()})
        return loss.detach(), norm

    def fit(self):
        for epoch in range(self.config.epochs):
            self.model.train()
            total, losses = 0, []
            for batch in self.train_loader:
                loss, norm = self.train_step(batch)
                total += loss
                losses.append(loss)
            log.info("epoch %s: %s %s", epoch, total / len(losses), norm)
            self.evaluate()

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        for x, y in self.val_loader:
            output = self.model(x.to(self.device))
            self.meter.update(self.criterion(output, y.to(self.device)))
