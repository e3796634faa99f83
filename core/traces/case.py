"""Everything the rules look at, computed once per trace."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.columns import Category, Trace, among
from core.traces.host import host_activity, host_breakdown_us
from core.traces.idle import IdlePieces, device_busy, idle_pieces
from core.traces.intervals import Intervals, Partition, subtract, union
from core.traces.labels import CAUSE_KEYS, DEVICE_ACTIVITIES, HOST_ACTIVITIES
from core.traces.window import Window, find_window


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One device of a trace (or none) inside its window.

    Attributes:
        device: index of the diagnosed device, None where there is none.
        busy: when it runs anything.
        compute: when it runs kernels other than communication.
        communication: when it communicates and does not compute.
        copies: when it copies or fills memory and runs no kernel.
        pieces: its idle time; None without a device.
        activity: what the main thread does, for traces without a device.
    """

    trace: Trace
    window: Window
    device: int | None
    busy: Intervals
    compute: Intervals
    communication: Intervals
    copies: Intervals
    pieces: IdlePieces | None
    activity: Partition | None

    @property
    def total_us(self) -> float:
        """Length of the window."""
        return self.window.length_us

    @property
    def steps(self) -> int:
        """Number of steps to charge costs to: 1 where the trace has none."""
        return max(self.window.steps, 1)

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the activities of :meth:`breakdown_us`."""
        return HOST_ACTIVITIES if self.device is None else DEVICE_ACTIVITIES

    def breakdown_us(
        self, start: NDArray[np.float64], end: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """float64[intervals, activities] µs inside each [start, end); rows sum to its length."""
        if self.activity is not None:
            return host_breakdown_us(self.activity, start, end)
        sets: list[Intervals] = [self.compute, self.communication, self.copies]
        if self.pieces is not None:
            sets += [self.pieces.of(cause) for cause in CAUSE_KEYS]
        return np.stack([part.within(start, end) for part in sets], axis=1)

    def totals_us(self) -> dict[str, float]:
        """Activity -> µs of the window."""
        low, high = np.array([self.window.start_us]), np.array([self.window.end_us])
        return dict(zip(self.keys, self.breakdown_us(low, high)[0].tolist(), strict=True))

    def rows(self, *categories: Category) -> NDArray[np.int64]:
        """Rows of these categories that start inside the window."""
        first, last = self.window.rows(self.trace)
        return first + np.flatnonzero(among(self.trace.category[first:last], categories))

    def named(self, rows: NDArray[np.int64], pattern: n.re.Pattern[str]) -> NDArray[np.int64]:
        """Those of the rows whose name the pattern finds."""
        return rows[n.matching(self.trace.names, pattern)[self.trace.name[rows]]]

    def device_rows(self, *categories: Category) -> NDArray[np.int64]:
        """Work of the diagnosed device that starts inside the window."""
        rows = self.rows(*categories)
        return rows[self.trace.device[rows] == self.device]


def make_case(trace: Trace, device: int | None = None) -> Case:
    """Gather the facts; the busiest device where none is named.

    Raises:
        Unreadable: the trace spans no time.
    """
    window = find_window(trace)
    asked = trace.device_ids if device is None else (device,)
    work = {index: device_busy(trace, window, index) for index in asked}
    device = max(work, key=lambda index: work[index].measure, default=None)
    if device is None:
        empty = union([], [])
        activity = host_activity(trace, window)
        return Case(trace, window, None, empty, empty, empty, empty, None, activity)
    mine = trace.device == device
    kernels = np.flatnonzero(mine & (trace.category == Category.KERNEL))
    talks = n.matching(trace.names, n.COLLECTIVE)[trace.name[kernels]]
    running = _clipped(trace, window, kernels)
    compute = _clipped(trace, window, kernels[~talks])
    busy = work[device]
    return Case(
        trace=trace,
        window=window,
        device=device,
        busy=busy,
        compute=compute,
        communication=subtract(running, compute),
        copies=subtract(busy, running),
        pieces=idle_pieces(trace, window, device, busy),
        activity=None,
    )


def _clipped(trace: Trace, window: Window, rows: NDArray[np.int64]) -> Intervals:
    return union(trace.start[rows], trace.end[rows]).clip(window.start_us, window.end_us)
