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
from core.loader.costs import Costs
from core.loader.predict import Prediction
from core.loader.setting import Setting

FILE_NAME = "trials.json"

CONTAMINATED = 0.10
"""Share of the cores that other programs used from which a trial is repeated where it can be."""

Status = Literal["ok", "failed", "timeout"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting measured once, in a process of its own.

    Attributes:
        round: from 1; how often this setting was tried.
        reason: one sentence on what went wrong and what to change, or on what had no effect; ""
            if there is nothing to say.
        samples_per_s: over the measured steps, waiting for data included; None without a result.
        wait_share: part of the step that the training loop waited for data, 0…1.
        step_ms: mean step with its wait.
        startup_s: from making the DataLoader's iterator to its first batch.
        warmup_s: of the steps before the measured ones, the first batch included.
        steps: measured ones.
        foreign_cpu: part of all cores that other programs used meanwhile, 0…1.
        disk_mib_s: read from storage meanwhile, by the trial and its workers; None where the
            system does not tell. Next to nothing means that the page cache had the files.
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
    disk_mib_s: float | None = None
    wall_s: float = 0.0
    block_steps: int = 1
    block_s: tuple[float, ...] = ()

    @property
    def contaminated(self) -> bool:
        """Whether other programs used so much CPU time that it may be too low."""
        return self.foreign_cpu is not None and self.foreign_cpu > CONTAMINATED


@dataclass(frozen=True, slots=True)
class Trials:
    """A tuning so far.

    Attributes:
        machine: the processor's name and its cores, to tell tunings of other machines apart.
        dataset: samples and the class of the dataset.
        baseline: the setting in use now, which the gain is over.
        planned: trials that it will make at most.
        finished: whether it has ended, by plan or by budget.
        notes: sentences about the machine and what was left out.
        predicted: every setting considered, as the model sees it after the last trial.
        first_guess: predicted samples/s of each trial's setting just before it was measured.
        costs: what the probe found; None where it failed.
        params: of the workload, where they are not its defaults.
        stopped: why the search ended, in one sentence; "" while it runs.
    """

    workload: str
    device: str
    batch_size: int
    cores: int
    budget_s: float
    planned: int
    finished: bool
    baseline: Setting
    machine: str = ""
    dataset: str = ""
    notes: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()
    predicted: tuple[Prediction, ...] = ()
    first_guess: tuple[float | None, ...] = ()
    costs: Costs | None = None
    params: dict[str, Any] = dataclasses.field(default_factory=dict)
    stopped: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values; :func:`from_json` reads them."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval."""

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
        baseline: what it is compared with: the setting in use now.
        speedup: throughput of ``best`` over that of ``baseline``; None without both.
        certain: whether the interval of the speed-up leaves 1 on one side.
        text: the same in one or two sentences.
    """

    best: Setting | None
    baseline: Setting
    speedup: Interval | None
    certain: bool
    text: str


def trial_from_json(row: dict[str, Any]) -> Trial:
    """A trial from its plain values."""
    return Trial(**{**row, "setting": Setting(**row["setting"]), "block_s": tuple(row["block_s"])})


def from_json(content: dict[str, Any]) -> Trials:
    """Inverse of :meth:`Trials.to_json`.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    costs = content["costs"]
    predicted = [{**row, "setting": Setting(**row["setting"])} for row in content["predicted"]]
    read = {
        "baseline": Setting(**content["baseline"]),
        "notes": tuple(content["notes"]),
        "trials": tuple(trial_from_json(row) for row in content["trials"]),
        "predicted": tuple(Prediction(**row) for row in predicted),
        "first_guess": tuple(content["first_guess"]),
        "costs": None if costs is None else Costs.from_json(costs),
    }
    return Trials(**{**content, **read})


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
