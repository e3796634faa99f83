"""What a run was: where it comes from, what it was asked for, what it ran on, how it ended."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from core import events, jobs
from core.errors import GpulseError
from core.health import Health
from core.jobs import Job
from core.report.learning import VERDICTS
from core.report.markup import (
    badge,
    cards,
    count,
    cut,
    duration,
    facts,
    folded,
    instant,
    ms,
    name,
    number,
    percent,
    tag,
    text,
)
from core.runs import Run, spelled
from core.settings import settings, shown_url

LOG_BYTES, LOG_LINES = 32 * 1024, 30
"""The end of a log that a job died with: bytes read, lines shown."""
MAX_PARAMS, MAX_PACKAGES, MAX_ALERTS = 120, 600, 12
"""What is shown of each; parameters beyond are counted."""

_BAD = ("failed", "lost", "timed-out")
_LOOK = {"succeeded": "good", "cancelled": "warning", **dict.fromkeys(_BAD, "critical")}


def job_of(run: Run) -> tuple[Job | None, bool]:
    """The job that made a run, and whether the store here knows it.

    Where it does not, the job is as the run's own ``job.json`` tells it; None for somebody else's
    run.
    """
    if run.job is None:
        return None, False
    if isinstance(run.job.get("id"), str):
        try:
            return dataclasses.replace(jobs.get(run.job["id"]), run_dir=run.path), True
        except GpulseError:
            pass  # made on another machine, or forgotten: its folder tells
    return jobs.from_record(run.job, run.path), False


def state(run: Run, job: Job | None, known: bool) -> str:
    """How it ended, or that it has not; for a run of somebody else's what is known of it."""
    if job is None:
        told = "No job of GPUlse: what is here comes from its files alone."
        return tag("p", text(told), "soft")
    if job.final:
        look = _LOOK.get(job.state, "")
        ran = f" after {duration(job.elapsed_s)}" if job.started is not None else ""
        code = "" if job.exit_code in (None, 0) else f", exit code {job.exit_code}"
        return tag("p", f"{badge(job.state, look)} {text(f'Ended{ran}{code}.')}")
    if not known:
        told = f"Its record says {job.state or 'nothing'}; nobody here knows whether it goes on."
        return tag("p", text(told), "verdict warning")
    return tag("p", text(f"Still {job.shown_state}{_how_far(job)}. {_LATER}"), "verdict warning")


_LATER = "This report is of what was there when it was made; make it again when the run is over."


def _how_far(job: Job) -> str:
    progress = jobs.progress(job)
    if progress is None:
        return f": {job.waiting}" if job.waiting else ""
    left = "" if progress.eta_now_s is None else f", about {duration(progress.eta_now_s)} left"
    phase = f" ({cut(progress.phase)})" if progress.phase else ""
    total = count(progress.total, cut(progress.unit))
    done = f", {progress.done} of {total} done" if progress.total > 0 else ""
    return f"{done}{phase}{left}"


def autopsy(job: Job | None) -> str:
    """What a job died of, with the end of its log; "" for one that did not."""
    reason = jobs.died_of(job) if job is not None else ""
    if job is None or not reason:
        return ""
    if job.state == "cancelled":
        return tag("article", tag("p", text(reason)), "warning")
    parts = [f"<h4>{badge(job.state, 'critical')} What it died of</h4>", tag("p", text(reason))]
    if job.error and job.error not in reason:
        parts.append(tag("p", text(job.error), "cost"))
    lines = [line for line in jobs.read_log(job, LOG_BYTES).splitlines() if line.strip()]
    if lines:
        shown = "\n".join(cut(line) for line in lines[-LOG_LINES:])
        parts += [tag("p", "The end of its log:"), tag("pre", text(shown), "log")]
    return tag("article", "".join(parts), "critical")


def what(run: Run, job: Job | None) -> str:
    """Workload, commit, machine and times; parameters; environment."""
    parts = [_origin(run, job)]
    params = job.params if job is not None else _hparams(run)
    parts += _table_of("Parameters", params, MAX_PARAMS)
    if run.job is not None:
        parts += _environment(run.job)
    if job is not None:
        parts += _alerts(job)
    return "".join(parts)


def _origin(run: Run, job: Job | None) -> str:
    record = run.job or {}
    shown = [("Folder", tag("code", text(_place(run))))]
    if job is None:
        return facts([*shown, *_times_of(run)])
    machine = _mapping(record.get("environment"))
    used = _word(record.get("device_used"))
    commit = tag("code", text(job.git_sha)) if job.git_sha else ""
    if commit and record.get("git_dirty"):
        commit += " with uncommitted changes"
    shown += [
        ("Workload", name(job.workload)),
        ("Kind", text(job.kind)),
        ("Commit", commit),
        ("Device", text(" ".join(filter(None, [used, _word(record.get("device_name"))])))),
        ("Asked for", text(job.device) if used and job.device != used else ""),
        ("GPUs given", text(job.gpu_ids)),
        ("Needs", text(_needs(record))),
        ("Host", text(_word(machine.get("host")))),
        ("Cores", text(_word(machine.get("cores")))),
        ("Queued", text(instant(job.created))),
        ("Started", text(instant(job.started))),
        ("Ended", text(instant(job.ended))),
        ("Engine", text(job.engine)),
        ("Attempt", text(job.attempt) if job.attempt > 1 else ""),
        ("Rerun of", name(job.parent or "") if job.parent else ""),
        ("Family", name(job.family) if job.family else ""),
        ("Note", text(job.note)),
    ]
    return facts(shown)


def _needs(record: Mapping[str, Any]) -> str:
    """What it asked for of a machine: ``cpus 1, gpus 1``; limits that are 0 are none."""
    asked = _mapping(record.get("needs")).items()
    return cut(", ".join(f"{key} {_word(value)}" for key, value in asked if value))


def _place(run: Run) -> str:
    """Its folder; of a remote one the URL instead of the mirror's place."""
    known = settings()
    for url in known.remotes:
        mirror = known.mirror(url)
        if mirror in (run.path, *run.path.parents):
            return f"{shown_url(url)}/{spelled(run.path.relative_to(mirror).as_posix())}"
    return spelled(run.path)


def _times_of(run: Run) -> list[tuple[str, str]]:
    """First and last value of somebody else's run."""
    if not run.event_files:
        return [("Changed", text(instant(run.modified)))]
    frame = events.contents(run.event_files, run.path).frame
    times = frame[["first_time", "last_time"]].to_numpy(np.float64)
    known = times[np.isfinite(times)]
    if not known.size:
        return []
    first, last = float(known.min()), float(known.max())
    return [("First value", text(instant(first))), ("Last value", text(instant(last)))]


def _hparams(run: Run) -> dict[str, object]:
    if not run.event_files:
        return {}
    found = events.load(run.event_files, {"hparams"}, run.path).hparams
    return dict(zip(found["name"].astype(str), found["value"], strict=True))


def _table_of(title: str, values: Mapping[str, object], most: int) -> list[str]:
    """A heading and the values by name; nothing where there are none."""
    rows = [(cut(key, 80), text(_word(value))) for key, value in list(values.items())[:most]]
    if not rows:
        return []
    more = len(values) - len(rows)
    rest = [tag("p", f"And {more:,} more.", "soft")] if more else []
    return [tag("h3", text(title)), facts(rows, "long"), *rest]


def _environment(record: Mapping[str, Any]) -> list[str]:
    """Versions and machine as the job wrote them down; packages and command line, folded."""
    machine = _mapping(record.get("environment"))
    versions = _mapping(record.get("versions"))
    told = {
        **{key: value for key, value in versions.items() if value},
        "system": machine.get("system"),
        "NVIDIA driver": machine.get("driver"),
    }
    parts = _table_of("Environment", {k: v for k, v in told.items() if v}, MAX_PARAMS)
    argv = record.get("argv")
    if isinstance(argv, list) and argv:
        parts.append(
            folded("Command line", tag("pre", text(cut(" ".join(map(_word, argv)), 4_000))))
        )
    packages = list(_mapping(machine.get("packages")).items())
    if packages:
        listed = ", ".join(
            cut(f"{key} {_word(value)}", 80) for key, value in packages[:MAX_PACKAGES]
        )
        title = count(len(packages), "installed package")
        parts.append(folded(title, tag("p", text(listed), "soft")))
    return parts


def _alerts(job: Job) -> list[str]:
    """How the verdict turned while it trained."""
    found = jobs.alerts(job)[-MAX_ALERTS:]
    if not found:
        return []
    lines = []
    for alert in found:
        turn = "stopped itself" if alert.stopped else cut(alert.verdict)
        when = f"epoch {alert.step:,}, {instant(alert.time)}"
        lines.append(tag("li", f"<strong>{text(turn)}</strong> at {text(when)}: "
                               f"{text(alert.reason)}"))  # fmt: skip
    return [tag("h3", "Alerts while it ran"), tag("ul", "".join(lines))]


def vitals(signs: Health, run: Run, job: Job | None, known: bool) -> str:
    """The figures that every page shows of a run, and for a job how long it ran."""
    unit = "epoch" if run.job is not None else "step"
    figures = []
    if signs.verdict:
        figures.append(("Verdict", VERDICTS[signs.verdict], ""))
    if signs.best_step is not None:
        at = f"{unit} {signs.best_step:,}: keep it"
        figures.append((f"Best validation {signs.quantity}", number(signs.best_value), at))
    if signs.gap is not None:
        gap = f"{'+' if signs.gap > 0 else ''}{number(signs.gap, 3)}"
        figures.append(("Train/val gap", gap, f"{unit} {signs.last_step:,}"))
    if signs.gpu_pct is not None:
        where = "in its profile" if signs.profiled else "mean of samples"
        figures.append(("GPU utilisation", percent(signs.gpu_pct, 0), where))
    elif signs.cpu_pct is not None:
        figures.append(("CPU utilisation", percent(signs.cpu_pct, 0), "no GPU"))
    if signs.step_ms is not None:
        wait = "" if signs.wait_pct is None else f"{percent(signs.wait_pct, 0)} data wait"
        figures.append(("Step time", ms(signs.step_ms), wait))
    if job is not None and job.started is not None and (job.final or known):
        until = "" if job.final else f"until {instant(time.time())}"
        figures.append(("Run time", duration(job.elapsed_s), until))
    return cards(figures) if figures else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _word(value: object) -> str:
    """A value of a record as text, cut; numbers as they are read, nothing for None."""
    if value is None:
        return ""
    return cut(f"{value:.6g}" if isinstance(value, float) else str(value))
