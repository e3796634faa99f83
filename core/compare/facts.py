"""What is known of one run: what it learned, how fast it went, with what and on what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core import dynamics, events
from core.compare import pace
from core.compare.speed import step_times_ms
from core.dynamics import Verdict
from core.errors import GpulseError
from core.health import CPU_TAG, GPU_TAG
from core.promises import Promised, promise_in
from core.runs import Run
from core.traces import Diagnosis, open_diagnosis

Value = float | str
Open = Callable[[Path], Diagnosis]

PROFILE = "profile"
"""What a time goes by where it is that of a trace; else a tag."""
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Use:
    """How busy a run kept its machine; None where it is not known.

    Attributes:
        device_pct: share of time in which the device ran anything.
        profiled: whether that is of the profiled window; else the mean of samples.
        cpu_pct: mean of all cores, of whatever ran on the machine.
    """

    device_pct: float | None = None
    profiled: bool = False
    cpu_pct: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """One run, read and judged.

    Attributes:
        run: which.
        verdict: on its losses, None without any.
        params: of its ``job.json``, else the hyper-parameters of its event files.
        logged: what it logged of its speed, by tag.
        diagnosis: of its newest trace, None without one.
        machine: what it ran on, in words, by the name of the thing.
        use: how busy that was.
        promise: what it was launched for.
        problem: why its trace could not be read, "" where it could.
    """

    run: Run
    verdict: Verdict | None
    params: dict[str, Value]
    logged: pace.Samples
    diagnosis: Diagnosis | None
    machine: dict[str, str]
    use: Use
    promise: Promised | None
    problem: str = ""

    @property
    def id(self) -> str:
        """Id of the job that made it, "" for anybody else's run."""
        return str((self.run.job or {}).get("id") or "")

    @property
    def step_times(self) -> tuple[str, NDArray[np.float64]] | None:
        """What its step times go by, and the times (ms): of its profile, else as logged."""
        if self.diagnosis is not None and self.diagnosis.steps:
            return PROFILE, step_times_ms(self.diagnosis)
        return pace.step_times(self.logged)


def gather(run: Run, opened: Open = open_diagnosis) -> Facts:
    """Read a run and judge it. A trace that cannot be read hides nothing else.

    Args:
        run: which.
        opened: gives the diagnosis of a trace.

    Raises:
        Unreadable: every event file is none.
    """
    scalars = scalars_of(run)
    diagnosis, problem = _diagnosed(run, opened)
    # A profile job logs one epoch, of its start-up and under the profiler: its trace says more.
    told = diagnosis is not None and run.kind == "profile"
    return Facts(
        run=run,
        verdict=verdict_of(scalars),
        params=parameters(run),
        logged={} if told else pace.samples(scalars),
        diagnosis=diagnosis,
        machine=machine_of(run.job, diagnosis),
        use=_use(scalars, diagnosis),
        promise=promise_in(run.job),
        problem=problem,
    )


def _diagnosed(run: Run, opened: Open) -> tuple[Diagnosis | None, str]:
    """The diagnosis of the newest trace, or what stands against reading it."""
    if not run.trace_files:
        return None, ""
    try:
        return opened(newest_trace(run)), ""
    except GpulseError as error:
        return None, str(error)


def newest_trace(run: Run) -> Path:
    """The trace of a run to look at where none is named (it has one)."""
    return max(run.trace_files, key=lambda file: (file.stat().st_mtime, file.name))


def scalars_of(run: Run) -> pd.DataFrame:
    """Scalars of a run; no rows where it has no event file.

    Raises:
        Unreadable: an event file is none.
    """
    if not run.event_files:
        return pd.DataFrame({"run": [], "tag": [], "step": [], "wall_time": [], "value": []})
    return events.latest(events.load(run.event_files, {"scalars"}, run.path).scalars)


def verdict_of(scalars: pd.DataFrame) -> Verdict | None:
    """The verdict on the first pair of losses; None without losses."""
    pairs = dynamics.pair_losses(scalars) if len(scalars) else []
    return dynamics.diagnose(pairs[0]) if pairs else None


def parameters(run: Run) -> dict[str, Value]:
    """Parameters of its ``job.json``, else the hyper-parameters of its event files."""
    params = (run.job or {}).get("params")
    if isinstance(params, dict):
        return {str(key): _plain(value) for key, value in params.items()}
    if not run.event_files:
        return {}
    table = events.load(run.event_files, {"hparams"}, run.path).hparams
    return {
        str(name): _plain(value) for name, value in zip(table["name"], table["value"], strict=True)
    }


def _plain(value: object) -> Value:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    return str(value)


Difference = tuple[str, str, str]
"""Name of the thing, in A, in B; "–" where it is missing."""


def differing(a: Mapping[str, Value], b: Mapping[str, Value]) -> tuple[Difference, ...]:
    """What differs between two sets of values, by name."""
    names = sorted({*a, *b}, key=str)
    return tuple(
        (name, _shown(a.get(name)), _shown(b.get(name)))
        for name in names
        if a.get(name) != b.get(name)
    )


def _shown(value: Value | None) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:.6g}"


def machine_of(job: Mapping[str, Any] | None, diagnosis: Diagnosis | None) -> dict[str, str]:
    """What a run ran on by its ``job.json``, else the device of its trace."""
    record = job or {}
    environment, versions = _part(record, "environment"), _part(record, "versions")
    commit = str(record.get("git_sha") or "")[:10]
    found = {
        "device": record.get("device_name") or record.get("device_used"),
        "host": environment.get("host"),
        "cores": environment.get("cores"),
        "system": environment.get("system"),
        "driver": environment.get("driver"),
        "torch": versions.get("torch"),
        "CUDA": versions.get("cuda"),
        "Python": versions.get("python"),
        "commit": f"{commit}, changed" if commit and record.get("git_dirty") else commit,
    }
    if not found["device"] and diagnosis is not None:
        found["device"] = diagnosis.device.partition(" ")[2] or diagnosis.device
    return {name: str(value)[:_LONGEST] for name, value in found.items() if value}


def _part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = record.get(name)
    return part if isinstance(part, Mapping) else {}


def _use(scalars: pd.DataFrame, diagnosis: Diagnosis | None) -> Use:
    profiled = None if diagnosis is None else diagnosis.device_busy_pct
    device = _mean(scalars, GPU_TAG) if profiled is None else profiled
    return Use(device, profiled is not None, _mean(scalars, CPU_TAG))


def _mean(scalars: pd.DataFrame, tag: str) -> float | None:
    values = scalars.loc[scalars["tag"] == tag, "value"].to_numpy(np.float64)
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else None
