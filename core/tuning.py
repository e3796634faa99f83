"""A tuning from beginning to end without a browser: queue it, wait for it, read what it found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from core import jobs, loader
from core.loader import Interval, Recommendation, Trials


def run(
    workload: str,
    params: Mapping[str, Any],
    device: str,
    on_tick: Callable[[jobs.Job], None] | None = None,
) -> tuple[jobs.Job, dict[str, Any] | None]:
    """Tune a workload and wait; interrupting it stops the job.

    Returns:
        The job as it ended, and the answer (see :func:`answer`); None where it failed.

    Raises:
        BadInput, NotFound, NotAllowed: the spec cannot be met.
    """
    job = jobs.launch(jobs.make_spec("tune", workload, params, device=device))
    try:
        job = jobs.wait(job.id, on_tick=on_tick)
    except KeyboardInterrupt:
        jobs.stop(job.id)
        raise
    if job.state != "succeeded":
        return job, None
    trials = loader.read_trials(job.run_dir)
    return job, {"id": job.id, **answer(trials, loader.recommend(trials))}


def answer(trials: Trials, found: Recommendation) -> dict[str, Any]:
    """What was found, as plain values.

    Returns:
        best, baseline (settings, with the measured samples/s and its interval), speedup
        (value, low, high), certain, text, call, trials, predicted, errors and notes.
    """
    measured = {r.setting: r.throughput for r in loader.summarise(trials)}

    def described(setting: loader.Setting | None) -> dict[str, Any] | None:
        if setting is None:
            return None
        return {**setting.to_json(), "samples_per_s": _interval(measured.get(setting))}

    return {
        "workload": trials.workload,
        "device": trials.device,
        "best": described(found.best),
        "baseline": described(found.baseline),
        "speedup": _interval(found.speedup),
        "certain": found.certain,
        "text": found.text,
        "call": found.best.call if found.best else None,
        "trials": [_trial(trial) for trial in trials.trials],
        "predicted": [dataclasses.asdict(prediction) for prediction in trials.predicted],
        "prediction_errors": [error for _, error in loader.prediction_errors(trials)],
        "stopped": trials.stopped,
        "notes": list(trials.notes),
    }


def _interval(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else dataclasses.asdict(interval)


def _trial(trial: loader.Trial) -> dict[str, Any]:
    row = dataclasses.asdict(trial)
    # The times of single blocks are for the bootstrap; the run folder keeps them.
    del row["block_s"], row["block_steps"]
    return row
