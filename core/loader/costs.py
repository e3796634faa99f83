"""What the parts of a data pipeline cost, as the probe found them. Torch-free."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """Seconds of a batch as ``fixed + each × samples``."""

    fixed: float = 0.0
    each: float = 0.0

    def at(self, batch_size: int) -> float:
        """Seconds of a batch of this size."""
        return self.fixed + self.each * batch_size


@dataclass(frozen=True, slots=True)
class StepCost:
    """One training step on a batch that is there already.

    Attributes:
        threads: of torch in the main process while it was measured.
        cpu_s: CPU time of all threads.
        wait_s: time in which the process had nothing to do: the device computes, or it sleeps.
        parallel: cores that ``cpu_s`` was spread over, 1 or more.
    """

    batch_size: int
    threads: int
    cpu_s: float
    wait_s: float
    parallel: float = 1.0

    @property
    def wall_s(self) -> float:
        """Seconds of the step when every core is free."""
        return self.cpu_s / self.parallel + self.wait_s


@dataclass(frozen=True, slots=True)
class Copy:
    """Bytes/s of a batch to the device from either memory, and (``pin``) into page-locked one."""

    pageable: float
    pinned: float
    pin: float


@dataclass(frozen=True, slots=True)
class Costs:
    """All costs in seconds.

    Attributes:
        cores: CPU cores that may be used.
        get_cpu_s: CPU time of one ``__getitem__``, mean.
        get_wait_s: of one ``__getitem__`` in which it waited (storage, network), mean.
        get_s: both together for single samples: the distribution, heavy tails and all.
        collate_s: a batch put together in the main process.
        deliver_s: CPU time of a worker to collate a batch into shared memory and send it.
        receive_s: CPU time of the main process to take a batch that is ready.
        latency_s: time in ``next()`` beyond that for a batch that is ready.
        steps: the training step by batch size and threads.
        start_s: until the first batch by number of workers, fetching left out.
        contention: CPU time of a worker with all cores busy over that of one alone, 1 or more.
        sample_bytes: of one sample in a collated batch.
        tensors: in a batch.
        shared_free: bytes free for shared memory; None where the system has no such limit.
        copy: on CUDA, else None.
        asynchronous: whether the device computes while the host goes on.
        dataset: its class and number of samples, to tell tunings of other data apart.
        wall_s: that probing took.
    """

    cores: int
    get_cpu_s: float
    get_wait_s: float
    get_s: tuple[float, ...]
    collate_s: Line
    deliver_s: Line
    receive_s: Line
    latency_s: Line
    steps: tuple[StepCost, ...]
    start_s: Line
    contention: float = 1.0
    sample_bytes: float = 0.0
    tensors: int = 1
    shared_free: int | None = None
    copy: Copy | None = None
    asynchronous: bool = False
    dataset: str = ""
    wall_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain values; :meth:`from_json` reads them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Costs:
        """Inverse of :meth:`to_json`.

        Raises:
            KeyError, TypeError: it is something else.
        """
        lines = ("collate_s", "deliver_s", "receive_s", "latency_s", "start_s")
        copy = content["copy"]
        return cls(
            **{
                **content,
                **{name: Line(**content[name]) for name in lines},
                "get_s": tuple(content["get_s"]),
                "steps": tuple(StepCost(**row) for row in content["steps"]),
                "copy": None if copy is None else Copy(**copy),
            }
        )

    def step(self, batch_size: int, threads: int) -> StepCost:
        """The step at a batch size and thread count, between those that were measured.

        Linear in the batch size between its neighbours, proportional beyond the largest; the
        nearest thread count that was measured.
        """
        nearest = min({s.threads for s in self.steps}, key=lambda n: abs(n - threads))
        known = sorted((s for s in self.steps if s.threads == nearest), key=lambda s: s.batch_size)
        below = [s for s in known if s.batch_size <= batch_size]
        above = [s for s in known if s.batch_size >= batch_size]
        if not below:
            return _scaled(above[0], batch_size)
        if not above:
            return _scaled(below[-1], batch_size)
        return _between(below[-1], above[0], batch_size)


def _scaled(step: StepCost, batch_size: int) -> StepCost:
    factor = batch_size / step.batch_size
    return dataclasses.replace(
        step, batch_size=batch_size, cpu_s=step.cpu_s * factor, wait_s=step.wait_s * factor
    )


def _between(low: StepCost, high: StepCost, batch_size: int) -> StepCost:
    span = high.batch_size - low.batch_size
    part = (batch_size - low.batch_size) / span if span else 0.0

    def mix(name: str) -> float:
        return (1 - part) * getattr(low, name) + part * getattr(high, name)

    return StepCost(batch_size, low.threads, mix("cpu_s"), mix("wait_s"), mix("parallel"))
