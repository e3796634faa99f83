"""What watching a loop of one's own costs: by its parts, and with and without it in turns.

The parts are processor times, which say much the same on a busy machine: what the loop does at
each step, what the thread does for each value, and what it does all the time. Their sum over one
step of 10 ms, as if the loop had to stand still for all of it, is held against the goal.

In turns: a step is a fixed amount of work that takes about 10 ms on a quiet machine: once
arithmetic in torch, once a plain Python loop, which never lets the thread have the interpreter.
Each watched step logs a loss from a tensor. Opening, closing and the profile are left out.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import torch

from core.training import watch
from tests.bench.measure import Figure, report

STEP_S = 0.010
SETTLE_S = 2.0
"""After opening: what is written once (versions of all packages, the commit) is done by then."""

Work = Callable[[], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Round:
    """One stretch of steps: wall and processor time of all threads, in µs a step."""

    wall_us: float
    cpu_us: float


def torch_work() -> Work:
    """Matrix products on one thread."""
    left, right = torch.rand(96, 96), torch.rand(96, 96)

    def once() -> torch.Tensor:
        return (left @ right).sum()

    return _repeated(once)


def python_work() -> Work:
    """A loop that holds the interpreter."""
    loss = torch.tensor(1.0)

    def once() -> torch.Tensor:
        for _ in range(1_000):
            pass
        return loss

    return _repeated(once)


def _repeated(once: Work) -> Work:
    """So many of it that they take STEP_S."""
    once()
    best = min(_seconds(once) for _ in range(200))
    times = max(1, round(STEP_S / best))

    def step() -> torch.Tensor:
        for _ in range(times - 1):
            once()
        return once()

    return step


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _timed(loop: Callable[[], None], steps: int) -> Round:
    wall, cpu = time.perf_counter(), time.process_time()
    loop()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Round(1e6 * wall / steps, 1e6 * cpu / steps)


def bare(work: Work, steps: int) -> Round:
    """A round that nobody watches."""

    def loop() -> None:
        for _ in range(steps):
            work()

    return _timed(loop, steps)


def watched(work: Work, steps: int, folder: Path) -> Round:
    """A round that is watched, with a loss logged at each step."""
    with watch(folder, profile=False) as run:

        def loop() -> None:
            for _ in run.steps(range(steps)):
                run.log(loss=work())

        time.sleep(SETTLE_S)
        return _timed(loop, steps)


def profile_s(folder: Path) -> float:
    """Processor time of the loop for its planned profile: six slower steps, writing the trace."""

    def loop(planned: bool) -> float:
        with watch(folder, profile=planned) as run:
            begin = time.thread_time()
            for _ in run.steps(range(40)):
                torch.ones(8).sum()
            return time.thread_time() - begin

    loop(True)  # the first profile of a process prepares the profiler
    return loop(True) - loop(False)


def parts(folder: Path, values: int, rest_s: float) -> list[Figure]:
    """Processor times of the parts, and what they make of a step of 10 ms with one value."""
    loss = torch.tensor(1.0)
    with watch(folder, profile=False) as run:
        thread = run._desk.log
        if thread is None or thread.ident is None:
            raise RuntimeError("nothing is watched")
        clock = time.pthread_getcpuclockid(thread.ident)
        time.sleep(SETTLE_S)
        before = time.clock_gettime(clock)
        time.sleep(rest_s)
        rest = (time.clock_gettime(clock) - before) / rest_s
        begin = time.thread_time()
        for _ in range(values):
            pass
        bare_s = time.thread_time() - begin
        before, began = time.clock_gettime(clock), time.monotonic()
        begin = time.thread_time()
        for _ in run.steps(range(values)):
            run.log(loss=loss)
        loop_us = 1e6 * (time.thread_time() - begin - bare_s) / values
        run._loop.look()
        while thread._entries:
            time.sleep(0.05)
        spent = time.clock_gettime(clock) - before - rest * (time.monotonic() - began)
        value_us = 1e6 * spent / values
    sum_us = loop_us + value_us + 1e6 * rest * STEP_S
    return [
        Figure("loop, a step and a value", loop_us, "µs"),
        Figure("thread, a value", value_us, "µs"),
        Figure("thread, all the time", 1e3 * rest, "ms/s", note="samples of the hardware, files"),
        Figure("together, of a step of 10 ms", 1e-4 * sum_us / STEP_S, "%", at_most=1.0,
               note=f"{sum_us:.0f} µs of processor time"),
    ]  # fmt: skip


def figures(name: str, rounds: list[tuple[Round, Round]]) -> list[Figure]:
    """Of pairs (without, with)."""
    share = [100 * (b.wall_us / a.wall_us - 1) for a, b in rounds]
    cpu = [b.cpu_us - a.cpu_us for a, b in rounds]
    low, _, high = quantiles(share, n=4) if len(share) > 1 else (share[0],) * 3
    step_ms = median(a.wall_us for a, _ in rounds) / 1e3
    return [
        Figure(f"{name}: longer step", median(share), "%",
               note=f"of {step_ms:.2f} ms; half of {len(share)} pairs {low:.2f} to {high:.2f} %"),
        Figure(f"{name}: processor time", median(cpu), "µs/step", note="all threads"),
    ]  # fmt: skip


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench watch", description=__doc__)
    parser.add_argument("--steps", type=int, default=400, help="of a round")
    parser.add_argument("--rounds", type=int, default=10, help="0: the parts alone")
    parser.add_argument("--rest", type=float, default=20.0, help="seconds to look at the thread")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="gpulse-watch-") as name:
        places = (Path(name) / str(number) for number in itertools.count())
        found = parts(next(places), 50 * asked.steps, asked.rest)
        for kind, work in (("torch", torch_work()), ("python", python_work())):
            if not asked.rounds:
                break
            bare(work, asked.steps // 4 + 1)
            rounds = [
                (bare(work, asked.steps), watched(work, asked.steps, next(places)))
                for _ in range(asked.rounds)
            ]
            found += figures(kind, rounds)
        found.append(
            Figure("the profile, once", profile_s(next(places)), "s",
                   note="processor time; 6 short steps with stacks")
        )  # fmt: skip
    return report(f"Watching a loop of one's own ({os.cpu_count()} cores)", found, asked.json)
