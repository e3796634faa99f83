"""What watching a loop of one's own costs: the same steps with and without it, in turns.

A step is a fixed amount of work that takes about 10 ms here: once arithmetic in torch, once a
plain Python loop, which never lets the watching thread have the interpreter and so is the worst
case. With every watched step a loss is logged from a tensor. Opening, closing and the profile are
left out of the steps; the profile's cost is told apart.
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


def profile_s(work: Work, folder: Path) -> float:
    """What the planned profile costs once: starting it, six slower steps, writing the trace."""
    steps = 60

    def loop(planned: bool) -> float:
        with watch(folder, profile=planned) as run:
            time.sleep(SETTLE_S)

            def go() -> None:
                for _ in run.steps(range(steps)):
                    work()

            return _seconds(go)

    loop(True)  # the first profile of a process prepares the profiler
    return loop(True) - loop(False)


def figures(name: str, rounds: list[tuple[Round, Round]], strict: bool) -> list[Figure]:
    """Of pairs (without, with)."""
    share = [100 * (b.wall_us / a.wall_us - 1) for a, b in rounds]
    cpu = [b.cpu_us - a.cpu_us for a, b in rounds]
    low, _, high = quantiles(share, n=4) if len(share) > 1 else (share[0],) * 3
    step_ms = median(a.wall_us for a, _ in rounds) / 1e3
    return [
        Figure(f"{name}: longer step", median(share), "%", at_most=1.0 if strict else None,
               note=f"of {step_ms:.2f} ms; half of {len(share)} pairs {low:.2f} to {high:.2f} %"),
        Figure(f"{name}: processor time", median(cpu), "µs/step", note="all threads"),
    ]  # fmt: skip


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench watch", description=__doc__)
    parser.add_argument("--steps", type=int, default=400, help="of a round")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="gpulse-watch-") as name:
        places = (Path(name) / str(number) for number in itertools.count())
        for kind, work in (("torch", torch_work()), ("python", python_work())):
            bare(work, asked.steps // 4 + 1)
            rounds = [
                (bare(work, asked.steps), watched(work, asked.steps, next(places)))
                for _ in range(asked.rounds)
            ]
            found += figures(kind, rounds, asked.steps * asked.rounds >= 1_000)
        found.append(
            Figure("the profile, once", profile_s(torch_work(), next(places)), "s",
                   note="6 steps with stacks")
        )  # fmt: skip
    return report(f"Watching a loop of one's own ({os.cpu_count()} cores)", found, asked.json)
