"""Kind ``tune``: probe, predict, measure what the search asks for, as long as the budget lasts."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from core.errors import BadInput, JobFailed
from core.loader import plan
from core.loader.judge import observations, recommend
from core.loader.predict import Model
from core.loader.processes import remove_scratch, run_probe, run_trial
from core.loader.record import TrialLog
from core.loader.results import CONTAMINATED, FILE_NAME, Trial, Trials
from core.loader.search import Choice, choose
from core.loader.setting import Setting
from core.loader.surroundings import drop_page_cache, machine_name
from core.training.device import choose_device, device_name
from core.training.files import write_json
from core.training.job import JobFile, read_job
from core.training.progress import ProgressFile
from core.training.session import prepare
from core.workloads import load
from core.workloads.base import Workload
from core.workloads.fields import core_count
from core.workloads.params import parse

_LOG = logging.getLogger(__name__)

REPEATS = 2
"""Contaminated trials repeated in one tuning; on a machine that is always busy it cannot help."""


@dataclass(slots=True)
class Run:
    """A tuning while it runs.

    Attributes:
        question: what every trial and the probe are asked.
        state: what ``trials.json`` holds.
        deadline: time.monotonic() at which the budget ends.
    """

    job: JobFile
    params: Any
    question: dict[str, Any]
    state: Trials
    progress: ProgressFile
    log: TrialLog
    deadline: float
    repeats: int = REPEATS

    @property
    def left_s(self) -> float:
        return self.deadline - time.monotonic()

    def write(self) -> None:
        write_json(self.job.folder / FILE_NAME, self.state.to_json())

    def note(self, text: str) -> None:
        self.state = replace(self.state, notes=(*self.state.notes, text))


def tune(folder: Path) -> Trials:
    """Find the best DataLoader settings of a job, writing ``trials.json`` after every trial.

    The budget counts from the probe on; a trial that would not fit into what is left, going by
    the longest so far, is not begun.

    Raises:
        BadInput: the spec cannot be met.
        JobFailed: the probe or every trial failed.
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
    like = _parameters_like(folder, params.like, workload)
    prepare(workload, parse(workload.Params, {**like, "seed": params.seed}), progress)
    with TrialLog(folder) as log:
        log.start({"workload": job.workload, "device": str(device), **params.model_dump()})
        run = _begin(job, params, device, like, progress, log)
        _search(run, device)
    remove_scratch(folder)
    if not any(trial.status == "ok" for trial in run.state.trials):
        raise JobFailed(recommend(run.state).text)
    return run.state


def _parameters_like(folder: Path, like: str, workload: Workload) -> dict[str, Any]:
    """Parameters of another job beside this one, as far as the workload has them."""
    if not like:
        return {}
    other = read_job(folder.parent / like)
    fields = workload.Params.model_fields
    loader = {*TrialLog.KNOBS, "batch_size", "seed"}
    return {k: v for k, v in other.params.items() if k in fields and k not in loader}


def _begin(
    job: JobFile, params: Any, device: torch.device, like: dict[str, Any],
    progress: ProgressFile, log: TrialLog,
) -> Run:  # fmt: skip
    question = {
        "workload": job.workload,
        "params": like,
        "device": str(device),
        "seed": params.seed,
        "measure_s": params.measure_s,
        "step_ms": params.step_ms,
        "page_cache": params.page_cache,
    }
    state = Trials(
        workload=job.workload,
        device=str(device),
        batch_size=params.batch_size,
        cores=core_count(),
        budget_s=params.budget_s,
        planned=params.max_trials,
        finished=False,
        baseline=plan.baseline(params),
        machine=machine_name(core_count()),
        params=like,
    )
    deadline = time.monotonic() + params.budget_s
    run = Run(job, params, question, state, progress, log, deadline)
    run.note(_page_cache_note(params.page_cache))
    return run


def _page_cache_note(wanted: str) -> str:
    if wanted == "cold" and drop_page_cache():
        return "Page cache: emptied before each trial, so files come from storage."
    warm = "Page cache: warm, files that fit into memory were read from there."
    return f"{warm} Emptying it is not allowed here." if wanted == "cold" else warm


def _search(run: Run, device: torch.device) -> None:
    """Probe, then trial after trial."""
    run.progress.stage("trial", run.params.max_trials, "timing the parts of the pipeline")
    run.write()
    batches = plan.batch_sizes(run.params)
    threads = sorted({run.state.cores, 1, *plan.thread_counts(run.params, run.state.cores)} - {0})
    asked = {"batch_sizes": batches, "threads": threads,
             "multiprocessing_context": plan.context_of(run.params)}  # fmt: skip
    costs = run_probe(run.job.folder, {**run.question, **asked}, run.params.trial_limit_s)
    model = Model(costs)
    considered, note = plan.space(run.params, costs, device.type == "cuda")
    run.state = replace(run.state, costs=costs, dataset=costs.dataset)
    if note:
        run.note(note)
    candidates = considered.settings()
    while True:
        predicted = model.predict(candidates, observations(run.state.trials))
        run.state = replace(run.state, predicted=tuple(predicted))
        run.write()
        choice = choose(
            model, candidates, run.state.baseline, run.state.trials, run.params.max_trials
        )
        if choice.setting is None or not _measured(run, model, choice, choice.setting):
            break
    _finish(run, choice, model)


def _measured(run: Run, model: Model, choice: Choice, setting: Setting) -> bool:
    """Make a trial, and once more if others disturbed it; False when the budget is over."""
    (guess,) = model.predict([setting], observations(run.state.trials))
    number = 1 + len({t.round for t in run.state.trials if t.setting == setting})
    trial = _trial(run, choice, setting, number)
    if trial is None:
        return False
    _keep(run, trial, guess.samples_per_s)
    if trial.contaminated and run.repeats > 0:
        run.repeats -= 1
        why = Choice(setting, "again: other programs were using the cores")
        again = _trial(run, why, setting, number)
        if again is not None:
            _keep(run, again, guess.samples_per_s)
    return True


def _trial(run: Run, choice: Choice, setting: Setting, number: int) -> Trial | None:
    """One trial, or None where the budget does not reach that far."""
    done = len(run.state.trials)
    needed = max((t.wall_s for t in run.state.trials), default=1.0)
    limit_s = min(run.params.trial_limit_s, run.left_s)
    # The first two are what any answer rests on: they are made if there is any time at all.
    if run.left_s < (needed if done > 1 else 1.0):
        return None
    run.progress.update(done, f"{setting.label}: {choice.why}", force=True)
    trial = run_trial(run.job.folder, run.question, setting, number, limit_s)
    # A trial cut off by the budget says nothing about its setting.
    cut_off = trial.status == "timeout" and limit_s < run.params.trial_limit_s
    return None if cut_off else trial


def _keep(run: Run, trial: Trial, guess: float) -> None:
    run.state = replace(
        run.state,
        trials=(*run.state.trials, trial),
        first_guess=(*run.state.first_guess, guess),
        planned=max(run.state.planned, len(run.state.trials) + 1),
    )
    run.write()
    run.log.trial(trial, len(run.state.trials), guess)
    speed = f"{trial.samples_per_s:.0f} samples/s" if trial.samples_per_s else trial.reason
    _LOG.info("%s: %s (predicted %.0f samples/s)", trial.setting.label, speed, guess)


def _finish(run: Run, choice: Choice, model: Model) -> None:
    trials = run.state.trials
    stopped = choice.why
    if choice.setting is not None:
        stopped = f"The {run.params.budget_s:.0f} s ended after {len(trials)} trials."
    foreign = [t.foreign_cpu for t in trials if t.contaminated and t.foreign_cpu is not None]
    if foreign:
        run.note(
            f"Other programs used up to {100 * max(foreign):.0f} % of the cores in {len(foreign)} "
            f"of {len(trials)} trials (more than {100 * CONTAMINATED:.0f} % counts): measure "
            "again on a quieter machine for narrower intervals."
        )
    run.state = replace(run.state, finished=True, stopped=stopped)
    run.write()
    found = recommend(run.state, model)
    run.log.summary(run.state, found)
    _LOG.info("%s %s", stopped, found.text)
    run.progress.total = len(trials)
    run.progress.update(len(trials), found.text, force=True)
