"""The same with every wait taken out of the step."""

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
        total, seen, history = torch.zeros((), device=device), 0, []
        bar = tqdm(train_loader)
        for step, (images, labels) in enumerate(bar):
            images = images.to(device, non_blocking=True)
            labels = labels.cuda(non_blocking=True)
            optimizer.zero_grad()
            output = model(images)
            loss = criterion(output, labels)
            loss.backward()
            optimizer.step()
            total += loss.detach() * images.size(0)
            seen += images.size(0)
            history.append(loss.detach())
            best = torch.clamp(loss.detach(), min=0.5)
            if step % 100 == 0:
                acc1, acc5 = accuracy(output, labels, topk=(1, 5))
                print("accuracy", acc1, f"top 5: {acc5}")
                bar.set_postfix(loss=loss.item())
                writer.add_scalar("loss", loss, step)
                if torch.isnan(loss):
                    break
                assert loss < 1e6
                print(F.softmax(output, dim=1).detach().cpu().numpy())
            if step % 100 != 0:
                continue
            print(loss.item(), images.shape, labels.size(0), images.dtype)
        print(epoch, total.item() / seen, torch.stack(history).mean().item(), best)


if __name__ == "__main__":
    main()
