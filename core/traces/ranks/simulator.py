"""A job of many ranks, simulated: each rank's trace as Kineto JSON.

Every rank fetches a batch, launches its kernels, and hands gradients over in buckets; a bucket's
collective starts on a rank once its kernels are done, and ends on all ranks together, one transfer
after the last of them arrived. Nothing else is laid down: who waits for whom follows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.errors import BadInput

_BASE_US = 1_700_000_000_000_000.0
_COMPUTE, _TALK = 7, 20
_LAUNCH_US, _LATENCY_US = 8.0, 4.0


@dataclass(frozen=True, slots=True)
class JobSettings:
    """A job.

    Attributes:
        ranks, steps: how many.
        data_ms: time to fetch a batch, on every rank.
        kernels, kernel_us: kernels a step, and how long each takes (5 % more or less).
        buckets: collectives a step.
        transfer_us: how long one takes once all ranks are there.
        slow_rank: the rank that is slow, None for no such rank.
        slow_data_ms: what fetching takes it longer.
        slow_factor: what its kernels take longer.
        clock_us: what each rank's clock is ahead by; empty for right clocks.
        arguments: record the collectives' arguments, as torch 2.2 and later do.
        seed: of the kernels' durations.

    Raises:
        BadInput: a value is out of bounds.
    """

    ranks: int = 4
    steps: int = 4
    data_ms: float = 2.0
    kernels: int = 24
    kernel_us: float = 100.0
    buckets: int = 3
    transfer_us: float = 200.0
    slow_rank: int | None = None
    slow_data_ms: float = 0.0
    slow_factor: float = 1.0
    clock_us: tuple[float, ...] = ()
    arguments: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if not (1 <= self.ranks <= 1024 and 1 <= self.steps <= 50):
            raise BadInput("A job has 1 to 1024 ranks and 1 to 50 steps.")
        if not 1 <= self.buckets <= self.kernels <= 5000:
            raise BadInput("A step has 1 to 5000 kernels, and at most a bucket for each.")


@dataclass(slots=True)
class _Rank:
    """Clocks (µs) and events of one rank."""

    number: int
    now: float = 0.0
    compute_free: float = 0.0
    talk_free: float = 0.0
    correlation: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    def span(self, category: str, name: str, start: float, end: float, **args: object) -> None:
        on_device = category == "kernel"
        self.events.append(
            {
                "ph": "X",
                "cat": category,
                "name": name,
                "pid": self.number if on_device else 1000 + self.number,
                "tid": args.get("stream", 1000 + self.number),
                "ts": start,
                "dur": round(end - start, 3),
                "args": args,
            }
        )

    def launch(self) -> float:
        """One launch call; returns when its kernel may start."""
        self.correlation += 1
        start, self.now = self.now, self.now + _LAUNCH_US
        self.span("cpu_op", "aten::linear", start, self.now)
        self.span(
            "cuda_runtime", "cudaLaunchKernel", start + 2, self.now, correlation=self.correlation
        )
        return start + 2 + _LATENCY_US

    def kernel(self, name: str, stream: int, start: float, end: float, **args: object) -> None:
        place = {"device": self.number, "stream": stream, "correlation": self.correlation}
        self.span("kernel", name, start, end, **place, **args)


def simulate_job(settings: JobSettings) -> list[dict[str, Any]]:
    """Kineto JSON of each rank's trace."""
    ranks = [_Rank(number) for number in range(settings.ranks)]
    noise = np.random.default_rng(settings.seed)
    for step in range(settings.steps):
        begins = [rank.now for rank in ranks]
        for rank in ranks:
            _fetch(rank, settings)
        for bucket in range(settings.buckets):
            _bucket(ranks, settings, step * settings.buckets + bucket, noise)
        for rank, begin in zip(ranks, begins, strict=True):
            _finish(rank, settings)
            rank.span("user_annotation", f"ProfilerStep#{step}", begin, rank.now)
    return [_document(rank, settings) for rank in ranks]


def _fetch(rank: _Rank, settings: JobSettings) -> None:
    slow = settings.slow_data_ms if rank.number == settings.slow_rank else 0.0
    start, rank.now = rank.now, rank.now + 1e3 * (settings.data_ms + slow)
    name = "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"
    rank.span("user_annotation", name, start, rank.now)


def _bucket(
    ranks: list[_Rank], settings: JobSettings, number: int, noise: np.random.Generator
) -> None:
    """The kernels of a bucket on every rank, then its collective."""
    share = -(-settings.kernels // settings.buckets)
    arrivals = []
    for rank in ranks:
        slow = settings.slow_factor if rank.number == settings.slow_rank else 1.0
        for duration in settings.kernel_us * slow * noise.uniform(0.95, 1.05, share):
            start = max(rank.launch(), rank.compute_free)
            rank.compute_free = start + float(duration)
            rank.kernel("sim_gemm_backward", _COMPUTE, start, rank.compute_free)
        arrivals.append(max(rank.launch(), rank.compute_free, rank.talk_free))
    end = max(arrivals) + settings.transfer_us
    for rank, arrival in zip(ranks, arrivals, strict=True):
        rank.talk_free = end + float(noise.uniform(0, 5))
        rank.kernel(
            "ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)",
            _TALK,
            arrival,
            rank.talk_free,
            **(_arguments(settings, number) if settings.arguments else {}),
        )


def _arguments(settings: JobSettings, number: int) -> dict[str, object]:
    return {
        "Collective name": "allreduce",
        "In msg nelems": 1_000_000,
        "Out msg nelems": 1_000_000,
        "Group size": settings.ranks,
        "dtype": "Float",
        "Process Group Name": "0",
        "Process Group Ranks": str(list(range(settings.ranks))),
        "Seq": number + 1,
    }


def _finish(rank: _Rank, settings: JobSettings) -> None:
    """The optimizer waits for the gradients, the host for the optimizer."""
    start = max(rank.launch(), rank.compute_free, rank.talk_free)
    rank.compute_free = start + settings.kernel_us
    rank.kernel("sim_adamw", _COMPUTE, start, rank.compute_free)
    rank.correlation += 1
    begin, rank.now = rank.now, max(rank.now, rank.compute_free) + 3.0
    rank.span(
        "cuda_runtime", "cudaStreamSynchronize", begin, rank.now, correlation=rank.correlation
    )


def _document(rank: _Rank, settings: JobSettings) -> dict[str, Any]:
    ahead = settings.clock_us[rank.number] if settings.clock_us else 0.0
    for event in rank.events:
        event["ts"] = round(_BASE_US + ahead + event["ts"], 3)
    return {
        "schemaVersion": 1,
        "deviceProperties": [{"id": rank.number, "name": "Simulated GPU"}],
        "distributedInfo": {
            "backend": "nccl",
            "rank": rank.number,
            "world_size": settings.ranks,
        },
        "traceEvents": rank.events,
    }
