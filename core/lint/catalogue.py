"""All rules of the doctor. ``docs/lint.md`` lists them too, with their sources."""

from __future__ import annotations

from core.lint.records import Rule

_WAIT = (
    "The host waits until the device has finished everything that was queued; meanwhile nothing "
    "new is queued, and the device idles afterwards."
)
_LATER = "Keep it as a tensor (detach it) and read it once, after the loop or every 100 steps."
_STEP = "every step"


def _table(*rules: Rule) -> dict[str, Rule]:
    return {rule.key: rule for rule in rules}


RULES: dict[str, Rule] = _table(
    Rule("sync-item", "`.item()` waits for the device", _WAIT, _STEP, _LATER),
    Rule("sync-cpu", "A copy to the host waits for the device", _WAIT, _STEP, _LATER),
    Rule(
        "sync-numpy",
        "A device tensor becomes a numpy array",
        f"{_WAIT} Without a copy to the host first it fails on a GPU.",
        _STEP,
        _LATER,
    ),
    Rule("sync-tolist", "`.tolist()` waits for the device", _WAIT, _STEP, _LATER),
    Rule(
        "sync-float",
        "A device tensor becomes a Python number",
        f"{_WAIT} `float`, `int`, `math.isnan` and their like call `.item()`.",
        _STEP,
        _LATER,
    ),
    Rule(
        "sync-bool",
        "The truth of a device tensor is asked for",
        f"{_WAIT} `if`, `while`, `assert`, `and`, `max` read the value to decide.",
        _STEP,
        "Decide on the device (`torch.where`, `torch.maximum`), or look only every 100 steps.",
    ),
    Rule(
        "sync-print",
        "A device tensor is printed",
        f"{_WAIT} Printing reads the value.",
        _STEP,
        "Print every 100 steps only.",
    ),
    Rule(
        "sync-format",
        "A device tensor becomes text",
        f"{_WAIT} f-strings, `%` and `str.format` read the value, shown or not.",
        _STEP,
        "Make the text every 100 steps only.",
    ),
    Rule(
        "sync-log",
        "A logger reads a device tensor",
        f"{_WAIT} Progress bars, SummaryWriter and wandb turn tensors into numbers at once.",
        _STEP,
        "Log every 100 steps only.",
    ),
    Rule(
        "sync-explicit",
        "An explicit synchronise",
        _WAIT,
        _STEP,
        "Delete it. To time a step, use torch.cuda.Event or torch.profiler.",
    ),
    Rule(
        "empty-cache",
        "`empty_cache` inside the loop",
        "The allocator gives its memory back and has to ask the driver for it again in the next "
        "step, which also waits for the device.",
        _STEP,
        "Delete it: freed memory is used again without it.",
    ),
    Rule(
        "graph-kept",
        "Losses are added up with their graphs",
        "Each added tensor keeps the graph of its step, with all activations: memory grows with "
        "every step.",
        "memory",
        "Add `loss.detach()`.",
    ),
    Rule(
        "workers-none",
        "The DataLoader has no workers",
        "Without `num_workers` every batch is made in the training process while the device waits.",
        _STEP,
        "Set num_workers; the DataLoader page measures how many are best.",
    ),
    Rule(
        "workers-restart",
        "Workers are started anew in every epoch",
        "Without `persistent_workers` each pass over the DataLoader starts its processes, imports "
        "and datasets again, and the first batches come late.",
        "every epoch",
        "Set persistent_workers=True.",
    ),
    Rule(
        "pin-none",
        "Batches are copied from pageable memory",
        "Without `pin_memory` a copy to the device goes through a staging buffer and cannot run "
        "beside computing.",
        _STEP,
        "Set pin_memory=True and copy with non_blocking=True.",
    ),
    Rule(
        "copy-blocking",
        "A pinned batch is copied while the host waits",
        "The DataLoader pins its batches, but without `non_blocking` the host waits for each copy.",
        _STEP,
        "Copy with non_blocking=True.",
    ),
    Rule(
        "loader-in-loop",
        "The DataLoader is built inside the loop",
        "Each build makes samplers and starts workers again.",
        "every epoch",
        "Build it once, before the loop.",
    ),
    Rule(
        "dataset-device",
        "The dataset puts samples on the device one by one",
        "One small copy a sample instead of one a batch; in a worker process it also makes a CUDA "
        "context each, or fails.",
        "every sample",
        "Give samples back on the host and move the batch in the training loop.",
    ),
    Rule(
        "grads-zeroed",
        "Gradients are filled with zeros",
        "One more kernel for each parameter, and the next backward adds to zeros instead of "
        "writing.",
        _STEP,
        "Call zero_grad() as it is: since PyTorch 2.0 it drops the gradients.",
    ),
    Rule(
        "eval-grad",
        "Evaluation makes graphs",
        "Without torch.no_grad or torch.inference_mode every forward pass stores its activations "
        "for a backward that never comes.",
        "every evaluation step",
        "Put it under torch.no_grad().",
    ),
    Rule(
        "eval-mode",
        "Evaluation in training mode",
        "Without `model.eval()` dropout stays on and batch normalisation learns from the "
        "validation data.",
        "correctness",
        "Call model.eval() before and model.train() after it.",
    ),
    Rule(
        "fp32-matmul",
        "FP32 matrix products run without tensor cores",
        "The default precision `highest` keeps float32 matrix products off the TF32 tensor cores "
        "of GPUs since Ampere.",
        _STEP,
        "Call torch.set_float32_matmul_precision('high') at the start, or train under autocast.",
    ),
    Rule(
        "profiler-always",
        "The profiler records the whole training",
        "Without a schedule every step is recorded and kept in memory until the end; the run slows "
        "down and the trace is too large to open.",
        _STEP,
        "Give it a schedule and call its step() in the loop.",
    ),
)
