"""The DataLoader tuner: how well it predicts, how near the best it ends, in how many trials.

``--measure GRID.json`` measures a grid (about half an hour on two quiet cores; it may be
interrupted and goes on where it was), ``--from GRID.json`` replays the tuner and its peers on it,
or on several of one machine as one: what is best in a single grid is partly the luck of its
trials. ``--gain FILE.json`` tunes ``photos`` again and again and holds the gains promised against
new trials.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median

import numpy as np

from core.loader import read_trials, recommend
from core.loader.processes import run_trial
from core.loader.setting import Setting
from tests.bench.grid import BATCHES, LIMIT_S, Grid, measure, regimes_of
from tests.bench.measure import ROOT, Figure, report
from tests.bench.replay import STRATEGIES, Outcome, errors, outcomes, repeats

PAIRS = 3
"""Trials of the baseline and of the recommendation that a promised gain is held against."""


def _error_figures(grid: Grid, regimes: Sequence[str]) -> list[Figure]:
    figures = []
    for name, of, goals in (
        ("probe alone", lambda r: errors(grid, r, BATCHES, False), (None, None)),
        ("two anchors", lambda r: errors(grid, r, BATCHES, True), (7.0, 20.0)),
        ("one trial of the cell", lambda r: repeats(grid, r, BATCHES), (None, None)),
    ):
        each = {r: of(r) for r in regimes}
        every = 100 * np.array([e for values in each.values() for e in values])
        note = ", ".join(f"{r} {100 * median(v):.1f}" for r, v in each.items() if v)
        figures += [
            Figure(f"error, {name}, median", float(np.median(every)), "%", at_most=goals[0],
                   note=note),
            Figure(f"error, {name}, 90th percentile", float(np.percentile(every, 90)), "%",
                   at_most=goals[1]),
        ]  # fmt: skip
    return figures


def _search_figures(grid: Grid, regimes: Sequence[str]) -> list[Figure]:
    figures = []
    for name, strategy in STRATEGIES.items():
        found: dict[str, list[Outcome]] = {}
        for regime in regimes:
            found[regime] = [o for b in BATCHES for o in outcomes(grid, regime, b, strategy)]
        found = {regime: each for regime, each in found.items() if each}
        if not found:
            continue
        regret = {r: 100 * fmean(o.regret for o in each) for r, each in found.items()}
        trials = [o.trials for each in found.values() for o in each]
        ours = name == "ours"
        note = ", ".join(f"{r} {value:.1f}" for r, value in regret.items())
        figures.append(Figure(f"{name}: from the best, mean", fmean(regret.values()), "%",
                              at_most=2.5 if ours else None, note=note))  # fmt: skip
        figures.append(Figure(f"{name}: trials, mean", fmean(trials), "",
                              note=f"at most {max(trials)}"))  # fmt: skip
        if ours:
            figures += [
                Figure("ours: from the best, worst regime", max(regret.values()), "%", at_most=5.0),
                Figure("ours: trials, most", max(trials), "", at_most=6),
            ]
    return figures


def replay(paths: Sequence[Path], regimes: Sequence[str], json_file: Path | None) -> int:
    """Print how the tuner and its peers do on a measured grid, or on several as one."""
    grid = Grid.pooled(paths)
    known = [r for r in regimes if grid.probes.get(r) and grid.trials.get(r)]
    if not known:
        print(f"{paths[0]} holds no probe with trials yet; measure more", file=sys.stderr)
        return 2
    count = sum(len(grid.trials[r]) for r in known)
    foreign = [t.foreign_cpu or 0.0 for r in known for t in grid.trials[r]]
    title = (
        f"{count} trials on {grid.machine}; other programs used {100 * median(foreign):.0f} % of "
        "the cores (median)"
    )
    return report(title, _error_figures(grid, known) + _search_figures(grid, known), json_file)


def gain(path: Path, repeats: int, budget_s: float, json_file: Path | None) -> int:
    """Tune ``photos`` from its defaults and measure the promised gain anew, so many times."""
    rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    with tempfile.TemporaryDirectory(prefix="gpulse-gain-") as name:
        while len(rows) < repeats:
            rows.append(_one_gain(Path(name) / f"tune{len(rows)}", budget_s, len(rows)))
            path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
            print(rows[-1], file=sys.stderr, flush=True)
    held = sum(row["low"] <= row["measured"] <= row["high"] for row in rows)
    figures = [
        Figure("repeats whose interval holds the gain", held, f"of {len(rows)}",
               at_least=round(0.9 * len(rows))),
        Figure("gain promised, median", median(row["value"] for row in rows), "×"),
        Figure("gain measured, median", median(row["measured"] for row in rows), "×"),
        Figure("width of the interval, median",
               100 * median(row["high"] / row["low"] - 1 for row in rows), "%"),
    ]  # fmt: skip
    return report("photos, defaults against the recommendation", figures, json_file)


def _one_gain(folder: Path, budget_s: float, seed: int) -> dict[str, object]:
    folder.mkdir(parents=True)
    params = {"budget_s": budget_s, "batch_size": 64, "seed": seed}
    job = {"id": folder.name, "kind": "tune", "workload": "photos", "params": params,
           "device": "cpu"}  # fmt: skip
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "core.loader", str(folder)], cwd=ROOT, check=True)
    trials = read_trials(folder)
    found = recommend(trials)
    if found.best is None or found.speedup is None:
        raise RuntimeError(found.text)
    speeds: dict[Setting, list[float]] = {found.baseline: [], found.best: []}
    question = {"workload": "photos", "device": "cpu", "seed": seed, "measure_s": 2.0}
    for number in range(PAIRS):
        for setting, values in speeds.items():
            trial = run_trial(folder, question, setting, number, LIMIT_S)
            values.append(trial.samples_per_s or 0.0)
    measured = median(speeds[found.best]) / median(speeds[found.baseline])
    return {
        "best": found.best.label, "value": found.speedup.value, "low": found.speedup.low,
        "high": found.speedup.high, "measured": measured, "trials": len(trials.trials),
        "seconds": sum(t.wall_s for t in trials.trials),
    }  # fmt: skip


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench loader", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--measure", type=Path, metavar="GRID")
    what.add_argument("--from", dest="sources", type=Path, nargs="+", metavar="GRID")
    what.add_argument("--gain", type=Path, metavar="FILE")
    parser.add_argument("--regimes", nargs="+", help="some of the regimes only")
    parser.add_argument("--rounds", type=int, default=2, help="times each cell is measured")
    parser.add_argument("--measure-s", type=float, default=1.5, help="seconds measured in a trial")
    parser.add_argument("--seconds", type=float, help="stop measuring after this long")
    parser.add_argument("--repeats", type=int, default=10, help="of --gain")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of a tuning (--gain)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    asked = parser.parse_args(words)
    regimes = regimes_of(asked.regimes)
    if asked.gain:
        return gain(asked.gain, asked.repeats, asked.budget, asked.json)
    if asked.sources:
        return replay(asked.sources, regimes, asked.json)
    measure(asked.measure, regimes, asked.rounds, asked.measure_s, asked.seconds)
    return 0
