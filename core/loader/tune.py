"""Kind ``tune``: the trials of a job, one after the other, as long as the budget lasts."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch

from core.errors import BadInput, JobFailed
from core.loader.judge import recommend, summarise
from core.loader.plan import grid, interleaved, pin_choices
from core.loader.processes import SCRATCH, run_trial
from core.loader.results import FILE_NAME, Setting, Trial, Trials
from core.training.device import choose_device, device_name
from core.training.files import write_json
from core.training.job import JobFile, read_job
from core.training.progress import ProgressFile
from core.training.record import EventLog
from core.training.session import prepare
from core.workloads import load
from core.workloads.params import core_count, parse

Order = list[tuple[int, Setting]]

_LOG = logging.getLogger(__name__)

FOREIGN_LIMIT = 0.1
"""Share of the cores used by other programs from which a note says so."""


def tune(folder: Path) -> Trials:
    """Measure the DataLoader settings of a job, writing ``trials.json`` after every trial.

    The budget counts from the first trial; a trial that would not fit into what is left, going
    by the longest so far, is not begun. The first round is never cut short by that guess.

    Raises:
        BadInput: the spec cannot be met.
        JobFailed: not one trial succeeded.
    """
    job = read_job(folder)
    if job.kind != "tune":
        raise BadInput(f"Kind {job.kind!r} is not for core.loader. Use kind tune.")
    workload = load(job.workload)
    params = parse(workload.Params, job.params, "tune")
    device = choose_device(job.device)
    job.note_start(str(device), device_name(device))
    progress = ProgressFile(folder)
    progress.stage("trial", 0, "preparing data")
    given = {"seed": params.seed, "batch_size": params.batch_size}
    prepare(workload, parse(workload.Params, given), progress)
    state, order = _plan(job, params, device)
    with EventLog(folder) as log:
        config = {"workload": job.workload, "device": str(device), **params.model_dump(mode="json")}
        log.start(config, {})
        state = _measure(job, params, order, state, progress, log)
    _remove_scratch(folder)
    if not any(trial.status == "ok" for trial in state.trials):
        raise JobFailed(recommend(state).text)
    return state


def _plan(job: JobFile, params: Any, device: torch.device) -> tuple[Trials, Order]:
    pins, note = pin_choices(params.pin_memory, device.type == "cuda")
    settings = grid(params.max_workers, pins, params.prefetch_factor)
    order = list(interleaved(settings, params.rounds, params.seed))
    state = Trials(
        workload=job.workload,
        device=str(device),
        batch_size=params.batch_size,
        cores=core_count(),
        budget_s=params.budget_s,
        planned=len(order),
        finished=False,
        notes=(note,) if note else (),
    )
    return state, order


def _measure(
    job: JobFile, params: Any, order: Order, state: Trials, progress: ProgressFile, log: EventLog
) -> Trials:
    question = {
        "workload": job.workload,
        "device": state.device,
        "batch_size": params.batch_size,
        "seed": params.seed,
        "measure_s": params.measure_s,
    }
    progress.stage("trial", len(order), "measuring")
    _write(job.folder, state)
    deadline = time.monotonic() + params.budget_s
    for done, (number, setting) in enumerate(order):
        left = deadline - time.monotonic()
        limit_s = min(params.trial_limit_s, left)
        trial = None
        if left >= _needed(state.trials, number):
            progress.update(done, f"round {number}: {setting.label}", force=True)
            trial = run_trial(job.folder, question, setting, number, limit_s)
        # A trial cut off by the budget says nothing about its setting.
        if trial is None or (trial.status == "timeout" and limit_s < params.trial_limit_s):
            note = f"The {params.budget_s:.0f} s ended after {done} of {len(order)} trials."
            state = replace(state, notes=(*state.notes, note))
            break
        state = replace(state, trials=(*state.trials, trial))
        _write(job.folder, state)
        _log_trial(log, trial, done + 1)
        speed = f"{trial.samples_per_s:.0f} samples/s" if trial.samples_per_s else trial.reason
        _LOG.info("round %d, %s: %s", number, setting.label, speed)
    return _finish(job, state, progress, log)


def _finish(job: JobFile, state: Trials, progress: ProgressFile, log: EventLog) -> Trials:
    foreign = [trial.foreign_cpu for trial in state.trials if trial.foreign_cpu is not None]
    if foreign and median(foreign) > FOREIGN_LIMIT:
        note = (
            f"Other programs used {100 * median(foreign):.0f} % of the cores meanwhile: "
            "measure again on a quieter machine for narrower intervals."
        )
        state = replace(state, notes=(*state.notes, note))
    state = replace(state, finished=True)
    _write(job.folder, state)
    _log_summary(log, state)
    _LOG.info(recommend(state).text)
    progress.total = len(state.trials)
    progress.update(progress.total, recommend(state).text, force=True)
    return state


def _needed(trials: tuple[Trial, ...], number: int) -> float:
    """Seconds that the next trial probably takes; next to none in the first round."""
    if number == 1 or not trials:
        return 1.0
    return max(trial.wall_s for trial in trials)


def _write(folder: Path, state: Trials) -> None:
    write_json(folder / FILE_NAME, state.to_json())


def _remove_scratch(folder: Path) -> None:
    scratch = folder / SCRATCH
    if scratch.is_dir() and not any(scratch.iterdir()):
        scratch.rmdir()


def _log_trial(log: EventLog, trial: Trial, number: int) -> None:
    """Scalars with the round as their step, one tag a setting."""
    if trial.samples_per_s is None or trial.wait_share is None:
        log.text("Loader/failures", f"{trial.setting.label}: {trial.reason}", number)
    else:
        name = f"workers_{trial.setting.num_workers}"
        name += "_pinned" if trial.setting.pin_memory else ""
        log.scalar(f"Loader/samples_per_s/{name}", trial.samples_per_s, trial.round)
        log.scalar(f"Loader/data_wait_percent/{name}", 100 * trial.wait_share, trial.round)
    log.writer.flush()


def _log_summary(log: EventLog, state: Trials) -> None:
    """Median throughput against num_workers as a curve, and the recommendation in words."""
    for result in summarise(state):
        if result.throughput is not None and not result.setting.pin_memory:
            log.scalar(
                "Loader/median_samples_per_s", result.throughput.value, result.setting.num_workers
            )
    log.text("Loader/recommendation", recommend(state).text, 0)
