"""``python -m core.loader.trial OUT``: one setting measured in this process.

Reads a question (``{"workload", "device", "batch_size", "seed", "measure_s", "setting"}``) as
JSON from stdin and writes the measurement as JSON to the file OUT. What goes wrong ends with an
exception or a signal, which the parent turns into a sentence.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from core.errors import BadInput, GpulseError
from core.loader.results import Setting
from core.training.environment import prepare_environment

MIN_STEPS = 8
"""Fewest measured steps; at least three a worker as well."""

MAX_BLOCKS = 200
"""Blocks kept in ``trials.json`` for the bootstrap."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of each measured step and of its wait for data, and what came before them."""

    step_s: list[float]
    wait_s: list[float]
    startup_s: float
    warmup_s: float
    foreign_cpu: float


def warmup_steps(setting: Setting) -> int:
    """Steps to drop: everything that workers fetched ahead while nothing was consumed.

    Dropping a fixed 10 batches overstated throughput by 47 to 79 % with deep prefetching.
    """
    return max(2, setting.num_workers * setting.prefetch_factor + setting.num_workers)


def block_length(steps: int, num_workers: int) -> int:
    """Steps in a block: a multiple of the workers, and at most MAX_BLOCKS blocks in all."""
    unit = max(1, num_workers)
    return unit * -(-steps // (MAX_BLOCKS * unit))


def blocks(step_s: list[float], num_workers: int) -> tuple[int, list[float]]:
    """(steps in a block, seconds of each whole block)."""
    length = block_length(len(step_s), num_workers)
    whole = len(step_s) // length
    return length, [sum(step_s[i * length : (i + 1) * length]) for i in range(whole)]


class ForeignCpu:
    """CPU time of other programs as a part of all cores, between two looks."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._begin = self._look()

    def _look(self) -> tuple[float, float, float]:
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        every = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        own = 0.0
        for process in (self._process, *self._process.children(recursive=True)):
            try:
                spent = process.cpu_times()
            except psutil.Error:
                continue
            own += spent.user + spent.system
        return every, every - idle, own

    def share(self) -> float:
        """0…1 since this object was made; workers must still be alive."""
        begin, end = self._begin, self._look()
        every, busy, own = (after - before for before, after in zip(begin, end, strict=True))
        return min(1.0, max(0.0, (busy - own) / every)) if every > 0 else 0.0


def time_steps(
    batches: Iterator[Any],
    step: Callable[[Any], None],
    finish: Callable[[], None],
    setting: Setting,
    measure_s: float,
    started: float,
) -> Timing:
    """Warm up, then measure steps for ``measure_s`` or until there are enough, whichever is later.

    Args:
        batches: the DataLoader's iterator; it must not end.
        step: called with each batch.
        finish: waits until the device has done what it was given.
        started: time.perf_counter() before the iterator was made.
    """
    batch = next(batches)
    startup_s = time.perf_counter() - started
    step(batch)
    for _ in range(warmup_steps(setting) - 1):
        step(next(batches))
    finish()
    foreign, begin = ForeignCpu(), time.perf_counter()
    enough = max(MIN_STEPS, 3 * setting.num_workers)
    step_s, wait_s, last = [], [], begin
    while last - begin < measure_s or len(step_s) < enough:
        batch = next(batches)
        ready = time.perf_counter()
        step(batch)
        now = time.perf_counter()
        wait_s.append(ready - last)
        step_s.append(now - last)
        last = now
    finish()
    # What the device still had to do belongs to the last step.
    step_s[-1] += time.perf_counter() - last
    return Timing(step_s, wait_s, startup_s, begin - started, foreign.share())


def measure(question: dict[str, Any]) -> dict[str, Any]:
    """Measure one setting; see the module for the question.

    Returns:
        The fields of :class:`core.loader.results.Trial` that a trial itself knows.
    """
    # Only here, so that the environment is ready before torch is imported.
    from core.loader.workbench import open_bench

    setting = Setting(**question["setting"])
    bench = open_bench(question, setting)
    started = time.perf_counter()
    timing = time_steps(
        iter(bench.loader), bench.step, bench.finish, setting, question["measure_s"], started
    )
    seconds, steps = sum(timing.step_s), len(timing.step_s)
    block_steps, block_s = blocks(timing.step_s, setting.num_workers)
    return {
        "samples_per_s": steps * bench.batch_size / seconds,
        "wait_share": sum(timing.wait_s) / seconds,
        "step_ms": 1e3 * seconds / steps,
        "startup_s": timing.startup_s,
        "warmup_s": timing.warmup_s,
        "steps": steps,
        "foreign_cpu": timing.foreign_cpu,
        "block_steps": block_steps,
        "block_s": [round(value, 6) for value in block_s],
    }


def main(argv: list[str]) -> int:
    """Answer the question on stdin."""
    prepare_environment()
    try:
        answer = measure(json.load(sys.stdin))
    except GpulseError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, BadInput) else 1
    Path(argv[0]).write_text(json.dumps(answer), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
