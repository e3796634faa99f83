"""The measured grid of the loader bench: which cells, measuring them, the file they are kept in."""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from core.loader import Costs, Setting, Trial
from core.loader.processes import run_probe, run_trial
from core.loader.results import trial_from_json
from core.loader.surroundings import machine_name
from core.workloads.fields import core_count
from tests.bench.regimes import ALLOWED, REGIMES

WORKERS = (0, 1, 2, 3, 4, 8)
PREFETCH = (1, 2, 4)
BATCHES = (16, 64)
PROBES = 2
LIMIT_S = 60.0


def cells(batch_size: int) -> list[Setting]:
    """The settings of one batch size."""
    return sorted({Setting.of(w, batch_size, p) for w in WORKERS for p in PREFETCH})


@dataclass
class Grid:
    """What was measured: probes and trials of each regime, and on which machine."""

    machine: str
    measure_s: float
    probes: dict[str, list[Costs]] = field(default_factory=dict)
    trials: dict[str, list[Trial]] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Replace the file in one step: an interrupted measurement goes on from it."""
        content = {
            "machine": self.machine,
            "measure_s": self.measure_s,
            "probes": {n: [c.to_json() for c in costs] for n, costs in self.probes.items()},
            "trials": {n: [asdict(t) for t in trials] for n, trials in self.trials.items()},
        }
        scratch = path.with_suffix(".part")
        scratch.write_text(json.dumps(content), encoding="utf-8")
        scratch.replace(path)

    @classmethod
    def read(cls, path: Path) -> Grid:
        """Inverse of :meth:`save`."""
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            content["machine"],
            content["measure_s"],
            {n: [Costs.from_json(c) for c in rows] for n, rows in content["probes"].items()},
            {n: [trial_from_json(t) for t in rows] for n, rows in content["trials"].items()},
        )

    @classmethod
    def pooled(cls, paths: Sequence[Path]) -> Grid:
        """Grids of one machine, measured at different times, as one."""
        first, *others = (cls.read(path) for path in paths)
        for grid in others:
            for name, probes in grid.probes.items():
                first.probes.setdefault(name, []).extend(probes)
            for name, trials in grid.trials.items():
                first.trials.setdefault(name, []).extend(trials)
        return first


def _question(regime: str, measure_s: float) -> dict[str, Any]:
    return {
        "workload": f"tests.bench.regimes:{regime}",
        "device": "cpu",
        "seed": 0,
        "measure_s": measure_s,
    }


def measure(
    path: Path, regimes: list[str], rounds: int, measure_s: float, seconds: float | None
) -> Grid:
    """Measure what the file does not hold yet, saving after every trial.

    Args:
        seconds: stop after so long; calling again goes on. None: until it is done.
    """
    os.environ["GPULSE_WORKLOADS"] = ALLOWED
    here = str(Path(__file__).parents[2])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    grid = Grid.read(path) if path.is_file() else Grid(machine_name(core_count()), measure_s)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gpulse-grid-") as name:
        for text, work in _tasks(grid, Path(name), regimes, rounds):
            if seconds is not None and time.monotonic() - begin > seconds:
                print("time is up; call it again to go on", file=sys.stderr)
                break
            work()
            grid.save(path)
            print(f"{time.monotonic() - begin:6.0f} s  {text}", file=sys.stderr, flush=True)
    return grid


def _tasks(grid: Grid, folder: Path, regimes: list[str], rounds: int) -> list[tuple[str, Any]]:
    """(what, function that does it) for all that is missing: rounds that mix all regimes."""
    tasks: list[tuple[str, Any]] = []
    for number in range(1, max(rounds, PROBES) + 1):
        part: list[tuple[str, Any]] = []
        for regime in regimes:
            part += [
                _trial_task(grid, folder, regime, setting, number)
                for batch in BATCHES
                for setting in cells(batch)
                if number <= rounds and not _has(grid, regime, setting, number)
            ]
        # Every round in an order of its own, the same at each call.
        random.Random(number).shuffle(part)
        probes = [
            _probe_task(grid, folder, regime)
            for regime in regimes
            if number <= PROBES and len(grid.probes.get(regime, [])) < number
        ]
        tasks += probes + part
    return tasks


def _has(grid: Grid, regime: str, setting: Setting, number: int) -> bool:
    return any(t.setting == setting and t.round == number for t in grid.trials.get(regime, []))


def _probe_task(grid: Grid, folder: Path, regime: str) -> tuple[str, Any]:
    def work() -> None:
        asked = {"batch_sizes": BATCHES, "threads": sorted({1, core_count()})}
        costs = run_probe(folder, {**_question(regime, grid.measure_s), **asked}, LIMIT_S)
        # A thousand samples tell the distribution; the file stays small.
        costs = replace(costs, get_s=costs.get_s[:1_000])
        grid.probes.setdefault(regime, []).append(costs)

    return f"{regime}: probe", work


def _trial_task(
    grid: Grid, folder: Path, regime: str, setting: Setting, number: int
) -> tuple[str, Any]:
    def work() -> None:
        question = _question(regime, grid.measure_s)
        trial = run_trial(folder, question, setting, number, LIMIT_S)
        grid.trials.setdefault(regime, []).append(trial)

    return f"{regime}: round {number}, batch {setting.batch_size}, {setting.label}", work


def regimes_of(names: list[str] | None) -> list[str]:
    """The regimes asked for, all of them without a wish."""
    unknown = sorted(set(names or []) - set(REGIMES))
    if unknown:
        raise SystemExit(f"unknown regimes {unknown}; choose from {', '.join(REGIMES)}")
    return list(names or REGIMES)
