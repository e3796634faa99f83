"""Judging a training after each of its epochs: alerts, and the advice to stop."""

from __future__ import annotations

import math
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np

from core import dynamics
from core.dynamics.words import in_epochs
from core.training.alerts import AlertFile
from core.training.webhook import Webhook

EVERY_EPOCH = 500
"""So many epochs are each judged; later ones every n / 250: a verdict costs time in n."""

ALARMS = frozenset({"overfitting", "diverged", "not-learning"})
"""Turning to one of these is told even where it is the first verdict of a run."""

AT_ONCE = frozenset({"diverged"})
"""Turning to one of these is told without waiting: every further epoch is lost."""

SILENT = frozenset({"too-short", "no-validation", "noisy"})
"""Those that say "cannot tell" are no turn."""

CONFIRM = 2
"""Judgements in a row before any other turn is told. Overfitting that is told at its first sight
is followed by a validation loss lower by over 1 % in 4.4 % of the development histories, at its
second in 2.2 %, for 2 epochs of delay in the median."""


class Judge:
    """Keeps the losses of a training and judges them. A context manager: leaving it closes it.

    Args:
        folder: of the run; ``alerts.jsonl`` is written there.
        stop_early: whether the advice to stop is asked for.
        webhook_url: where alerts are posted too, "" for nowhere.
    """

    def __init__(self, folder: Path, stop_early: bool = False, webhook_url: str = "") -> None:
        self._run, self._stop_early = folder.name, stop_early
        self._steps: list[int] = []
        self._losses: list[tuple[float, float]] = []
        self._alerts = AlertFile(folder)
        self._webhook = Webhook(webhook_url)
        self._told = ""
        self._candidate, self._times = "", 0

    def __enter__(self) -> Judge:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the alerts that wait for the webhook go."""
        self._webhook.close()

    def note(self, epoch: int, train_loss: float, val_loss: float) -> None:
        """Take note of an epoch without judging it."""
        self._steps.append(epoch)
        self._losses.append((train_loss, val_loss))

    def epoch(self, epoch: int, train_loss: float, val_loss: float) -> None:
        """Take note of an epoch; a turn of the verdict is told."""
        self.note(epoch, train_loss, val_loss)
        if self._due():
            verdict = dynamics.diagnose(self._pair())
            self._turn(epoch, verdict.verdict, verdict.summary)

    def advice(self) -> str:
        """Why to stop after the last epoch; "" to go on, or where nobody asked for advice."""
        if not self._stop_early or not self._due():
            return ""
        advice = dynamics.stop_advice(self._pair())
        return _as_half(advice.reason) if advice.stop else ""

    def stopped(self, epoch: int, reason: str) -> None:
        """Tell that the job stops here by that advice."""
        self._tell(epoch, "stopped", self._told, reason)

    def _due(self) -> bool:
        count = len(self._steps)
        regular = count <= EVERY_EPOCH or count % (count // 250) == 0
        return regular or not all(map(math.isfinite, self._losses[-1]))

    def _pair(self) -> dynamics.LossPair:
        steps = np.array(self._steps, np.int64)
        train, val = np.array(self._losses, np.float64).T
        return dynamics.LossPair(
            run=self._run,
            train_tag="Loss/train",
            val_tag="Loss/val",
            train=dynamics.Curve(steps, train),
            val=dynamics.Curve(steps, val),
        )

    def _turn(self, epoch: int, verdict: str, reason: str) -> None:
        if verdict in SILENT or verdict == self._told:
            self._candidate, self._times = "", 0
            return
        self._times = self._times + 1 if verdict == self._candidate else 1
        self._candidate = verdict
        if verdict not in AT_ONCE and self._times < CONFIRM:
            return
        # The first verdict of a run that is doing well is no news.
        if self._told or verdict in ALARMS:
            self._tell(epoch, "verdict", verdict, reason)
        self._told, self._candidate, self._times = verdict, "", 0

    def _tell(
        self, epoch: int, kind: Literal["verdict", "stopped"], verdict: str, reason: str
    ) -> None:
        alert = self._alerts.add(epoch, kind, self._told, verdict, in_epochs(reason))
        said = alert.verdict if kind == "verdict" else "stopped"
        self._webhook.post(
            {"run": self._run, "verdict": said, "step": epoch, "reason": alert.reason}
        )


def _as_half(reason: str) -> str:
    """A sentence of the detector as the second half of one of ours: a step here is an epoch."""
    text = in_epochs(reason.rstrip("."))
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
