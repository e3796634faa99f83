"""The DataLoader as a queueing network, simulated event by event. Torch-free.

Workers and the training loop share the cores as equals (processor sharing, what a fair scheduler
does on average). The protocol is PyTorch's own: ``prefetch`` batches are given to each worker to
begin with, one more is given out for every batch that is taken, in turn; batches are taken in
order unless ``in_order`` is False.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

MAIN = -1
"""The process number of the training loop; workers count from 0."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one batch asks for, in seconds.

    Attributes:
        worker_cpu_s, worker_wait_s: of the worker that makes it.
        receive_s: CPU time of the training loop to take it.
        step_cpu_s, parallel: CPU time of the step and the cores it is spread over.
        step_wait_s: time in which the step needs no core.
        factors: of single batches around the mean of the worker's part, used in turn.
        contention: see :class:`core.loader.costs.Costs`.
    """

    worker_cpu_s: float
    worker_wait_s: float
    receive_s: float
    step_cpu_s: float
    parallel: float
    step_wait_s: float
    factors: Sequence[float] = (1.0,)
    contention: float = 1.0


@dataclass(frozen=True, slots=True)
class Steady:
    """Mean step, and the part of it that the training loop waited for data, in seconds."""

    step_s: float
    wait_s: float


Phase = tuple[bool, float, float]
"""(needs a core, seconds, cores it is spread over)."""

PIECES = 4
"""Turns of waiting and computing that a batch is made in: samples come one after the other."""


class Network:
    """One run of the simulation.

    Computing is measured on a clock of its own, which runs slower while more processes than
    cores want to compute; so one heap each for computing and waiting processes suffices.
    """

    def __init__(
        self, load: Load, workers: int, prefetch: int, cores: int, in_order: bool = True
    ) -> None:
        self.load, self.workers, self.prefetch = load, workers, prefetch
        self.cores, self.in_order = cores, in_order
        self.now = self.work = 0.0
        self.wanted = 0.0
        self.computing: list[tuple[float, int, float]] = []
        self.sleeping: list[tuple[float, int]] = []
        self.phases: dict[int, deque[Phase]] = {}
        self.queues: list[deque[int]] = [deque() for _ in range(workers)]
        self.making: list[int | None] = [None] * workers
        self.unfinished = [0] * workers
        self.maker: dict[int, int] = {}
        self.ready: set[int] = set()
        self.sent = self.taken = self.turn = 0
        self.idle_since: float | None = 0.0
        self.ends: list[float] = []
        self.waits: list[float] = []

    def run(self, steps: int) -> None:
        """Simulate until so many steps have ended."""
        for _ in range(self.workers * self.prefetch):
            self._give()
        for worker in range(self.workers):
            self._make(worker)
        while len(self.ends) < steps:
            self._advance()

    def _rate(self) -> float:
        crowd = min(1.0, (self.wanted - 1) / (self.cores - 1)) if self.cores > 1 else 1.0
        slow = 1 + (self.load.contention - 1) * max(0.0, crowd)
        return min(1.0, self.cores / self.wanted) / slow

    def _advance(self) -> None:
        """To the next end of a phase."""
        rate = self._rate() if self.computing else 0.0
        until = (self.computing[0][0] - self.work) / rate if self.computing else float("inf")
        wake = self.sleeping[0][0] - self.now if self.sleeping else float("inf")
        step = max(0.0, min(until, wake))
        self.now += step
        self.work += step * rate
        if until <= wake:
            self.work, process, cores = heapq.heappop(self.computing)
            self.wanted -= cores
        else:
            process = heapq.heappop(self.sleeping)[1]
        self._next(process)

    def _next(self, process: int) -> None:
        phases = self.phases[process]
        while phases:
            computes, seconds, cores = phases.popleft()
            if seconds <= 0:
                continue
            if computes:
                heapq.heappush(self.computing, (self.work + seconds / cores, process, cores))
                self.wanted += cores
            else:
                heapq.heappush(self.sleeping, (self.now + seconds, process))
            return
        if process == MAIN:
            self.ends.append(self.now)
            self.idle_since = self.now
        else:
            batch, self.making[process] = self.making[process], None
            if batch is not None:
                self.ready.add(batch)
            self._make(process)
        self._take()

    def _give(self) -> None:
        """Hand the next batch to the worker whose turn it is."""
        if not self.in_order:
            # Then DataLoader passes over workers that are behind with their share.
            for _ in range(self.workers):
                if self.unfinished[self.turn] < self.prefetch:
                    break
                self.turn = (self.turn + 1) % self.workers
        self.queues[self.turn].append(self.sent)
        self.maker[self.sent] = self.turn
        self.unfinished[self.turn] += 1
        self.turn = (self.turn + 1) % self.workers
        self.sent += 1

    def _make(self, worker: int) -> None:
        if self.making[worker] is not None or not self.queues[worker]:
            return
        batch = self.making[worker] = self.queues[worker].popleft()
        load = self.load
        factor = load.factors[batch % len(load.factors)]
        pieces = PIECES if load.worker_wait_s > 0 else 1
        wait, cpu = factor * load.worker_wait_s / pieces, factor * load.worker_cpu_s / pieces
        self.phases[worker] = deque([(False, wait, 1.0), (True, cpu, 1.0)] * pieces)
        self._next(worker)

    def _take(self) -> None:
        """Let the training loop take a batch, if it waits for one that is ready."""
        if self.idle_since is None or not self.ready:
            return
        batch = self.taken if self.in_order else min(self.ready)
        if batch not in self.ready:
            return
        self.ready.discard(batch)
        self.waits.append(self.now - self.idle_since)
        self.idle_since = None
        maker = self.maker.pop(batch)
        self.unfinished[maker] -= 1
        self.taken += 1
        self._give()
        load = self.load
        self.phases[MAIN] = deque(
            [
                (True, load.receive_s, 1.0),
                (True, load.step_cpu_s, load.parallel),
                (False, load.step_wait_s, 1.0),
            ]
        )
        for worker in range(self.workers):
            self._make(worker)
        self._next(MAIN)


def simulate(load: Load, workers: int, prefetch: int, cores: int, in_order: bool = True) -> Steady:
    """The steady state of a DataLoader with one or more workers.

    What was fetched ahead while nothing was consumed is left out, as a trial leaves it out.
    """
    warm = workers * prefetch + workers
    counted = workers * -(-max(24, 3 * len(load.factors) // 4, 4 * workers) // workers)
    network = Network(load, workers, prefetch, cores, in_order)
    network.run(warm + counted)
    ends, waits = network.ends, network.waits
    step_s = (ends[warm + counted - 1] - ends[warm - 1]) / counted
    return Steady(step_s, sum(waits[warm : warm + counted]) / counted)
