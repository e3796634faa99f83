"""What is a tensor on the device, what is a step, and where the doctor keeps silent."""

from __future__ import annotations

import pytest

from core.lint import lint_text

HEAD = """import math, time
import numpy as np
import torch
from torch import nn
model = nn.Linear(2, 2).cuda()
optimizer = torch.optim.SGD(model.parameters(), 0.1)
criterion = nn.MSELoss()
"""
LOOP = """for step, (x, y) in enumerate(loader):
    x, y = x.cuda(non_blocking=True), y.cuda(non_blocking=True)
    output = model(x)
    loss = criterion(output, y)
    loss.backward()
    optimizer.step()
"""


def rules(line: str, loop: str = LOOP, head: str = HEAD) -> list[str]:
    """Rules that speak on a line (or lines) at the end of the loop's body."""
    body = "".join(f"    {part}\n" for part in line.splitlines())
    return [record.rule for record in lint_text(f"{head}{loop}{body}")]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("a = loss.item()", "sync-item"),
        ("a = loss.detach().item()", "sync-item"),
        ("a = (loss * 2 + 1).mean().item()", "sync-item"),
        ("a = output[0, 1].item()", "sync-item"),
        ("a = output.max(1)[0].mean().item()", "sync-item"),
        ("values, index = output.topk(2)\na = index.sum().item()", "sync-item"),
        ("a = torch.stack([loss, loss]).sum().item()", "sync-item"),
        ("a = sum([loss, loss]).item()", "sync-item"),
        ("d = {'loss': loss}\na = d['loss'].item()", "sync-item"),
        ("d = {k: v.item() for k, v in {'loss': loss}.items()}", "sync-item"),
        ("a = [t.item() for t in (loss, loss)]", "sync-item"),
        ("a = unknown(output, y).item()", "sync-item"),
        ("if (a := loss.item()) > 3: pass", "sync-item"),
        ("a = loss.item() if model.training else 0", "sync-item"),
        ("a = output.to('cpu')", "sync-cpu"),
        ("a = output.detach().cpu().numpy()", "sync-cpu"),
        ("a = output.tolist()", "sync-tolist"),
        ("a = int((output > 0).sum())", "sync-float"),
        ("a = math.isnan(loss)", "sync-float"),
        ("a = np.mean(output)", "sync-numpy"),
        ("while loss > 1: break", "sync-bool"),
        ("a = not loss", "sync-bool"),
        ("a = loss and 3", "sync-bool"),
        ("if model.training and loss > 3: pass", "sync-bool"),
        ("if torch.isnan(loss).any(): pass", "sync-bool"),
        ("if torch.equal(output, y): pass", "sync-bool"),
        ("a = bool(loss)", "sync-bool"),
        ("print('loss', {'a': loss})", "sync-print"),
        ("a = 'loss %.3f' % loss", "sync-format"),
        ("a = '{:.3f}'.format(loss)", "sync-format"),
        ("a = str(loss)", "sync-format"),
        ("if args.verbose_level is None: pass\nprint(loss)", "sync-print"),
        ("if rank == 0: print(loss.item())", "sync-item"),
        ("with torch.no_grad(): a = loss.item()", "sync-item"),
        ("torch.cuda.synchronize()", "sync-explicit"),
    ],
)
def test_a_device_tensor_is_known_by_where_it_comes_from(line: str, rule: str) -> None:
    assert rules(line) == [rule]


@pytest.mark.parametrize(
    "line",
    [
        "if step % 100 == 0: print(loss.item())",
        "if step % 100 == 0 and rank == 0: print(loss.item())",
        "log = step % 100 == 0\nif log: print(loss.item())",
        "if step % 100: continue\nprint(loss.item())",
        "a = loss.item() if step % 10 == 0 else None",
        "step % 10 == 0 and print(loss.item())",
        "if step == 0: print(loss.item())",
        "if time.time() - start > 10: print(loss.item())",
        "if should_log(step): print(loss.item())",
        "if args.log_every_step: print(loss.item())",
        "try:\n    pass\nexcept ValueError:\n    print(loss.item())",
        "if x.size(0) < 2: raise ValueError(f'{loss}')",
        "f = lambda: loss.item()",
        "def later(): return loss.item()",
        "print(x.shape, x.dtype, loss.requires_grad, len(x), x.size(0))",
        "a = f'{output.shape} {x.device}'",
        "if loss is not None and x.is_cuda and x.dim() == 2: pass",
        "if x.shape[0] > 3 or output.numel() > 3: pass",
        "a = torch.cuda.Event(enable_timing=True)",
        "a = np.zeros(3).tolist()\nb = np.float32(1).item()",
        "a = loss.detach().to('cpu', non_blocking=True)",
        "a = unknown.item()",
        "a = float(unknown(output))",
        "if unknown(output): pass",
        "a = max([1, 2], key=len)",
        "print(loader, model, optimizer)",
        "match step:\n    case 0:\n        print(loss.item())",
        "a = output.sum(); del a",
        "loss = 3.0\nprint(loss, float(loss))",
    ],
)
def test_the_doctor_keeps_silent(line: str) -> None:
    assert rules(line) == []


@pytest.mark.parametrize(
    "loop",
    [
        "for x, y in tqdm(loader):\n    loss = criterion(model(x.cuda()), y.cuda())\n"
        "    loss.backward()\n",
        "for i in range(1000):\n    loss = model(torch.rand(2, device='cuda')).sum()\n"
        "    loss.backward()\n",
        "while True:\n    loss = model(next(batches).cuda()).sum()\n    loss.backward()\n",
        "for x in loader:\n    loss = model(x.cuda()).sum()\n    scaler.scale(loss).backward()\n",
        "for x in loader:\n    loss = model(x.cuda()).sum()\n    accelerator.backward(loss)\n",
        "def f(x):\n    loss = model(x).sum()\n    loss.backward()\n    return loss\n"
        "while step < 9:\n    loss = f(torch.rand(2, device='cuda'))\n",
    ],
)  # fmt: skip
def test_a_step_loop_is_one_that_trains(loop: str) -> None:
    assert "sync-item" in rules("a = loss.item()", loop=loop)


def test_outside_of_a_step_nothing_waits_often() -> None:
    after = f"{HEAD}for epoch in range(9):\n" + "".join(f"    {x}\n" for x in LOOP.splitlines())
    assert lint_text(f"{after}    print(loss.item(), float(loss))\n    if loss < 1: break\n") == []


def test_a_helper_called_in_the_step_is_part_of_it() -> None:
    helper = "def log(value):\n    print(value.item())\n"
    assert rules("log(loss)", head=HEAD + helper) == ["sync-item"]
    assert rules("if step % 10 == 0: log(loss)", head=HEAD + helper) == []
    assert rules("log(np.zeros(1))", head=HEAD + helper) == []


def test_without_an_accelerator_nobody_is_told_of_waits() -> None:
    head = HEAD.replace(".cuda()", "")
    loop = LOOP.replace(".cuda(non_blocking=True)", "")
    assert rules("print(loss.item(), loss)\ntorch.cuda.is_available()", loop, head) == []


def test_a_device_that_is_only_ever_the_cpu_is_none() -> None:
    head = HEAD.replace(".cuda()", ".to(device)").replace("model", "device = 'cpu'\nmodel", 1)
    loop = LOOP.replace(".cuda(non_blocking=True)", ".to(device)")
    assert rules("print(loss.item())", loop, head) == []


def test_sums_that_are_set_back_in_each_step_or_used_by_backward_are_fine() -> None:
    assert "graph-kept" in rules("total += loss", head=f"{HEAD}total = 0\n")
    assert rules("total += loss.detach()", head=f"{HEAD}total = 0\n") == []
    assert rules("total = 0\ntotal += loss", head=f"{HEAD}total = 0\n") == []
    assert rules("total += loss\ntotal.backward()", head=f"{HEAD}total = 0\n") == []
    assert rules("total += loss.data", head=f"{HEAD}total = 0\n") == []


def test_workers_are_not_asked_for_where_samples_cost_nothing() -> None:
    made = "loader = torch.utils.data.DataLoader({}, batch_size=4)\n"
    assert "workers-none" in rules("pass", head=HEAD + made.format("dataset"))
    memory = "torch.utils.data.TensorDataset(torch.rand(3))"
    assert rules("pass", head=HEAD + made.format(memory)) == ["pin-none"]
