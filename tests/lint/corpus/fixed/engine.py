"""The same engine without waits, with no_grad and eval."""

import torch
import utils


def train_one_epoch(model, criterion, data_loader, optimizer, device, epoch, scaler=None):
    model.train()
    metric_logger = utils.MetricLogger(delimiter="  ")
    for step, (samples, targets) in enumerate(metric_logger.log_every(data_loader, 50, f"Epoch {epoch}")):
        samples = samples.to(device, non_blocking=True)
        targets = [{k: v.to(device) for k, v in t.items()} for t in targets]
        with torch.autocast("cuda", enabled=scaler is not None):
            loss_dict = model(samples, targets)
            losses = sum(loss for loss in loss_dict.values())
        reduced = utils.reduce_dict(loss_dict)
        optimizer.zero_grad()
        if scaler is not None:
            scaler.scale(losses).backward()
            scaler.step(optimizer)
            scaler.update()
        else:
            losses.backward()
            optimizer.step()
        if step % 50 == 0:
            metric_logger.update(loss=sum(reduced.values()).item(), lr=optimizer.param_groups[0]["lr"])
    return {k: meter.global_avg for k, meter in metric_logger.meters.items()}


@torch.inference_mode()
def evaluate(model, data_loader, device):
    correct, seen = torch.zeros((), device=device), 0
    model.eval()
    for images, labels in data_loader:
        images, labels = images.to(device), labels.to(device)
        output = model(images)
        correct += (output.argmax(1) == labels).sum()
        seen += labels.size(0)
    return correct.item() / seen


@torch.no_grad()
def validate(model, val_loader, criterion, device):
    losses, outputs = [], []
    model.eval()
    for batch in val_loader:
        images, labels = batch["image"].to(device), batch["label"].to(device)
        output = model(images)
        losses.append(criterion(output, labels))
        outputs.append(output.cpu())
    return torch.stack(losses).mean().item(), torch.cat(outputs).numpy()
