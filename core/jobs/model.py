"""What a job is to its readers: a snapshot of the store, and the progress its process reports."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["train", "profile", "tune"]

STATES = (
    "queued",
    "starting",
    "running",
    "succeeded",
    "failed",
    "cancelled",
    "timed-out",
    "lost",
)
"""Every state a job can be in, in the order it can pass through them."""

ACTIVE = frozenset({"starting", "running"})
"""States in which the job's processes may exist."""

UNFINISHED = ACTIVE | {"queued"}
"""States that need a supervisor."""

FINAL = frozenset({"succeeded", "failed", "cancelled", "timed-out", "lost"})
"""States that a job never leaves."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What an attempt takes of a machine, or of each of its nodes.

    Attributes:
        cpus: cores that the job keeps for itself.
        gpus: devices a node; 0 for none; -1, in a request only, lets the job's device decide.
        memory_mib: the job is ended beyond this; 0 sets no limit.
        time_limit_s: the attempt is ended after this many seconds; 0 sets no limit.
        processes: training processes a node (torchrun's ``nproc_per_node``).
        nodes: machines.
        share_gpu: whether its GPUs may be given to other such jobs too.
    """

    cpus: int = 1
    gpus: int = 0
    memory_mib: int = 0
    time_limit_s: float = 0.0
    processes: int = 1
    nodes: int = 1
    share_gpu: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One job as the store knew it at the moment of reading.

    Attributes:
        id: also the name of its run folder.
        kind: "train", "profile" or "tune".
        workload: name in the catalogue of workloads.
        params: full parameters, defaults included.
        device: what was asked for ("auto", "cpu", "cuda", "cuda:N", "mps").
        parent: id of the job that this one reruns, else None.
        state: one of :data:`STATES`.
        run_dir: absolute run folder.
        created, started, ended: seconds since the epoch (UTC); None where not reached.
        exit_code: of the job process, negative for a signal; None where there is none.
        error: one line on why it failed or was lost, else "".
        pid: of the job process, None before it exists.
        cancel_at: when stop was asked for; its processes may still be ending.
        git_sha: commit of the folder it was launched from, where that is a git checkout.
        needs: what it takes of a machine.
        priority: of the queued jobs the one with the highest is next, then the oldest.
        retries: how often an attempt that was lost may be begun again.
        attempt: number of the present attempt, from 1.
        engine: who runs it ("local", "slurm", "ray").
        native: the engine's own name for the attempt, "" before there is one.
        gpu_ids: devices it was given, as ``CUDA_VISIBLE_DEVICES`` writes them; "" for none.
        waiting: one line on why it is still queued, else "".
        note: what its user wrote about it.
        family: id of the sweep it belongs to, "" for none.
    """

    id: str
    kind: str
    workload: str
    params: dict[str, object] = field(hash=False)
    device: str
    parent: str | None
    state: str
    run_dir: Path
    created: float
    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    error: str = ""
    pid: int | None = None
    cancel_at: float | None = None
    git_sha: str | None = None
    needs: Needs = field(default_factory=Needs)
    priority: int = 0
    retries: int = 0
    attempt: int = 1
    engine: str = "local"
    native: str = ""
    gpu_ids: str = ""
    waiting: str = ""
    note: str = ""
    family: str = ""

    @property
    def key(self) -> str:
        """Of the present attempt; an engine runs each key once, however often it is told to."""
        return self.id if self.attempt == 1 else f"{self.id}.{self.attempt}"

    @property
    def final(self) -> bool:
        """Whether the job has ended, one way or another."""
        return self.state in FINAL

    @property
    def shown_state(self) -> str:
        """The state as its user sees it: what an engine's own queue holds has not started."""
        return "queued" if self.state == "starting" and self.waiting else self.state

    @property
    def cancel_requested(self) -> bool:
        """Whether stop was asked for while it had processes."""
        return self.cancel_at is not None

    @property
    def elapsed_s(self) -> float:
        """Seconds from its start to its end or to now; 0 before it started."""
        if self.started is None:
            return 0.0
        return max(0.0, (time.time() if self.ended is None else self.ended) - self.started)


def describe(job: Job) -> dict[str, object]:
    """What ``job.json`` says of a job, but for its states and command line."""
    return {
        "id": job.id,
        "kind": job.kind,
        "workload": job.workload,
        "params": job.params,
        "device": job.device,
        "parent": job.parent,
        "created": job.created,
        "started": job.started,
        "ended": job.ended,
        "exit_code": job.exit_code,
        "error": job.error,
        "git_sha": job.git_sha,
        "needs": dataclasses.asdict(job.needs),
        "priority": job.priority,
        "attempt": job.attempt,
        "engine": job.engine,
        "native": job.native,
        "gpu_ids": job.gpu_ids,
        "note": job.note,
        "family": job.family,
    }


@dataclass(frozen=True, slots=True)
class Progress:
    """What the job process last wrote to ``progress.json``.

    Attributes:
        done, total: counted in ``unit`` ("epoch", "step", "trial", "image").
        phase: short text, "" where the process gave none.
        started, updated: seconds since the epoch.
        eta_s: seconds left as of ``updated``; None where the process cannot tell yet.
    """

    done: int
    total: int
    unit: str
    phase: str
    started: float
    updated: float
    eta_s: float | None

    @property
    def fraction(self) -> float:
        """Share that is done, 0 to 1."""
        return min(1.0, max(0.0, self.done / self.total)) if self.total > 0 else 0.0

    @property
    def eta_now_s(self) -> float | None:
        """Seconds left as of now: the last estimate less the time since it was made."""
        if self.eta_s is None:
            return None
        return max(0.0, self.eta_s - (time.time() - self.updated))
