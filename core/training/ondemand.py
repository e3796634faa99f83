"""Profiles that begin while a loop runs: on a request file in its run folder, or by a plan.

``profile.request`` holds ``{"id": str, "steps": int, "with_stack": bool}``; the loop looks for it
between two steps, at most twice a second, and removes it once the trace is written.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.profiler import profile

from core.training.profiling import Window, make_profiler
from core.training.ranks import this_rank

FILE_NAME = "profile.request"
EVERY_S = 0.5
MOST_STEPS = 200
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A profile that somebody asked for.

    Attributes:
        name: safe in a file name.
        steps: to record, 1 to MOST_STEPS.
        with_stack: whether Python stacks are recorded.
    """

    name: str
    steps: int
    with_stack: bool


class Requests:
    """The request file of a run folder; every process of a run honours each request once.

    Args:
        folder: of the run.
        first: whether this process removes the file, and says so.
    """

    def __init__(self, folder: Path, first: bool) -> None:
        self._file, self._first = folder / FILE_NAME, first
        self._honoured: set[str] = set()
        self._looked = 0.0

    def look(self) -> Asked | None:
        """A request that was not honoured yet; looks at most every EVERY_S."""
        now = time.monotonic()
        if now - self._looked < EVERY_S:
            return None
        self._looked = now
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
            name = re.sub(r"[^A-Za-z0-9_-]", "", str(content["id"]))[:40]
            steps = max(1, min(int(content["steps"]), MOST_STEPS))
            stacks = bool(content.get("with_stack"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            self.forget("the request for a profile cannot be read")
            return None
        if not name or name in self._honoured:
            return None
        return Asked(name, steps, stacks)

    def honour(self, asked: Asked) -> None:
        """Take it on: it is not met again."""
        self._honoured.add(asked.name)
        _LOG.info("recording %d steps, as asked for", asked.steps)

    def forget(self, why: str) -> None:
        """Remove the file."""
        if self._first:
            _LOG.info(why)
            self._file.unlink(missing_ok=True)


class Recording:
    """A profile that is being recorded, from between two steps on."""

    def __init__(
        self, trace_file: Path, window: Window, device: torch.device, with_stack: bool
    ) -> None:
        self._left = window.total
        self._profiler: profile = make_profiler(trace_file, window, device, with_stack)
        self._profiler.start()

    def step(self) -> bool:
        """A step is over; True when it was the last and the trace is written."""
        self._profiler.step()
        self._left -= 1
        if self._left == 0:
            self._profiler.stop()
        return self._left == 0

    def stop(self) -> None:
        """End early: the trace holds the steps recorded so far, and is not there without any."""
        self._profiler.stop()


class OnDemand:
    """Honours requests between the steps of a job; in every one of its processes.

    Args:
        folder: of the run.
        device: that the loop computes on.
        trace_file: where the trace of something is written.
    """

    def __init__(
        self, folder: Path, device: torch.device, trace_file: Callable[[str], Path]
    ) -> None:
        self._device, self._trace_file = device, trace_file
        self._requests = Requests(folder, this_rank().first)
        self._recording: Recording | None = None

    def after_step(self, step: int, steps: int) -> None:
        """Go on with a profile, or see whether one is asked for.

        Args:
            step: steps done in this epoch.
            steps: of the epoch. A profile begins where the rest of the epoch has room for it:
                validation does not belong into it.
        """
        if self._recording is not None:
            if self._recording.step():
                self._recording = None
                self._requests.forget("trace written, as asked for")
            return
        asked = self._requests.look()
        if asked is not None:
            wanted = min(asked.steps, max(1, steps - 2))
            if steps - step > wanted:
                self._requests.honour(asked)
                trace = self._trace_file(f"asked-{asked.name}")
                window = Window(0, 1, wanted)
                self._recording = Recording(trace, window, self._device, asked.with_stack)
