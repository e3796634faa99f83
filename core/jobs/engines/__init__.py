"""The one small interface between the job store and whatever runs jobs.

The store is ours; an engine only starts, watches and stops attempts. What an engine needs to know
about an attempt it keeps under the attempt's key where every later supervisor finds it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Phase = Literal["absent", "alive", "ended", "refused", "vanished"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution of a job.

    Attributes:
        key: unique; submitting the same key twice runs it once.
        kind: names the program, from the engine's own table; never a command.
        run_dir: absolute run folder, which holds ``job.json``.
    """

    key: str
    kind: str
    run_dir: Path


@dataclass(frozen=True, slots=True)
class Seen:
    """What an engine sees of an attempt.

    Attributes:
        phase: "absent" never began (submit it again); "alive" has processes or is about to;
            "ended" left an exit code and no process; "refused" could not be begun;
            "vanished" began and is gone without an exit code.
        pid: of the job process, None before it exists.
        exit_code: of the job process, negative for a signal; only when ended.
        ended: seconds since the epoch; only when ended.
    """

    phase: Phase
    pid: int | None = None
    exit_code: int | None = None
    ended: float | None = None


class Engine(Protocol):
    """Starts, watches and stops attempts."""

    def argv(self, attempt: Attempt) -> list[str]:
        """The command line of the job process, for the record."""
        ...

    def submit(self, attempt: Attempt) -> None:
        """Begin an attempt; idempotent by key. Raises OSError where that cannot be done."""
        ...

    def poll(self, attempts: Sequence[Attempt]) -> dict[str, Seen]:
        """What has become of these attempts, by key; also drives what :meth:`cancel` began."""
        ...

    def cancel(self, key: str) -> None:
        """Begin to end the attempt's whole process tree; idempotent, returns at once."""
        ...

    def forget(self, key: str) -> None:
        """Drop what is kept about an attempt that is over."""
        ...

    def known(self) -> list[str]:
        """Keys of all attempts that something is kept about."""
        ...
