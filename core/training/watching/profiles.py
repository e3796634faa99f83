"""When the steps of a watched loop are recorded: once by plan, and whenever a file asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from core.training.ondemand import Asked, Recording, Requests
from core.training.profiling import WAIT_STEPS, WARMUP_STEPS, plan_window

TRIES = 3
"""Passes in which the planned profile may begin and be cut short by their end."""


FEWEST = 2
"""Steps for which a profile begins: one to warm up, one to record."""


@dataclass(slots=True)
class Plan:
    """The profile that is recorded without being asked for.

    Attributes:
        after: training steps before it; a few more pass untouched and in warm-up.
        steps: to record; 0 for none.
        with_stack: whether Python stacks are recorded.
    """

    after: int
    steps: int
    with_stack: bool


class Profiles:
    """Begins, goes on with and ends profiles between steps. Nothing is recorded across passes.

    Args:
        folder: of the run.
        first: whether this process takes a request's file away.
        plan: the planned one.
        trace_file: where the trace of something goes.
        device: that is used by now.
    """

    def __init__(
        self,
        folder: Path,
        first: bool,
        plan: Plan,
        trace_file: Callable[[str], Path],
        device: Callable[[], torch.device],
    ) -> None:
        self._plan, self._trace_file, self._device = plan, trace_file, device
        self._requests = Requests(folder, first)
        self._recording: Recording | None = None
        self._trace, self._asked = folder, False
        self._tries = TRIES if plan.steps > 0 else 0

    @property
    def missed(self) -> bool:
        """Whether a planned profile was not taken."""
        return self._tries > 0

    def after_step(self, done: int, at: int, steps: int | None) -> bool:
        """A step of a pass is over; True where a profile made it longer than others.

        Args:
            done: training steps in all passes.
            at: steps of this pass.
            steps: that this pass has, where it is known.
        """
        if self._recording is not None:
            if self._recording.step():
                self._done()
            return True
        left = None if steps is None else steps - at
        if self._tries and done >= self._plan.after:
            planned = Asked(f"step{done + 1}", self._plan.steps, self._plan.with_stack)
            if _fits(planned, left, steps):
                self._tries -= 1
                self._begin(planned, left)
                return False
        asked = self._requests.look()
        if asked is not None and _fits(asked, left, steps):
            self._requests.honour(asked)
            self._asked = True
            self._begin(Asked(f"asked-{asked.name}", asked.steps, asked.with_stack), left)
        return False

    def end_of_pass(self) -> None:
        """What is being recorded ends here: an evaluation does not belong into it."""
        recording = self._recording
        if recording is not None:
            recording.stop()
            self._done()

    def _begin(self, asked: Asked, left: int | None) -> None:
        before = WAIT_STEPS + WARMUP_STEPS
        room = left if left is not None else before + asked.steps
        window = plan_window(max(1, min(asked.steps, room - before)), room)
        self._trace = self._trace_file(asked.name)
        self._recording = Recording(self._trace, window, self._device(), asked.with_stack)

    def _done(self) -> None:
        self._recording = None
        written = self._trace.exists()
        if self._asked:
            self._asked = False
            self._requests.forget("trace written, as asked for" if written else "pass too short")
        elif written:
            self._tries = 0


def _fits(asked: Asked, left: int | None, steps: int | None) -> bool:
    """Whether the rest of a pass has room, or as much of it as this pass can ever have."""
    wanted = WAIT_STEPS + WARMUP_STEPS + asked.steps
    return left is None or steps is None or left >= max(FEWEST, min(wanted, steps - 1))
