"""From a worker to the training loop: collating into shared memory, sending, receiving, starting.

A worker that gives out samples it has already costs nothing but transport.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset, default_collate, get_worker_info

from core.loader.costs import Line
from core.loader.probe.clocks import Stopwatch, line
from core.loader.probe.samples import some, tensors_of
from core.loader.setting import Setting
from core.loader.workbench import Bench, Endless

SECONDS = 0.35
FEWEST, MOST, PACED = 6, 200, 6
STRIDE_BYTES = 4_096
"""Each page of shared memory is touched once, as the step will."""

Collate = Callable[[list[Any]], Any]


class Replay(Dataset[Any]):
    """Samples at hand, over and over."""

    def __init__(self, samples: list[Any]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Any:
        return self.samples[index]


class Stamped:
    """Collates, and adds the worker's number and the CPU time it has used so far."""

    def __init__(self, collate: Collate) -> None:
        self.collate = collate

    def __call__(self, samples: list[Any]) -> tuple[Any, int, float]:
        batch, info = self.collate(samples), get_worker_info()
        return batch, info.id if info else 0, time.process_time()


@dataclass(frozen=True, slots=True)
class Transport:
    """Seconds of a batch by its size; see :class:`core.loader.costs.Costs`."""

    collate_s: Line
    deliver_s: Line
    receive_s: Line
    latency_s: Line
    start_one_s: float


def collate_of(bench: Bench) -> Collate:
    """The workload's collate function, or PyTorch's own."""
    return bench.collate or default_collate


def time_transport(bench: Bench, kept: list[Any], batch: int, context: str) -> Transport:
    """Time collating and transport at two batch sizes, the workload's and a smaller one."""
    sizes = sorted({max(1, batch // 4), batch})
    collate, found = collate_of(bench), [_one(bench, kept, size, context) for size in sizes]
    main = [_collating(collate, some(kept, size)) for size in sizes]
    deliver, receive, latency, starts = (list(column) for column in zip(*found, strict=True))
    return Transport(
        line(sizes, main), line(sizes, deliver), line(sizes, receive), line(sizes, latency),
        min(starts),
    )  # fmt: skip


def _collating(collate: Collate, samples: list[Any]) -> float:
    collate(samples)
    times = []
    for _ in range(5):
        watch = Stopwatch()
        collate(samples)
        times.append(watch.cost().cpu_s)
    return float(np.median(times))


def _open(
    bench: Bench, data: Dataset[Any], batch: int, workers: int, context: str
) -> Iterator[Any]:
    setting = Setting.of(workers, batch, multiprocessing_context=context)
    arguments: dict[str, Any] = setting.arguments
    loader = DataLoader(
        data,
        sampler=Endless(len(data), 0),  # type: ignore[arg-type]
        collate_fn=Stamped(collate_of(bench)),
        **arguments,
    )
    return iter(loader)


def _one(bench: Bench, kept: list[Any], batch: int, context: str) -> tuple[float, ...]:
    """(deliver, receive, latency, start) in seconds at one batch size, one worker."""
    started = time.perf_counter()
    batches = _open(bench, Replay(kept), batch, 1, context)
    next(batches)
    start_s = time.perf_counter() - started
    receive, stamps, begin = [], [], time.perf_counter()
    while len(stamps) < FEWEST or (time.perf_counter() - begin < SECONDS and len(stamps) < MOST):
        before = time.process_time()
        data, _, stamp = next(batches)
        _touch(data)
        receive.append(time.process_time() - before)
        stamps.append(stamp)
    took = (time.perf_counter() - begin) / len(stamps)
    latency = [_ready(batches, max(0.004, 2 * took)) for _ in range(PACED)]
    deliver = float(np.median(np.diff(stamps)))
    # The mean: a batch costs next to nothing now and then, when it was there before it was asked.
    receive_s = float(np.mean(receive))
    return deliver, receive_s, max(0.0, float(np.median(latency)) - receive_s), start_s - deliver


def _ready(batches: Iterator[Any], pause_s: float) -> float:
    """Seconds to take a batch that is ready."""
    time.sleep(pause_s)
    watch = Stopwatch()
    data = next(batches)[0]
    _touch(data)
    return watch.cost().wall_s


def _touch(batch: Any) -> None:
    for tensor in tensors_of(batch):
        flat = tensor.reshape(-1)
        flat[:: max(1, STRIDE_BYTES // max(1, flat.element_size()))].sum()


@dataclass(frozen=True, slots=True)
class Crowd:
    """With a worker on every core: CPU time of a batch over that of a worker alone, start-up."""

    contention: float
    start_s: float


def time_crowd(
    bench: Bench, batch: int, alone_s: float, context: str, workers: int, seconds: float = 0.8
) -> Crowd:
    """Let all cores fetch real samples at once.

    Args:
        alone_s: CPU time of a batch in a worker alone.
    """
    started = time.perf_counter()
    batches = _open(bench, bench.dataset, batch, workers, context)
    last: dict[int, float] = {}
    times: list[float] = []
    _, worker, last[0] = next(batches)
    last = {worker: last[0]}
    start_s = time.perf_counter() - started
    begin = time.perf_counter()
    while len(times) < 2 * workers or time.perf_counter() - begin < seconds:
        _, worker, stamp = next(batches)
        if worker in last:
            times.append(stamp - last[worker])
        last[worker] = stamp
    ratio = float(np.mean(times)) / alone_s if alone_s > 0 else 1.0
    return Crowd(min(2.0, max(1.0, ratio)), start_s)
