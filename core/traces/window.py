"""The stretch of a trace that is diagnosed, its steps, and the thread that runs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import Unreadable
from core.traces.columns import Category, Trace
from core.traces.names import LOADER, STEP, matching

SHORTEST_US = 1e-3
"""Profilers count nanoseconds: a shorter window is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Half-open [start_us, end_us).

    Attributes:
        start_us, end_us: µs from the trace's first span.
        step_start, step_end: float64[steps] µs; the profiler's steps on the main thread.
        step_number: int64[steps], as the profiler counted.
        main_thread: code into ``Trace.threads``.
    """

    start_us: float
    end_us: float
    step_start: NDArray[np.float64]
    step_end: NDArray[np.float64]
    step_number: NDArray[np.int64]
    main_thread: int

    @property
    def length_us(self) -> float:
        """End minus start."""
        return self.end_us - self.start_us

    @property
    def steps(self) -> int:
        """Number of profiled steps; 0 where the profile has none."""
        return int(self.step_start.size)

    def rows(self, trace: Trace) -> tuple[int, int]:
        """First row that starts inside, and first after it that does not."""
        first, last = np.searchsorted(trace.start, (self.start_us, self.end_us))
        return int(first), max(int(first), int(last))


def find_window(trace: Trace) -> Window:
    """First ProfilerStep start to max(last step end, end of the device work launched in it).

    Only steps recorded on the host count: torch repeats them on the device as
    ``gpu_user_annotation``. Without steps, from the first span of work to the last.

    Raises:
        Unreadable: the trace spans no time.
    """
    rows = _step_rows(trace)
    thread = _main_thread(trace, rows)
    rows = rows[trace.thread[rows] == thread]
    numbers = np.fromiter((_number(trace.names[n]) for n in trace.name[rows]), np.int64)
    _, first = np.unique(
        np.stack([trace.start[rows], numbers.astype(np.float64)]), axis=1, return_index=True
    )
    rows, numbers = rows[first], numbers[first]
    start, end = trace.start[rows], trace.end[rows]
    low, high = (start[0], end.max()) if rows.size else _extent(trace)
    device = np.flatnonzero(trace.on_device)
    if rows.size and device.size:
        high = max(high, _device_end(trace, device, float(low), float(high)))
    if not high - low >= SHORTEST_US:
        raise Unreadable(
            f"{trace.source} spans no time, so there is nothing to diagnose. "
            "Profile at least one step with torch.profiler."
        )
    return Window(float(low), float(high), start, end, numbers, thread)


def _number(name: str) -> int:
    match = STEP.match(name)
    return int(match[1][:18]) if match else -1


def _step_rows(trace: Trace) -> NDArray[np.int64]:
    named = matching(trace.names, STEP)
    noted = named[trace.name] & (trace.category == Category.ANNOTATION)
    return np.flatnonzero(noted & (trace.duration >= SHORTEST_US))


def _main_thread(trace: Trace, steps: NDArray[np.int64]) -> int:
    """The thread with most step time, else DataLoader spans, else host spans of any kind."""
    loads = np.flatnonzero(
        matching(trace.names, LOADER)[trace.name] & (trace.category == Category.ANNOTATION)
    )
    host = trace.of(Category.RUNTIME, Category.CPU_OP, Category.ANNOTATION)
    if steps.size:
        time = np.bincount(trace.thread[steps], trace.duration[steps])
        longest = trace.thread[steps[time[trace.thread[steps]] == time.max()]]
        return int(longest[0])
    for rows in (loads, host):
        if rows.size:
            return int(np.bincount(trace.thread[rows]).argmax())
    return int(trace.thread[0])


def _extent(trace: Trace) -> tuple[float, float]:
    rows = np.flatnonzero(trace.category <= Category.ANNOTATION)
    if not rows.size:
        rows = np.arange(len(trace))
    return float(trace.start[rows].min()), float(trace.end[rows].max())


def _device_end(trace: Trace, device: NDArray[np.int64], low: float, high: float) -> float:
    """End of the last device work whose launch, where known, lies in [low, high)."""
    launched = launch_rows(trace)[device]
    begin = np.where(launched >= 0, trace.start[launched], trace.start[device])
    inside = device[(begin >= low) & (begin < high)]
    return float(trace.end[inside].max()) if inside.size else high


def launch_rows(trace: Trace) -> NDArray[np.int64]:
    """int64[rows]: for device work, the row of the runtime call that launched it; −1 otherwise.

    Joined by correlation; 0 and −1 mean none. All kernels of a graph share one launch.
    """
    return trace.once("launch", lambda: _launch_rows(trace))


def _launch_rows(trace: Trace) -> NDArray[np.int64]:
    found = np.full(len(trace), -1, np.int64)
    calls = trace.of(Category.RUNTIME)
    calls = calls[trace.correlation[calls] > 0]
    work = np.flatnonzero(trace.on_device & (trace.correlation > 0))
    if not calls.size or not work.size:
        return found
    order = np.argsort(trace.correlation[calls], kind="stable")
    calls = calls[order]
    keys = trace.correlation[calls]
    at = np.minimum(np.searchsorted(keys, trace.correlation[work]), keys.size - 1)
    hit = keys[at] == trace.correlation[work]
    found[work[hit]] = calls[at[hit]]
    return found
