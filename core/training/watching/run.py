"""``watch``: log a training loop that is no job to a run folder that all pages understand."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from core.training.environment import DEFAULTS
from core.training.watching.desk import Desk
from core.training.watching.harmless import harmless
from core.training.watching.loop import TRAIN, Loop
from core.training.watching.names import PER_STEP, tag_of
from core.training.watching.profiles import Plan
from core.training.watching.steps import Steps

T = TypeVar("T")


def watch(
    folder: str | Path,
    *,
    config: Mapping[str, Any] | None = None,
    profile: bool = True,
    profile_after: int = 20,
    profile_steps: int = 6,
    with_stack: bool = True,
) -> WatchedRun:
    """Begin to watch a training loop::

        with watch("runs/mine") as run:
            for epoch in range(epochs):
                for x, y in run.steps(loader):
                    ...
                run.epoch(train_loss=..., val_loss=...)

    Nothing that goes wrong in here ends the training: it is one line on stderr that begins with
    ``watch:``, and the loop goes on. Several ranks may all call this: rank 0 logs, each rank
    records its own profile.

    Args:
        folder: of the run; where it is there and not empty, ``-2``, ``-3``, … is appended.
        config: hyper-parameters by name (``vars(args)``).
        profile: whether a few steps are recorded with torch.profiler, once. A script that uses
            the profiler itself sets this to False; ``profile.request`` works all the same.
        profile_after: training steps before them (3 more pass as warm-up).
        profile_steps: how many.
        with_stack: with Python stacks: findings name lines, these steps are slower.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", DEFAULTS["KINETO_LOG_LEVEL"])
    plan = Plan(profile_after, profile_steps if profile else 0, with_stack)
    # Absolute: scripts change their folder.
    return WatchedRun(Path(folder).expanduser().absolute(), config, plan)


class WatchedRun:
    """A run that is being watched. A context manager; without ``with`` it ends with the program.

    Tensors that its methods are given stay on their device and are read together about twice a
    second, on CUDA without waiting for it.
    """

    def __init__(self, wanted: Path, config: Mapping[str, Any] | None, plan: Plan) -> None:
        self._desk = Desk(wanted, config, plan)
        self._loop = Loop(self._desk)
        self._epochs = self._calls = 0
        # A child that was forked has this run too; it is not its own.
        self._owner, self._closed = os.getpid(), False
        atexit.register(self._at_exit)

    @property
    def folder(self) -> Path | None:
        """The folder that is written to; None where nothing is."""
        return self._desk.folder

    def __enter__(self) -> WatchedRun:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(error)

    def steps(self, loader: Iterable[T], split: str = TRAIN) -> Steps[T]:
        """The batches of a loader, or of anything else to iterate over, timed.

        Each is a training step, from asking for it until the next is asked for; its wait is the
        time until it was there. The device is not waited for: on a GPU the times are right as
        means over many steps, as logged. Another split (``val``) is timed apart, is no training
        step, and is taken out of the step in whose body it runs.
        """
        return Steps(loader, split, self._loop)

    def log(
        self, values: Mapping[str, Any] | None = None, /, *, step: int | None = None, **more: Any
    ) -> None:
        """Log values of this step, as ``Loss/train_step``; :meth:`epoch` logs their means.

        Args:
            values, more: numbers or tensors of one element, by name (``loss``, ``val_loss``,
                ``lr``, …) or tag.
            step: other than the number of training steps so far.
        """
        if self._desk.log is None:
            return
        with harmless(self._desk.give_up):
            self._calls += 1
            at = step if step is not None else self._loop.done + self._loop.looping or self._calls
            for name, value in {**(values or {}), **more}.items():
                self._desk.keep(name, tag_of(name) + PER_STEP, value, at, "step")
            self._loop.look_if_due()

    def epoch(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """An epoch is over: log its values, and means of what was logged at its steps.

        Args:
            values, more: as in :meth:`log`.
        """
        if self._desk.log is None:
            return
        with harmless(self._desk.give_up):
            self._epochs += 1
            for name, value in {**(values or {}), **more}.items():
                self._desk.keep(name, tag_of(name), value, self._epochs, "epoch")
            self._desk.end_epoch(self._epochs)
            self._loop.look()

    def close(self, error: BaseException | None = None) -> None:
        """Write what is left; what comes later is not logged.

        Args:
            error: why the training ended, None where it ended well.
        """
        if self._closed or os.getpid() != self._owner:
            return
        self._closed = True
        atexit.unregister(self._at_exit)
        self._desk.close(self._loop.speed(), error)

    def _at_exit(self) -> None:
        # Python notes here what ended the program.
        self.close(getattr(sys, "last_value", None))
