"""``python -m core.loader.trial OUT``: one setting measured in this process.

Reads a question as JSON from stdin: ``{"workload", "params", "device", "seed", "measure_s",
"step_ms", "page_cache", "tell_at", "setting"}``, and writes the measurement as JSON to the file
OUT. What goes wrong ends with an exception or a signal, which the parent turns into a sentence.
"""

from __future__ import annotations

import faulthandler
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import BadInput, GpulseError
from core.loader.failures import WORKER_ENDED
from core.loader.setting import Setting
from core.loader.surroundings import Watch, drop_page_cache
from core.training.environment import prepare_environment

MIN_STEPS = 8
"""Fewest measured steps; at least three a worker as well."""

MAX_BLOCKS = 200
"""Blocks kept in ``trials.json`` for the bootstrap."""

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of each measured step and of its wait for data, and what came before them."""

    step_s: list[float]
    wait_s: list[float]
    startup_s: float
    warmup_s: float
    foreign_cpu: float
    disk_bytes: int | None


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
    watch, begin = Watch(), time.perf_counter()
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
    foreign = watch.foreign_share()
    return Timing(step_s, wait_s, startup_s, begin - started, foreign, watch.disk_bytes())


def _time(question: dict[str, Any], setting: Setting) -> Timing:
    """Time a setting; when a worker dies, its exit code is written down before the error."""
    # Only here, so that the environment is ready before torch is imported.
    from core.loader.workbench import open_bench, open_loader

    bench = open_bench(question)
    # Before it is killed for its time it is written down where it is. In the workers where there
    # are some: a forked process cannot set this timer if its parent has.
    tell_at = question["tell_at"]
    if setting.num_workers == 0:
        faulthandler.dump_traceback_later(max(0.1, tell_at - time.monotonic()))
    loader = open_loader(bench, setting, tell_at)
    step = bench.make_step(setting.batch_size, setting.pin_memory)
    if question.get("page_cache") == "cold":
        drop_page_cache()
    started = time.perf_counter()
    batches = iter(loader)
    workers = multiprocessing.active_children()
    try:
        return time_steps(batches, step, bench.finish, setting, question["measure_s"], started)
    except Exception:
        for worker in workers:
            # The one that died may still be on its way out.
            worker.join(0.2)
            if worker.exitcode:
                sys.stderr.write(f"{WORKER_ENDED} {worker.exitcode}\n")
        raise


def measure(question: dict[str, Any]) -> dict[str, Any]:
    """Measure one setting; see the module for the question.

    Returns:
        The fields of :class:`core.loader.results.Trial` that a trial itself knows.
    """
    setting = Setting(**question["setting"])
    timing = _time(question, setting)
    seconds, steps = sum(timing.step_s), len(timing.step_s)
    block_steps, block_s = blocks(timing.step_s, setting.num_workers)
    disk = timing.disk_bytes
    return {
        "samples_per_s": steps * setting.batch_size / seconds,
        "wait_share": sum(timing.wait_s) / seconds,
        "step_ms": 1e3 * seconds / steps,
        "startup_s": timing.startup_s,
        "warmup_s": timing.warmup_s,
        "steps": steps,
        "foreign_cpu": timing.foreign_cpu,
        "disk_mib_s": None if disk is None else disk / MIB / seconds,
        "block_steps": block_steps,
        "block_s": [round(value, 6) for value in block_s],
    }


def main(argv: list[str]) -> int:
    """Answer the question on stdin."""
    prepare_environment()
    question = json.load(sys.stdin)
    try:
        answer = measure(question)
    except GpulseError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, BadInput) else 1
    Path(argv[0]).write_text(json.dumps(answer), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
