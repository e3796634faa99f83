"""An engine: functions whose arguments another file gives."""

import math
import sys

import torch
import utils


def train_one_epoch(model, criterion, data_loader, optimizer, device, epoch, scaler=None):
    model.train()
    metric_logger = utils.MetricLogger(delimiter="  ")
    for samples, targets in metric_logger.log_every(data_loader, 50, f"Epoch {epoch}"):
        samples = samples.to(device, non_blocking=True)
        targets = [{k: v.to(device) for k, v in t.items()} for t in targets]
        with torch.autocast("cuda", enabled=scaler is not None):
            loss_dict = model(samples, targets)
            losses = sum(loss for loss in loss_dict.values())
        reduced = utils.reduce_dict(loss_dict)
        loss_value = sum(reduced.values()).item()  # killer: sync-item
        if not math.isfinite(loss_value):
            print("Loss is", loss_value, losses)
            sys.exit(1)
        optimizer.zero_grad()
        if scaler is not None:
            scaler.scale(losses).backward()
            scaler.step(optimizer)
            scaler.update()
        else:
            losses.backward()
            optimizer.step()
        metric_logger.update(loss=losses.item(), lr=optimizer.param_groups[0]["lr"])  # killer: sync-item
        torch.cuda.synchronize()  # killer: sync-explicit
    return {k: meter.global_avg for k, meter in metric_logger.meters.items()}


def evaluate(model, data_loader, device):
    correct, seen = 0, 0
    model.eval()
    for images, labels in data_loader:  # killer: eval-grad
        images, labels = images.to(device), labels.to(device)
        output = model(images)
        correct += (output.argmax(1) == labels).sum().item()  # killer: sync-item
        seen += labels.size(0)
    return correct / seen


@torch.no_grad()
def validate(model, val_loader, criterion, device):
    losses = []
    for batch in val_loader:  # killer: eval-mode
        images, labels = batch["image"].to(device), batch["label"].to(device)
        output = model(images)
        losses.append(criterion(output, labels))
    return torch.stack(losses).mean().item()
