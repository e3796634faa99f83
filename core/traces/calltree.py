"""Operators of a trace with what encloses them and what device work they launched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.columns import Category, Trace, among
from core.traces.nesting import Nesting, nest
from core.traces.window import Window, launch_rows


@dataclass(frozen=True, slots=True, eq=False)
class Operators:
    """Operators and annotations as a forest, and the device work below them.

    Attributes:
        trace: whose rows these are.
        nesting: operators and annotations; indices below are into its rows.
        work: int64[k], rows of device work whose launching call is known.
        owner: int64[k], index of the innermost span around that call, −1 outside all.
    """

    trace: Trace
    nesting: Nesting
    work: NDArray[np.int64]
    owner: NDArray[np.int64]

    @property
    def rows(self) -> NDArray[np.int64]:
        """Rows of the spans, by thread and then start."""
        return self.nesting.rows

    def named(self, pattern: n.re.Pattern[str]) -> NDArray[np.bool_]:
        """bool[n]: spans whose name the pattern finds."""
        return n.matching(self.trace.names, pattern)[self.trace.name[self.rows]]

    def nearest(self, mask: NDArray[np.bool_], *, outermost: bool = False) -> NDArray[np.int64]:
        """int64[n]: for each span the innermost (or outermost) of itself and those around it that
        the mask holds; −1 where none does."""
        found = np.full(mask.size, -1, np.int64)
        known = np.flatnonzero(mask)
        found[known] = known
        if not known.size:
            return found
        for here, parent in self.nesting.levels:
            above = found[parent]
            inherit = above >= 0 if outermost else (above >= 0) & (found[here] < 0)
            found[here[inherit]] = above[inherit]
        return found

    def around(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64: index of the innermost span around the start of each row, or −1."""
        trace = self.trace
        if not self.rows.size or not rows.size:
            return np.full(rows.size, -1, np.int64)
        return self.nesting.enclosing(trace, trace.thread[rows], trace.start[rows])

    def device_us(self) -> NDArray[np.float64]:
        """float64[n] µs of device work that each span launched itself."""
        known = self.owner >= 0
        time = self.trace.duration[self.work[known]]
        own = np.bincount(self.owner[known], time, minlength=self.rows.size)
        return own.astype(np.float64)

    def launched(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows of the device work launched inside any span of the mask."""
        inside = self.nearest(mask) >= 0
        known = self.owner >= 0
        return self.work[known][inside[self.owner[known]]]


def operators_of(trace: Trace, window: Window | None = None) -> Operators:
    """The operators and annotations that start in the window (or at all).

    Annotations of collectives are left out: they end when the communication does, not where they
    began, so they enclose nothing.
    """
    first, last = (0, len(trace)) if window is None else window.rows(trace)
    rows = first + np.flatnonzero(
        among(trace.category[first:last], (Category.CPU_OP, Category.ANNOTATION))
    )
    talks = n.matching(trace.names, n.ASYNCHRONOUS)[trace.name[rows]]
    rows = rows[~(talks & (trace.category[rows] == Category.ANNOTATION))]
    work = np.flatnonzero(trace.on_device)
    launch = launch_rows(trace)[work]
    work, launch = work[launch >= 0], launch[launch >= 0]
    if window is not None:
        keep = (trace.start[launch] >= window.start_us) & (trace.start[launch] < window.end_us)
        work, launch = work[keep], launch[keep]
    bare = Operators(trace, nest(trace, rows), work, launch)
    return Operators(trace, bare.nesting, work, bare.around(launch))
