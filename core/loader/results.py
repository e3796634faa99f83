"""What a tuning measured. Torch-free.

``trials.json`` is written after every trial, so that a page shows a tuning while it runs.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import NotFound, Unreadable

FILE_NAME = "trials.json"

Status = Literal["ok", "failed", "timeout"]


@dataclass(frozen=True, slots=True, order=True)
class Setting:
    """DataLoader arguments under test. The order is the order of preference among equals."""

    num_workers: int
    pin_memory: bool
    prefetch_factor: int = 2

    @property
    def label(self) -> str:
        """For charts and logs, for example ``2 workers, pinned``."""
        noun = "worker" if self.num_workers == 1 else "workers"
        return f"{self.num_workers} {noun}{', pinned' if self.pin_memory else ''}"

    @property
    def params(self) -> dict[str, int | bool]:
        """Parameters for a relaunch with this setting."""
        given: dict[str, int | bool] = {
            "num_workers": self.num_workers,
            "pin_memory": self.pin_memory,
        }
        if self.num_workers:
            given |= {"prefetch_factor": self.prefetch_factor, "persistent_workers": True}
        return given


BASELINE = Setting(0, False)
"""What DataLoader does when it is told nothing."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting measured once, in a process of its own.

    Attributes:
        round: from 1; each round measures every setting once.
        reason: one sentence on what went wrong, "" if nothing did.
        samples_per_s: over the measured steps, waiting for data included; None without a result.
        wait_share: part of the step that the training loop waited for data, 0…1.
        step_ms: mean step with its wait.
        startup_s: from making the DataLoader's iterator to its first batch.
        warmup_s: of the steps before the measured ones, the first batch included.
        steps: measured ones.
        foreign_cpu: part of all cores that other programs used meanwhile, 0…1.
        wall_s: of the whole trial, imports included.
        block_steps: steps in each block of ``block_s``, a multiple of ``num_workers``.
        block_s: durations of consecutive blocks of steps: batch times depend on their
            neighbours, blocks of one batch a worker hardly do.
    """

    setting: Setting
    round: int
    status: Status
    reason: str = ""
    samples_per_s: float | None = None
    wait_share: float | None = None
    step_ms: float | None = None
    startup_s: float | None = None
    warmup_s: float | None = None
    steps: int = 0
    foreign_cpu: float | None = None
    wall_s: float = 0.0
    block_steps: int = 1
    block_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Trials:
    """A tuning so far.

    Attributes:
        planned: trials that it will make if the budget lasts.
        finished: whether it has ended, by plan or by budget.
        notes: sentences about the machine and what was left out.
    """

    workload: str
    device: str
    batch_size: int
    cores: int
    budget_s: float
    planned: int
    finished: bool
    notes: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values; :func:`from_json` reads them."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SettingResult:
    """All rounds of one setting together.

    Attributes:
        throughput: samples/s, None where every trial failed.
        draws: bootstrap replicates of the throughput.
        reason: why the last failed trial failed, "" where none did.
    """

    setting: Setting
    rounds: int
    throughput: Interval | None
    wait_share: float | None
    startup_s: float | None
    reason: str = ""
    draws: NDArray[np.float64] = dataclasses.field(
        default_factory=lambda: np.empty(0), repr=False, compare=False
    )


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to use.

    Attributes:
        best: the recommended setting; None while nothing could be measured.
        baseline: what it is compared with: :data:`BASELINE`.
        speedup: throughput of ``best`` over that of ``baseline``; None without both.
        certain: whether the interval of the speed-up leaves 1 on one side.
        text: the same in one or two sentences.
    """

    best: Setting | None
    baseline: Setting
    speedup: Interval | None
    certain: bool
    text: str


def from_json(content: dict[str, Any]) -> Trials:
    """Inverse of :meth:`Trials.to_json`.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    trials = tuple(
        Trial(**{**row, "setting": Setting(**row["setting"]), "block_s": tuple(row["block_s"])})
        for row in content["trials"]
    )
    return Trials(**{**content, "notes": tuple(content["notes"]), "trials": trials})


def read_trials(run_dir: Path) -> Trials:
    """The tuning in a run folder, finished or not.

    Raises:
        NotFound: the folder holds none (yet).
        Unreadable: its file is damaged.
    """
    path = run_dir / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise NotFound(
            f"{run_dir.name} holds no DataLoader trials. Start a tuning on the loader page."
        ) from None
    try:
        return from_json(json.loads(text))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unreadable(f"{path} does not hold DataLoader trials. Tune again.") from None
