"""Clocks that tell computing, waiting, and standing in the queue for a core from each other."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

try:
    import resource
except ImportError:  # not on Windows
    resource = None

from core.loader.costs import Line

SWITCHES_OF_A_WAIT = 0.3
"""Where the system does not tell the time in the queue: voluntary context switches per piece of
work from which it is said to wait; without any, time off the CPU is another program's doing."""


def _open_statistics() -> int | None:
    with suppress(OSError):
        return os.open("/proc/thread-self/schedstat", os.O_RDONLY)
    return None


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of a piece of work.

    Attributes:
        cpu_s: computing, all threads together where the whole process is watched.
        wall_s: from beginning to end, without standing in the queue for a core: as on a machine
            with nothing else to do.
        switches: voluntary ones of the thread; None where the queue is known.
    """

    cpu_s: float
    wall_s: float
    switches: float | None = None

    @property
    def wait_s(self) -> float:
        """Time off the CPU that the work itself chose to spend."""
        if self.switches is not None and self.switches < SWITCHES_OF_A_WAIT:
            return 0.0
        return max(0.0, self.wall_s - self.cpu_s)


class Stopwatch:
    """Costs what happens in this thread; ``whole_process``: counts CPU time of all its threads."""

    _statistics: ClassVar[dict[int, int | None]] = {}

    def __init__(self, whole_process: bool = False) -> None:
        self._clock = time.process_time if whole_process else time.thread_time
        self._queue, self._switches = self._queued(), self._switched()
        self._cpu, self._wall = self._clock(), time.perf_counter()

    @classmethod
    def _queued(cls) -> float | None:
        """Seconds that this thread has stood in the queue for a core, where the system tells."""
        process = os.getpid()
        if process not in cls._statistics:
            cls._statistics[process] = _open_statistics()
        file = cls._statistics[process]
        return None if file is None else int(os.pread(file, 96, 0).split()[1]) / 1e9

    @staticmethod
    def _switched() -> int | None:
        if resource is None:
            return None
        return resource.getrusage(getattr(resource, "RUSAGE_THREAD", 0)).ru_nvcsw

    @property
    def wall_s(self) -> float:
        """Seconds since it was made, everything included."""
        return time.perf_counter() - self._wall

    def cost(self, pieces: int = 1) -> Cost:
        """Since it was made, for each of so many pieces."""
        wall, cpu = time.perf_counter() - self._wall, self._clock() - self._cpu
        queue, switches = self._queued(), self._switched()
        if queue is not None and self._queue is not None:
            return Cost(cpu / pieces, max(0.0, wall - (queue - self._queue)) / pieces)
        if switches is None or self._switches is None:
            return Cost(cpu / pieces, wall / pieces)
        return Cost(cpu / pieces, wall / pieces, (switches - self._switches) / pieces)


def line(sizes: list[int], seconds: list[float]) -> Line:
    """Least squares ``fixed + each × size`` with neither part negative."""
    x, y = np.asarray(sizes, float), np.asarray(seconds, float)
    if len(set(sizes)) < 2:
        return Line(0.0, float(y.mean() / x.mean()))
    each, fixed = (float(v) for v in np.polyfit(x, y, 1))
    if fixed < 0:
        return Line(0.0, max(0.0, float(x @ y / (x @ x))))
    return Line(float(y.mean()), 0.0) if each < 0 else Line(fixed, each)
