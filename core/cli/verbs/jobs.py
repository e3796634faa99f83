"""``launch`` and ``jobs``: the queue."""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Sequence
from typing import Any

from core import jobs
from core.cli.output import say
from core.cli.parser import DONE, FAILED, Answer, Verbs
from core.errors import BadInput


def add(verbs: Verbs) -> None:
    """The words of these verbs."""
    launch = verbs.add_parser("launch", help="validate and queue a job")
    launch.add_argument("--kind", required=True, choices=("train", "profile", "tune"))
    launch.add_argument("--workload", required=True)
    launch.add_argument(
        "--set", action="extend", nargs="+", default=[], metavar="key=value", help="parameters"
    )
    launch.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    launch.add_argument("--parent", default=None, help="id of the job that this one reruns")
    for name in ("cpus", "gpus", "memory-mib", "time-limit-s", "processes", "nodes"):
        launch.add_argument(f"--{name}", metavar="N", help="what it takes of a machine")
    launch.add_argument("--priority", type=int, default=0, help="-100 to 100; the highest is next")
    launch.add_argument("--retries", type=int, default=0, help="begin again where it was lost")
    launch.add_argument("--note", default="", help="what you want to remember about it")
    launch.add_argument("--resume", action="store_true", help="from the parent's last checkpoint")
    launch.add_argument("--wait", action="store_true", help="until it is over")
    launch.set_defaults(run=_launch)

    queue = verbs.add_parser("jobs", help="the queue, or one job")
    queue.add_argument("id", nargs="?")
    queue.add_argument("--log", action="store_true", help="the end of its log")
    queue.add_argument("--stop", action="store_true", help="end it and all its processes")
    queue.add_argument("--profile", action="store_true", help="record its next steps")
    queue.set_defaults(run=_jobs)


def assignments(pairs: Sequence[str]) -> dict[str, str]:
    """``key=value`` words of ``--set`` as a dict."""
    params: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise BadInput(f"--set takes key=value, got {pair!r}.")
        params[name.strip()] = value.strip()
    return params


def job_record(job: jobs.Job) -> dict[str, Any]:
    """A job as the command line tells it."""
    progress = jobs.progress(job)
    return {
        "id": job.id,
        "kind": job.kind,
        "workload": job.workload,
        "state": job.shown_state,
        "device": job.device,
        "progress": 1.0 if job.state == "succeeded" else progress.fraction if progress else 0.0,
        "run_dir": job.run_dir,
        "exit_code": job.exit_code,
        "error": job.error,
        "reason": job.waiting or jobs.died_of(job),
        "attempt": job.attempt,
        "gpu_ids": job.gpu_ids,
        "priority": job.priority,
        "note": job.note,
        "params": job.params,
        "alerts": [dataclasses.asdict(alert) for alert in jobs.alerts(job)],
    }


class Ticker:
    """Reports to stderr a change of state at once, progress every other second."""

    def __init__(self) -> None:
        self._last, self._state, self._next = "", "", 0.0

    def __call__(self, job: jobs.Job) -> None:
        progress = jobs.progress(job)
        text = f"{job.id}: {job.state}"
        if progress is not None and not job.final:
            text += f", {progress.phase} ({progress.done} of {progress.total} {progress.unit}s)"
        due = time.monotonic() >= self._next or job.state != self._state
        if text != self._last and due:
            self._last, self._state, self._next = text, job.state, time.monotonic() + 2
            say(text)


def _launch(args: argparse.Namespace) -> Answer:
    names = ("cpus", "gpus", "memory_mib", "time_limit_s", "processes", "nodes")
    needs = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    more = {name: getattr(args, name) for name in ("priority", "retries", "note", "resume")}
    params = assignments(args.set)
    spec = jobs.make_spec(args.kind, args.workload, params, args.device, args.parent, needs, **more)
    job = jobs.launch(spec)
    say(f"{job.id}: queued, writes to {job.run_dir}")
    if args.wait:
        try:
            job = jobs.wait(job.id, on_tick=Ticker())
        except KeyboardInterrupt:
            say(f"{job.id} goes on. Stop it with: python -m core jobs {job.id} --stop")
            raise
        if job.error:
            say(f"error: {job.error}")
    failed = job.final and job.state != "succeeded"
    return job_record(job), FAILED if failed else DONE


def _jobs(args: argparse.Namespace) -> Answer:
    if args.id is None:
        if args.log or args.stop or args.profile:
            raise BadInput("--log, --stop and --profile need the id of a job. List them with: jobs")
        return [job_record(job) for job in jobs.list_jobs()], DONE
    job = jobs.stop(args.id) if args.stop else jobs.get(args.id)
    if args.profile:
        jobs.ask_profile(args.id)
    record = job_record(job)
    if args.log:
        record["log"] = jobs.read_log(job)
    return [record], DONE
