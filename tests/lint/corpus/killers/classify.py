"""Image classification in one function, with every way to wait for the device."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter
from torchvision import datasets, models, transforms
from tqdm import tqdm


def accuracy(output, target, topk=(1,)):
    maxk = max(topk)
    _, pred = output.topk(maxk, 1, True, True)
    correct = pred.t().eq(target.view(1, -1))
    return [correct[:k].reshape(-1).float().sum(0) * 100.0 / len(target) for k in topk]


def main():
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train_set = datasets.CIFAR10("data", transform=transforms.ToTensor())
    train_loader = DataLoader(train_set, batch_size=128, shuffle=True, num_workers=8, pin_memory=True, persistent_workers=True)
    model = models.resnet18(num_classes=10).to(device)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    writer = SummaryWriter()
    for epoch in range(90):
        model.train()
        total, seen, history = 0.0, 0, []
        bar = tqdm(train_loader)
        for images, labels in bar:
            images = images.to(device)  # killer: copy-blocking
            labels = labels.cuda()  # killer: copy-blocking
            optimizer.zero_grad(set_to_none=False)  # killer: grads-zeroed
            output = model(images)
            loss = criterion(output, labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * images.size(0)  # killer: sync-item
            seen += images.size(0)
            history.append(float(loss))  # killer: sync-float
            acc1, acc5 = accuracy(output, labels, topk=(1, 5))
            print("accuracy", acc1)  # killer: sync-print
            print(f"top 5: {acc5}")  # killer: sync-print
            name = f"loss {loss:.3f}"  # killer: sync-format
            name += "loss %.3f" % loss  # killer: sync-format
            bar.set_postfix(loss=loss)  # killer: sync-log
            writer.add_scalar("loss", loss, epoch)  # killer: sync-log
            if torch.isnan(loss):  # killer: sync-bool
                break
            if not math.isfinite(loss):  # killer: sync-float
                raise RuntimeError(f"loss is {loss}")
            assert loss < 1e6  # killer: sync-bool
            probabilities = F.softmax(output, dim=1).detach().cpu().numpy()  # killer: sync-cpu
            best = max(loss, 0.5)  # killer: sync-bool
            predicted = output.argmax(1).tolist()  # killer: sync-tolist
            worst = np.asarray(output.detach())  # killer: sync-numpy
            torch.cuda.synchronize()  # killer: sync-explicit
            torch.cuda.empty_cache()  # killer: empty-cache
        print(epoch, total / seen, np.mean(history), best, predicted, worst, probabilities, name)


if __name__ == "__main__":
    main()
