"""Strategies replayed on a measured grid: each trial draws one of the cell's recorded rounds.

The truth of a cell is the geometric mean over its rounds and, since prefetch factors differ by
less than trials of one setting do, over the prefetch factors; numbers of workers that differ by
no more than their trials make likely count as nearly the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from core.loader import Costs, Model, Setting, Trial
from core.loader.judge import observations
from core.loader.predict import Prediction
from core.loader.search import choose, leader_of
from tests.bench.grid import WORKERS, Grid, cells

MOST_TRIALS = 6
DRAWS = 20
"""Replays of a strategy on each regime and batch size, and drawings of the anchors."""

Speeds = dict[Setting, list[Trial]]


def recorded(grid: Grid, regime: str, batch: int) -> Speeds:
    """Setting -> its trials that gave a result."""
    found: Speeds = {}
    for trial in grid.trials.get(regime, []):
        if trial.setting.batch_size == batch and trial.samples_per_s:
            found.setdefault(trial.setting, []).append(trial)
    return found


def truth(speeds: Speeds) -> dict[Setting, float]:
    """Setting -> samples/s, see the module."""
    pooled: dict[int, list[float]] = {}
    for setting, trials in speeds.items():
        logs = [float(np.log(t.samples_per_s or 1.0)) for t in trials]
        pooled.setdefault(setting.num_workers, []).extend(logs)
    known = {workers: fmean(logs) for workers, logs in pooled.items()}
    several = {w: logs for w, logs in pooled.items() if w and len(logs) > 1}
    if len(several) > 2:
        known |= _shrunk(several)
    return {s: float(np.exp(known[s.num_workers])) for s in speeds}


def _shrunk(pooled: dict[int, list[float]]) -> dict[int, float]:
    """Means drawn towards their own mean by the part of their variance that is noise.

    Empirical Bayes (James and Stein 1961): the largest of noisy means is the luckiest, not the
    best.
    """
    means = np.array([fmean(logs) for logs in pooled.values()])
    noise = fmean(float(np.var(logs, ddof=1)) / len(logs) for logs in pooled.values())
    total = float(means.var(ddof=1))
    kept = max(0.0, 1 - noise / total) if total > 0 else 0.0
    drawn = means.mean() + kept * (means - means.mean())
    return dict(zip(pooled, drawn.tolist(), strict=True))


def predicted(model: Model, speeds: Speeds, wanted: Sequence[Setting], rng: random.Random,
              anchors: Sequence[Setting]) -> list[Prediction]:  # fmt: skip
    """Predictions for cells, corrected by one drawn trial of each anchor."""
    drawn = [rng.choice(speeds[anchor]) for anchor in anchors if anchor in speeds]
    return model.predict(wanted, observations(drawn))


def errors(grid: Grid, regime: str, batches: Sequence[int], anchored: bool) -> list[float]:
    """Absolute relative errors of predicted throughput over all cells but the anchors.

    The anchors are drawn anew :data:`DRAWS` times: trials of one cell differ.
    """
    rng, found = random.Random(0), []
    largest = max(batches)
    by_batch = {batch: recorded(grid, regime, batch) for batch in batches}
    every: Speeds = {s: t for speeds in by_batch.values() for s, t in speeds.items()}
    for costs in grid.probes.get(regime, []):
        anchors = [Setting.of(0, largest), Setting.of(costs.cores, largest, 2)] if anchored else []
        true = {s: v for speeds in by_batch.values() for s, v in truth(speeds).items()}
        wanted, model = [s for s in true if s not in anchors], Model(costs)
        for _ in range(DRAWS if anchored else 1):
            guesses = predicted(model, every, wanted, rng, anchors)
            found += [abs(p.samples_per_s / true[p.setting] - 1) for p in guesses]
    return found


def repeats(grid: Grid, regime: str, batches: Sequence[int]) -> list[float]:
    """Absolute relative errors of single trials of the cells themselves: what noise alone makes."""
    found = []
    for speeds in (recorded(grid, regime, batch) for batch in batches):
        true = truth(speeds)
        found += [
            abs((trial.samples_per_s or 0.0) / true[setting] - 1)
            for setting, trials in speeds.items()
            for trial in trials
        ]
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """Trials a strategy made, and how far (0…1) its pick is from the true best."""

    trials: int
    regret: float


Strategy = Callable[[Speeds, Costs, random.Random], tuple[int, Setting]]


def _best(measured: dict[Setting, float]) -> Setting:
    return max(measured, key=lambda s: measured[s])


def _draw(speeds: Speeds, setting: Setting, rng: random.Random) -> float:
    return rng.choice(speeds[setting]).samples_per_s or 0.0


def guided(speeds: Speeds, costs: Costs, rng: random.Random) -> tuple[int, Setting]:
    """Ours: the search itself, on recorded trials."""
    model, trials = Model(costs), []
    candidates = sorted(speeds)
    baseline = candidates[0]
    while (found := choose(model, candidates, baseline, trials, MOST_TRIALS)).setting is not None:
        number = 1 + sum(t.setting == found.setting for t in trials)
        drawn = rng.choice(speeds[found.setting])
        trials.append(replace(drawn, round=number, foreign_cpu=0.0))
    return len(trials), leader_of(model, observations(trials))


def full_grid(speeds: Speeds, _costs: Costs, rng: random.Random) -> tuple[int, Setting]:
    """Every cell once."""
    measured = {s: _draw(speeds, s, rng) for s in speeds}
    return len(measured), _best(measured)


def climbing(speeds: Speeds, _costs: Costs, rng: random.Random) -> tuple[int, Setting]:
    """More workers while that helps, then deeper prefetching while that helps, as DPT does."""
    batch = next(iter(speeds)).batch_size
    measured: dict[Setting, float] = {}

    def climb(path: list[Setting]) -> None:
        for setting in path:
            if setting not in speeds:
                continue
            before = max(measured.values(), default=0.0)
            measured[setting] = measured.get(setting) or _draw(speeds, setting, rng)
            if measured[setting] < before:
                return

    climb([Setting.of(workers, batch, 2) for workers in WORKERS])
    best = _best(measured)
    if best.num_workers:
        climb([Setting.of(best.num_workers, batch, p) for p in (2, 4, 1)])
    return len(measured), _best(measured)


def all_cores(speeds: Speeds, costs: Costs, _rng: random.Random) -> tuple[int, Setting]:
    """The rule: as many workers as cores."""
    return 1, Setting.of(costs.cores, next(iter(speeds)).batch_size, 2)


def chance(speeds: Speeds, _costs: Costs, rng: random.Random) -> tuple[int, Setting]:
    """Random cells, as many as ours may measure."""
    measured = {s: _draw(speeds, s, rng) for s in rng.sample(sorted(speeds), MOST_TRIALS)}
    return len(measured), _best(measured)


STRATEGIES: dict[str, Strategy] = {
    "ours": guided,
    "full grid": full_grid,
    "hill climbing": climbing,
    "workers = cores": all_cores,
    "random": chance,
}


def outcomes(grid: Grid, regime: str, batch: int, strategy: Strategy) -> list[Outcome]:
    """Replays of a strategy on one regime and batch size, over probes and draws."""
    speeds = recorded(grid, regime, batch)
    if set(speeds) != set(cells(batch)):
        return []
    true, rng, found = truth(speeds), random.Random(1), []
    top = max(true.values())
    for costs in grid.probes.get(regime, []):
        for _ in range(DRAWS):
            trials, pick = strategy(speeds, costs, rng)
            found.append(Outcome(trials, 1 - true[pick] / top))
    return found
