"""What pages and the command line do with jobs."""

from __future__ import annotations

import dataclasses
import math
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core import checkout, promises, workloads
from core.errors import BadInput, EngineDown, GpulseError
from core.jobs import logs
from core.jobs.alerts import Alert, read_alerts
from core.jobs.daemon import LOG_NAME, ensure_supervisor
from core.jobs.engines.choice import make_engine
from core.jobs.folders import read_json, runs_folder, state_folder, unwritable, write_json
from core.jobs.model import Job, Needs, Progress, describe
from core.jobs.schedule import check_satisfiable
from core.jobs.spec import JobSpec
from core.jobs.store import open_store
from core.settings import settings

WAIT_TICK_S = 0.2
ENSURE_EVERY_S = 1.0
PROFILE_REQUEST = "profile.request"
"""File in a run folder by which a running training is asked for a profile (core.training.ondemand)
"""
MAX_STARTS = 20
"""Supervisors that :func:`wait` starts without its job getting on before it gives up."""


def launch(spec: JobSpec) -> Job:
    """Queue a job and see to it that a supervisor runs.

    It joins the family of its parent. A promise is kept with it where its parameters still make the
    change that was promised about.

    Raises:
        BadInput: the workload is not allowed (any more), the job that it reruns is not there, or
            a folder cannot be written.
        Unsatisfiable: the engine can never give what it needs.
    """
    workloads.info(spec.workload)
    parent = get(spec.parent) if spec.parent is not None else None
    if parent is not None and not spec.family:
        spec = spec.model_copy(update={"family": parent.family})
    checkpoint = _checkpoint(spec, parent)
    spec = spec.model_copy(update={"needs": _settled(spec)})
    with open_store() as store:
        runs = runs_folder()
        try:
            job = _new_job(spec, _new_run_dir(spec, runs), checkpoint)
        except OSError as error:
            raise unwritable(runs, "runs", "GPULSE_RUNS_DIR", error.strerror) from None
        store.insert(job)
    ensure_supervisor()
    return job


def _settled(spec: JobSpec) -> Needs:
    """The needs with the GPUs that the device asks for, known to be satisfiable.

    Where the engine does not answer, the job is taken: it waits until the engine is back.
    """
    engine, needs = make_engine(state_folder()), spec.needs
    slots = settings().cpu_slots if engine.name == "local" else None
    try:
        nodes = engine.resources()
    except EngineDown:
        return dataclasses.replace(needs, gpus=max(needs.gpus, 0))
    if needs.gpus < 0:
        any_gpu = any(node.gpu_count for node in nodes)
        wanted = needs.processes if spec.device.startswith(("cuda", "auto")) and any_gpu else 0
        needs = dataclasses.replace(needs, gpus=wanted)
    check_satisfiable(needs, nodes, slots)
    return needs


def _checkpoint(spec: JobSpec, parent: Job | None) -> str:
    """The checkpoint that the job goes on from, "" for a fresh start.

    Raises:
        BadInput: it is to resume a job that has none, or one of another workload.
    """
    if not spec.resume:
        return ""
    if parent is None or spec.kind != "train":
        raise BadInput("Only a training that names its parent can resume. Name the parent.")
    path = parent.run_dir / "checkpoints" / "last.pt"
    if parent.workload != spec.workload or not path.exists():
        raise BadInput(
            f"{parent.id} has no checkpoint of {spec.workload} to go on from. Start without resume."
        )
    return str(path)


def _new_job(spec: JobSpec, run_dir: Path, checkpoint: str) -> Job:
    """A queued job with its first ``job.json``."""
    job = Job(
        id=run_dir.name,
        kind=spec.kind,
        workload=spec.workload,
        params=dict(spec.params),
        device=spec.device,
        parent=spec.parent,
        state="queued",
        run_dir=run_dir,
        created=time.time(),
        git_sha=checkout.sha(),
        needs=spec.needs,
        priority=spec.priority,
        retries=spec.retries,
        engine=settings().engine,
        note=spec.note,
        family=spec.family,
    )
    states = [{"state": job.state, "time": job.created}]
    more = {"argv": [], "states": states, "resume_from": checkpoint, "git_dirty": checkout.dirty()}
    if spec.promise is not None and spec.promise.made_in(spec.params):
        more |= {promises.KEY: spec.promise.to_json()}
    write_json(run_dir / "job.json", {**describe(job), **more})
    return job


def _new_run_dir(spec: JobSpec, runs: Path) -> Path:
    """A new folder below ``runs``; its name is the job's id."""
    short = re.sub(r"[^a-z0-9]+", "_", spec.workload.rpartition(":")[2].lower())[:24].strip("_")
    while True:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        folder = runs / f"{short or 'job'}-{spec.kind}-{stamp}-{secrets.token_hex(2)}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder


def get(job_id: str) -> Job:
    """The job with this id.

    Raises:
        NotFound: there is none.
    """
    with open_store() as store:
        return store.get(job_id)


def list_jobs(limit: int = 200) -> list[Job]:
    """Up to ``limit`` jobs, newest first."""
    with open_store() as store:
        return store.newest(limit)


def stop(job_id: str) -> Job:
    """Ask for the end of a job; returns at once. A job that is over stays as it is.

    A queued job is cancelled on the spot. Of one that runs, the whole process tree gets SIGTERM
    and, five seconds later, SIGKILL; it is "cancelled" when nothing of it is left.

    Raises:
        NotFound: there is no such job.
    """
    with open_store() as store:
        job = store.get(job_id)
        if not job.final:
            store.request_cancel(job_id)
            job = store.get(job_id)
    ensure_supervisor()
    return job


def ask_profile(job_id: str, steps: int = 8, with_stack: bool = False) -> str:
    """Ask a training that runs to record its next steps.

    Returns:
        The id of the request; the trace's file name holds it.

    Raises:
        NotFound: there is no such job.
        BadInput: it does not run, or is no training.
    """
    job = get(job_id)
    if job.state != "running" or job.kind != "train":
        raise BadInput(f"{job_id} is no training that runs now. Launch a profile instead.")
    name = time.strftime("%H%M%S") + "-" + secrets.token_hex(2)
    request = {"id": name, "steps": steps, "with_stack": with_stack}
    try:
        write_json(job.run_dir / PROFILE_REQUEST, request)
    except OSError as error:
        raise unwritable(job.run_dir, "run", "GPULSE_RUNS_DIR", error.strerror) from None
    return name


def set_note(job_id: str, note: str) -> None:
    """Keep what a user wrote about a job, at most 2,000 characters."""
    with open_store() as store:
        store.note(job_id, note=note[:2_000])


def record(job: Job) -> dict[str, Any]:
    """What ``job.json`` holds: versions, environment, command line, history; {} if unreadable."""
    return read_json(job.run_dir / "job.json") or {}


def wait(
    job_id: str,
    timeout_s: float | None = None,
    on_tick: Callable[[Job], None] | None = None,
) -> Job:
    """Wait until a job is over, replacing a supervisor that died.

    Args:
        job_id: the job.
        timeout_s: give up after so many seconds; the job as it is then is returned.
        on_tick: called with the job about five times a second.

    Raises:
        NotFound: there is no such job.
        GpulseError: no supervisor can be kept running.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    next_ensure, starts, last = 0.0, 0, ""
    while True:
        job = get(job_id)
        if on_tick is not None:
            on_tick(job)
        if job.final or (deadline is not None and time.monotonic() >= deadline):
            return job
        if job.state != last:
            starts, last = 0, job.state
        if time.monotonic() >= next_ensure:
            next_ensure = time.monotonic() + ENSURE_EVERY_S
            starts += ensure_supervisor()
            if starts > MAX_STARTS:
                log = state_folder() / LOG_NAME
                raise GpulseError(f"The job supervisor does not keep running. See {log}.")
        time.sleep(WAIT_TICK_S)


def progress(job: Job) -> Progress | None:
    """What the job process last reported; None before its first report."""
    content = read_json(job.run_dir / "progress.json")
    if content is None:
        return None
    try:
        eta = float("nan" if content.get("eta_s") is None else content["eta_s"])
        return Progress(
            done=int(content["done"]),
            total=int(content["total"]),
            unit=str(content.get("unit", "step")),
            phase=str(content.get("phase", "")),
            started=float(content["started"]),
            updated=float(content["updated"]),
            eta_s=eta if math.isfinite(eta) else None,
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def alerts(job: Job) -> list[Alert]:
    """Turns of the job's verdict and why it stopped itself, oldest first."""
    return read_alerts(job.run_dir)


def read_log(job: Job, tail_bytes: int = 20_000) -> str:
    """The end of the job's log, whole lines, without terminal colours; "" before it starts."""
    return logs.tail(job.run_dir / logs.LOG_NAME, tail_bytes)
