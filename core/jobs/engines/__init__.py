"""The one small interface between the job store and whatever runs jobs.

The store is ours; an engine only starts, watches and stops attempts. What an engine needs to know
about an attempt it keeps under the attempt's key where every later supervisor finds it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from core.jobs.model import Needs

Phase = Literal["absent", "waiting", "alive", "ended", "refused", "vanished"]
Why = Literal["", "cancelled", "timed-out", "out-of-memory"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution of a job.

    Attributes:
        key: unique; submitting the same key twice runs it once.
        kind: names the program, from the engine's own table; never a command.
        run_dir: absolute run folder, which holds ``job.json``.
        needs: what it takes of a machine.
        gpu_ids: devices it is given, as ``CUDA_VISIBLE_DEVICES`` writes them; "" leaves the choice
            to the engine.
        priority: for an engine that has a queue of its own.
        native: the engine's own name for it, "" where it is not known (any more).
    """

    key: str
    kind: str
    run_dir: Path
    needs: Needs = field(default_factory=Needs)
    gpu_ids: str = ""
    priority: int = 0
    native: str = ""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One device of a node.

    Attributes:
        id: as ``CUDA_VISIBLE_DEVICES`` names it.
        name: of the model, "" if unknown.
        foreign: whether processes that are no jobs of ours compute on it.
    """

    id: str
    name: str = ""
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """What one machine of an engine has.

    Attributes:
        gpus: all of them; None where the engine only tells their number.
        gpus_free: how many are not in use; None where that is for the supervisor to know.
        state: the engine's word, "" for a machine that is simply there.
    """

    name: str
    cpus: int
    gpu_count: int
    gpus: tuple[Gpu, ...] | None = None
    gpus_free: int | None = None
    state: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What an engine sees of an attempt.

    Attributes:
        phase: "absent" never began (submit it again); "waiting" is in the engine's own queue;
            "alive" has processes or is about to; "ended" left an exit code and no process;
            "refused" could not be begun; "vanished" began and is gone without an exit code.
        pid: of the job process, None before it exists.
        exit_code: of the job process, negative for a signal; only when ended.
        ended: seconds since the epoch; only when ended.
        why: what ended it, where it was not the job process itself.
        reason: the engine's own words on why it waits or could not be begun.
        gpu_ids: devices that the engine gave it.
    """

    phase: Phase
    pid: int | None = None
    exit_code: int | None = None
    ended: float | None = None
    why: Why = ""
    reason: str = ""
    gpu_ids: str = ""


class Engine(Protocol):
    """Starts, watches and stops attempts.

    Every call may raise :class:`core.errors.EngineDown`; what was last seen then still holds.
    """

    name: str
    """As ``GPULSE_ENGINE`` calls it."""
    queues: bool
    """Whether it has a queue of its own: then it is given every job at once."""

    def resources(self) -> list[Node]:
        """The machines it runs attempts on."""
        ...

    def argv(self, attempt: Attempt) -> list[str]:
        """The command line of the job process, for the record."""
        ...

    def submit(self, attempt: Attempt) -> str:
        """Begin an attempt; idempotent by key.

        Returns:
            The engine's own name for it.

        Raises:
            OSError, SubmitRejected: it cannot be begun.
            Unsatisfiable: it never could be.
        """
        ...

    def poll(self, attempts: Sequence[Attempt]) -> dict[str, Seen]:
        """What has become of these attempts, by key; also drives what :meth:`cancel` began."""
        ...

    def cancel(self, attempt: Attempt) -> None:
        """Begin to end the attempt's whole process tree; idempotent, returns at once."""
        ...

    def read_log(self, attempt: Attempt, offset: int = 0, limit: int = 65_536) -> tuple[bytes, int]:
        """(what its log holds from ``offset``, the offset to go on from)."""
        ...

    def forget(self, key: str) -> None:
        """Drop what is kept about an attempt that is over."""
        ...

    def known(self) -> list[str]:
        """Keys of all attempts that something is kept about."""
        ...
