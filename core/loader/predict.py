"""Throughput, waiting, memory and start-up of every setting, from the probe's costs. Torch-free.

A simulation (:mod:`core.loader.queueing`) gives the mean, trials that were measured correct it
and narrow its interval (:mod:`core.loader.calibrate`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from core.loader.calibrate import Observation, posterior
from core.loader.costs import Costs, StepCost
from core.loader.queueing import Load, Steady, simulate
from core.loader.setting import Setting

Limit = Literal["storage", "workers", "cores", "step", "loop"]
"""What bounds the throughput: samples wait for storage or network, the workers are too few, the
cores are used up, the training step, or (without workers) one thing after the other."""

SHARED_PART = 0.9
"""Part of the free shared memory that a setting may fill: others use it too."""

PAGE = 4096

SHORTEST_S = 1e-7
"""Anything costs some time: a simulation in which nothing does would not end."""

DRAWS = 64
"""Batches whose cost is drawn from the samples the probe timed."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A setting as the model sees it.

    Attributes:
        samples_per_s, low, high: with a 95 % interval.
        step_ms: mean step, waiting for data included.
        wait_share: part of the step that the training loop waits for data, 0…1.
        limit: see :data:`Limit`.
        shared_bytes: shared memory that the batches on their way take at most.
        startup_s: until the first batch of an epoch that has to start its workers.
        fits: whether the batches fit into what is free.
    """

    setting: Setting
    samples_per_s: float
    low: float
    high: float
    step_ms: float
    wait_share: float
    limit: Limit
    shared_bytes: float
    startup_s: float
    fits: bool = True


def shared_bytes(costs: Costs, setting: Setting) -> float:
    """(workers × prefetch + 1) batches, each tensor in whole pages; none without workers.

    Measured against predicted: 98, 354, 669 against 98, 354, 668 MB.
    """
    if setting.num_workers == 0:
        return 0.0
    batch = costs.sample_bytes * setting.batch_size
    tensors = max(1, costs.tensors)
    batch = tensors * PAGE * math.ceil(batch / tensors / PAGE)
    return (setting.num_workers * setting.prefetch_factor + 1) * batch


def threads_of(costs: Costs, setting: Setting) -> int:
    """Threads of the main process; the rule is that of ``core.training.device.set_threads``."""
    return setting.threads or max(1, costs.cores - setting.num_workers)


class Model:
    """The predictor of one probe. Simulations are kept: each setting is simulated once.

    Args:
        costs: of the probe.
        faster_step: the step takes this many times less, waiting and computing alike: "what if
            the device were N times faster".
    """

    def __init__(self, costs: Costs, faster_step: float = 1.0) -> None:
        self.costs, self.faster_step = costs, faster_step
        self._known: dict[Setting, Steady] = {}
        self._factors: dict[int, tuple[float, ...]] = {}

    def predict(
        self, settings: Iterable[Setting], observed: Sequence[Observation] = ()
    ) -> list[Prediction]:
        """A prediction for each setting, corrected by what was observed."""
        wanted = list(settings)
        base = np.log([self.raw(setting) for setting in wanted])
        seen = [replace(o, predicted=self.raw(o.setting)) for o in observed]
        mean, covariance = posterior(wanted, seen)
        spread = np.sqrt(np.diag(covariance))
        return [
            self._prediction(setting, float(np.exp(log)), float(sd))
            for setting, log, sd in zip(wanted, base + mean, spread, strict=True)
        ]

    def raw(self, setting: Setting) -> float:
        """Samples/s of the simulation alone."""
        return setting.batch_size / self.steady(setting).step_s

    def _prediction(self, setting: Setting, speed: float, sd: float) -> Prediction:
        steady, costs = self.steady(setting), self.costs
        memory = shared_bytes(costs, setting)
        free = costs.shared_free
        return Prediction(
            setting=setting,
            samples_per_s=speed,
            low=speed * math.exp(-1.96 * sd),
            high=speed * math.exp(1.96 * sd),
            step_ms=1e3 * setting.batch_size / speed,
            wait_share=steady.wait_s / steady.step_s,
            limit=self.limit(setting),
            shared_bytes=memory,
            startup_s=self.startup_s(setting),
            fits=free is None or memory <= SHARED_PART * free,
        )

    def steady(self, setting: Setting) -> Steady:
        """The simulated steady state."""
        if setting not in self._known:
            self._known[setting] = self._simulated(setting)
        return self._known[setting]

    def _simulated(self, setting: Setting) -> Steady:
        load, batch = self.load(setting), setting.batch_size
        if setting.num_workers == 0:
            costs = self.costs
            wait = batch * (costs.get_cpu_s + costs.get_wait_s) + costs.collate_s.at(batch)
            step = load.step_cpu_s / load.parallel + load.step_wait_s
            return Steady(max(SHORTEST_S, wait + step), wait)
        return simulate(
            load, setting.num_workers, setting.prefetch_factor, self.costs.cores, setting.in_order
        )

    def step_of(self, setting: Setting) -> StepCost:
        """The training step of a setting, page-locked copies and a faster device considered."""
        costs = self.costs
        step = costs.step(setting.batch_size, threads_of(costs, setting))
        wait = step.wait_s
        if setting.pin_memory and costs.copy is not None:
            size = costs.sample_bytes * setting.batch_size
            wait = max(0.0, wait - size / costs.copy.pageable + size / costs.copy.pinned)
        return replace(step, cpu_s=step.cpu_s / self.faster_step, wait_s=wait / self.faster_step)

    def load(self, setting: Setting) -> Load:
        """What one batch of a setting asks of the simulation."""
        costs, batch = self.costs, setting.batch_size
        step = self.step_of(setting)
        receive = costs.receive_s.at(batch)
        # A device that computes while the host goes on has the next batch taken meanwhile.
        hidden = receive + step.cpu_s / step.parallel if costs.asynchronous else 0.0
        latency = costs.latency_s.at(batch) if setting.num_workers else 0.0
        return Load(
            worker_cpu_s=max(SHORTEST_S, batch * costs.get_cpu_s + costs.deliver_s.at(batch)),
            worker_wait_s=batch * costs.get_wait_s,
            receive_s=max(SHORTEST_S, receive),
            step_cpu_s=step.cpu_s,
            parallel=step.parallel,
            step_wait_s=max(0.0, step.wait_s - hidden) + latency,
            factors=self._batch_factors(batch),
            contention=costs.contention,
        )

    def _batch_factors(self, batch: int) -> tuple[float, ...]:
        """Cost of single batches over their mean, drawn from the samples that were timed."""
        if batch not in self._factors:
            times = np.asarray(self.costs.get_s)
            if times.size < 2 or times.mean() <= 0:
                return (1.0,)
            drawn = np.random.default_rng(batch).choice(times, size=(DRAWS, batch)).mean(axis=1)
            self._factors[batch] = tuple((drawn / drawn.mean()).tolist())
        return self._factors[batch]

    def startup_s(self, setting: Setting) -> float:
        """Seconds from making the iterator to the first batch."""
        costs, batch, workers = self.costs, setting.batch_size, setting.num_workers
        wait, cpu = batch * costs.get_wait_s, batch * costs.get_cpu_s
        if workers == 0:
            return wait + cpu + costs.collate_s.at(batch)
        crowd = max(1.0, workers / costs.cores)
        return costs.start_s.at(workers) + wait + crowd * (cpu + costs.deliver_s.at(batch))

    def limit(self, setting: Setting) -> Limit:
        """The largest of the bounds on a step: workers, cores, training loop."""
        load, workers = self.load(setting), setting.num_workers
        if workers == 0:
            return "loop"
        main = load.receive_s + load.step_cpu_s / load.parallel + load.step_wait_s
        each = (load.worker_cpu_s + load.worker_wait_s) / workers
        all_cpu = load.worker_cpu_s + load.receive_s + load.step_cpu_s
        bounds: Mapping[Limit, float] = {
            "step": main,
            "storage" if load.worker_wait_s > load.worker_cpu_s else "workers": each,
            "cores": all_cpu / self.costs.cores,
        }
        return max(bounds, key=lambda name: bounds[name])


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the step: where it comes from and how long it takes."""

    name: str
    ms: float


def step_parts(model: Model, setting: Setting, step_ms: float | None = None) -> list[Part]:
    """What a step of the training loop is made of; the parts sum to it.

    Waiting for workers is shared out by what a worker's time goes to: samples (computing and
    waiting), putting the batch together and sending it, and queueing for a core.

    Args:
        step_ms: as measured; the parts are scaled to it. None: as simulated.
    """
    costs, batch = model.costs, setting.batch_size
    steady, load = model.steady(setting), model.load(setting)
    sample_cpu, sample_wait = batch * costs.get_cpu_s, batch * costs.get_wait_s
    step_cpu = load.step_cpu_s / load.parallel
    if setting.num_workers == 0:
        parts = {
            "samples, computing": sample_cpu,
            "samples, waiting": sample_wait,
            "collate": costs.collate_s.at(batch),
            "receive": 0.0,
            "queueing for a core": 0.0,
        }
    else:
        together = costs.deliver_s.at(batch)
        own = sample_cpu + sample_wait + together
        queueing = max(0.0, setting.num_workers * steady.step_s - own)
        waiting = steady.wait_s / (own + queueing)
        parts = {
            "samples, computing": waiting * sample_cpu,
            "samples, waiting": waiting * sample_wait,
            "collate": waiting * together,
            "receive": load.receive_s,
            "queueing for a core": waiting * queueing,
        }
        # The loop, too, queues for a core: what is left of its step.
        left = steady.step_s - sum(parts.values()) - step_cpu - load.step_wait_s
        parts["queueing for a core"] += max(0.0, left)
    parts |= {"step, computing": step_cpu, "step, waiting for the device": load.step_wait_s}
    total = sum(parts.values())
    scale = 1e3 if step_ms is None or total <= 0 else step_ms / total
    return [Part(name, scale * seconds) for name, seconds in parts.items()]
