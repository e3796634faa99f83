"""Earlier tunings, kept in their run folders, and which of them compare. Torch-free."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.errors import GpulseError
from core.loader.judge import recommend
from core.loader.results import Recommendation, Trials, read_trials


@dataclass(frozen=True, slots=True)
class Tuning:
    """A finished tuning: the name of its run folder, what it measured, what follows."""

    id: str
    trials: Trials
    found: Recommendation

    @property
    def best_per_s(self) -> float | None:
        """Samples/s of the recommended setting, the median of its trials."""
        speeds = [
            t.samples_per_s
            for t in self.trials.trials
            if t.setting == self.found.best and t.samples_per_s
        ]
        return sorted(speeds)[len(speeds) // 2] if speeds else None


def tunings(folders: Iterable[Path]) -> list[Tuning]:
    """The finished tunings among run folders, in the order given; others are passed over."""
    found = []
    for folder in folders:
        try:
            trials = read_trials(folder)
        except GpulseError:
            continue
        if trials.finished:
            found.append(Tuning(folder.name, trials, recommend(trials)))
    return found


def comparable(one: Trials, other: Trials) -> bool:
    """Whether both measured the same data with the same step on the same machine."""

    def of(trials: Trials) -> tuple[object, ...]:
        return (trials.workload, trials.dataset, trials.machine, trials.device, trials.params,
                trials.batch_size)  # fmt: skip

    return of(one) == of(other)
