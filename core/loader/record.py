"""A tuning's trials for TensorBoard: a run each with its hyper-parameters, and curves of all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

from core.loader.judge import summarise
from core.loader.results import Recommendation, Trial, Trials
from core.training.record import EventLog


class TrialLog:
    """Event files of a tuning. A context manager: leaving it closes them.

    Each trial is a run of its own below ``trials/``, since TensorBoard's table of
    hyper-parameters has a line for each run.
    """

    KNOBS: ClassVar[tuple[str, ...]] = (
        "num_workers", "prefetch_factor", "pin_memory", "persistent_workers",
        "multiprocessing_context", "in_order", "threads",
    )  # fmt: skip

    def __init__(self, folder: Path) -> None:
        self.folder, self._log = folder, EventLog(folder)

    def __enter__(self) -> TrialLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._log.__exit__(kind, error, trace)

    def start(self, config: Mapping[str, Any]) -> None:
        """What the tuning was asked for."""
        self._log.start(config, {})

    def trial(self, trial: Trial, number: int, predicted: float) -> None:
        """One trial: a run with its knobs and results, and a point in the tuning's own curves."""
        speed, wait = trial.samples_per_s, trial.wait_share
        if speed is None or wait is None:
            self._log.text("Loader/failures", f"{trial.setting.label}: {trial.reason}", number)
            self._log.writer.flush()
            return
        values = {"Loader/samples_per_s": speed, "Loader/data_wait_percent": 100 * wait}
        name = re.sub(r"[^A-Za-z0-9]+", "_", trial.setting.label)
        with EventLog(self.folder / "trials" / f"{number:02d}_{name}") as own:
            knobs = {knob: getattr(trial.setting, knob) for knob in self.KNOBS}
            own.start({**knobs, "batch_size": trial.setting.batch_size}, values)
            for tag, value in values.items():
                own.scalar(tag, value, number)
        for tag, value in values.items():
            self._log.scalar(tag, value, number)
        self._log.scalar("Loader/predicted_samples_per_s", predicted, number)
        self._log.writer.flush()

    def summary(self, state: Trials, found: Recommendation) -> None:
        """Median throughput against num_workers as a curve, and the recommendation in words."""
        best: dict[int, float] = {}
        for result in summarise(state):
            if result.throughput is not None:
                workers = result.setting.num_workers
                best[workers] = max(best.get(workers, 0.0), result.throughput.value)
        for workers, speed in sorted(best.items()):
            self._log.scalar("Loader/median_samples_per_s", speed, workers)
        self._log.text("Loader/recommendation", found.text, 0)
