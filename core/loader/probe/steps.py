"""The training step: computing, waiting for the device, and how many cores it uses."""

from __future__ import annotations

import time
from typing import Any

import torch

from core.loader.costs import Copy, StepCost
from core.loader.probe.clocks import Stopwatch
from core.loader.probe.samples import some, tensors_of
from core.loader.probe.transport import collate_of
from core.loader.workbench import Bench

SECONDS = 0.3
FEWEST, MOST = 3, 200


def time_steps(
    bench: Bench, kept: list[Any], batch_sizes: list[int], threads: list[int]
) -> tuple[StepCost, ...]:
    """The real step at each batch size and thread count, one thread first."""
    found: list[StepCost] = []
    for batch_size in batch_sizes:
        batch = collate_of(bench)(some(kept, batch_size))
        step = bench.make_step(batch_size, False)
        wait_s: float | None = None
        for count in sorted({1, *threads}):
            torch.set_num_threads(count)
            cost = _time(bench, step, batch, batch_size, count, wait_s)
            wait_s = cost.wait_s if wait_s is None else wait_s
            found.append(cost)
    return tuple(found)


def _time(
    bench: Bench, step: Any, batch: Any, size: int, threads: int, wait_s: float | None
) -> StepCost:
    """One thread tells waiting; with more, what is not waiting was spread over cores."""
    step(batch)
    step(batch)
    bench.finish()
    watch, done = Stopwatch(whole_process=True), 0
    while done < 1 or (done < MOST and (watch.wall_s < SECONDS or done < FEWEST)):
        step(batch)
        done += 1
        if watch.wall_s > 3 * SECONDS:
            break
    bench.finish()
    cost = watch.cost(done)
    if wait_s is None:
        return StepCost(size, threads, cost.cpu_s, cost.wait_s)
    computing = max(cost.wall_s - wait_s, cost.cpu_s / threads)
    parallel = min(float(threads), max(1.0, cost.cpu_s / computing)) if computing > 0 else 1.0
    return StepCost(size, threads, cost.cpu_s, wait_s, parallel)


def time_copy(device: torch.device, batch: Any, repeats: int = 10) -> Copy | None:
    """Bytes/s of a batch to a CUDA device from pageable and page-locked memory, else None."""
    size = sum(tensor.nbytes for tensor in tensors_of(batch))
    if device.type != "cuda" or size == 0:
        return None
    pageable = torch.ones(size, dtype=torch.uint8)
    target = torch.empty(size, dtype=torch.uint8, device=device)
    begin = time.perf_counter()
    pinned = pageable.pin_memory()
    pin_s = time.perf_counter() - begin

    def speed(source: torch.Tensor) -> float:
        target.copy_(source)
        torch.cuda.synchronize(device)
        begin = time.perf_counter()
        for _ in range(repeats):
            target.copy_(source, non_blocking=True)
        torch.cuda.synchronize(device)
        return repeats * size / (time.perf_counter() - begin)

    return Copy(speed(pageable), speed(pinned), size / pin_s)
