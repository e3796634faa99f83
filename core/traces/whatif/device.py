"""The device's side of a replay: every operation with what it had to wait for.

An operation starts when its launch has reached the device, when the one before it on its stream
has ended, and when what it depends on in another stream has ended, whichever is last. What bound
it in the trace is kept as observed; of the other two typical values are assumed, so that an
unedited replay gives the observed times exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.case import Case
from core.traces.columns import Category, Trace
from core.traces.intervals import distinct

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LATENCY_US, GAP_US = 5.0, 1.0
"""Where a stream shows none: from launch call to start, and between queued operations (launch
latencies of 4 to 10 µs and gaps of 1 to 2 µs in traces of V100, A100 and H100)."""
SLACK_US = 10.0
"""An operation this late beyond latency and gap waited for another stream, if one was busy."""
NEAR_US = 30.0
"""How soon after the end of what it waited for it must have started."""
AGREE_US = 1.0
"""The clocks of host and device agree to about this."""


@dataclass(frozen=True, slots=True, eq=False)
class DeviceWork:
    """Operations of one device, sorted by stream and start; all arrays share their index.

    Attributes:
        row: the span in the trace.
        call: row of the launching call, −1 where it is not in the trace.
        launch: float64 µs, start of that call; never falling along a stream.
        start, end: float64 µs, clipped to the window.
        latency: float64 µs from launch to start, where the launch binds.
        gap: float64 µs after the operation before it, where that binds.
        stream: int64, 0-based.
        first: bool, first of its stream.
        depends: int64, index of the operation of another stream that must end first, or −1.
        lag: float64 µs, how long after that end it starts.
        unlaunched: share of the device time whose launch is not in the window.
    """

    row: Ints
    call: Ints
    launch: Floats
    start: Floats
    end: Floats
    latency: Floats
    gap: Floats
    stream: Ints
    first: NDArray[np.bool_]
    depends: Ints
    lag: Floats
    unlaunched: float

    def __len__(self) -> int:
        return int(self.row.size)


def device_work(case: Case, launches: Ints) -> DeviceWork:
    """Gather the operations of the case's device; ``launches`` is of :func:`launch_rows`."""
    trace, window = case.trace, case.window
    inside = (trace.start < window.end_us) & (trace.end > window.start_us)
    row = np.flatnonzero(trace.on_device & (trace.device == case.device) & inside)
    _, stream = np.unique(trace.stream[row], return_inverse=True)
    order = np.lexsort((trace.start[row], stream))
    row, stream = row[order], stream[order].astype(np.int64)
    start = np.maximum(trace.start[row], window.start_us)
    end = np.minimum(trace.end[row], window.end_us)
    call = launches[row]
    launch = np.where(call >= 0, trace.start[call], -np.inf)
    early = launch < window.start_us
    share = float((end - start)[early].sum() / max((end - start).sum(), 1e-9))
    first = np.r_[True, stream[1:] != stream[:-1]][: row.size]
    launch = _rising(np.maximum(launch, window.start_us), stream, window.length_us)
    launch = np.minimum(launch, start)
    before = np.where(first, -np.inf, np.r_[-np.inf, end[:-1]][: row.size])
    latency, gap, late = _bounds(launch, start, before)
    depends, lag = _dependencies(case, call, launch, start, end, stream, late)
    explained = late & (depends >= 0) & (start - end[depends] == lag)
    typical = _typical(launch, start, before)
    latency = np.where(explained, np.minimum(typical[0], start - launch), latency)
    gap = np.where(explained, np.minimum(typical[1], start - before), gap)
    gap = np.where(first, 0.0, gap)
    return DeviceWork(
        row, call, launch, start, end, latency, gap, stream, first, depends, lag, share
    )


def _rising(launch: Floats, stream: Ints, length: float) -> Floats:
    """Launch times made never to fall along each stream."""
    offset = stream * (2.0 * length + 1.0)
    rising: Floats = np.maximum.accumulate(launch + offset)
    return rising - offset


def _typical(launch: Floats, start: Floats, before: Floats) -> tuple[float, float]:
    """Median latency of operations launched onto an idle stream, median gap between queued ones."""
    idle = launch >= before
    queued = (start - launch > 4 * LATENCY_US) & ~idle
    latency = float(np.median((start - launch)[idle])) if idle.any() else LATENCY_US
    gap = float(np.median((start - before)[queued])) if queued.any() else GAP_US
    return latency, gap


def _bounds(
    launch: Floats, start: Floats, before: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Latency and gap of each operation, and which start later than either explains."""
    latency, gap = _typical(launch, start, before)
    by_launch = launch + latency >= before + gap
    late = start - np.maximum(launch + latency, before + gap) > SLACK_US
    return (
        np.where(by_launch, start - launch, np.minimum(latency, start - launch)),
        np.where(by_launch, np.minimum(gap, start - before), start - before),
        late,
    )


def _dependencies(
    case: Case,
    call: Ints,
    launch: Floats,
    start: Floats,
    end: Floats,
    stream: Ints,
    late: NDArray[np.bool_],
) -> tuple[Ints, Floats]:
    """For each operation the one of another stream it waited for (or −1), and the lag after it.

    Known from a ``StreamWaitEvent`` before its launch, or from having started late, right after
    something on another stream had ended. Only what was launched before counts.
    """
    depends = np.full(call.size, -1, np.int64)
    streams = int(stream.max()) + 1 if stream.size else 0
    if streams < 2:
        return depends, np.zeros(call.size)
    told = _after_wait_event(case.trace, call)
    targets = np.flatnonzero(late | told)
    best = np.full(targets.size, -np.inf)
    for other in range(streams):
        members = np.flatnonzero(stream == other)
        at = np.searchsorted(launch[members], launch[targets], side="left") - 1
        source = members[np.maximum(at, 0)]
        ok = (at >= 0) & (stream[targets] != other) & (end[source] <= start[targets] + AGREE_US)
        near = start[targets] - end[source] <= NEAR_US
        ok &= (near | told[targets]) & (end[source] > best)
        depends[targets[ok]] = source[ok]
        best[ok] = end[source][ok]
    found = depends >= 0
    wait = np.where(found, start - end[np.maximum(depends, 0)], 0.0)
    # What started late for a reason that is not known keeps its observed delay.
    explained = late & (wait <= NEAR_US)
    lag = np.where(explained, wait, np.minimum(wait, GAP_US))
    return depends, lag


def _after_wait_event(trace: Trace, call: Ints) -> NDArray[np.bool_]:
    """Which operations were launched right after their thread had made a stream wait."""
    calls = trace.of(Category.RUNTIME)
    waits = calls[n.matching(trace.names, n.STREAM_WAIT)[trace.name[calls]]]
    launching = distinct(call[call >= 0])
    told = np.zeros(len(trace), bool)
    for thread in np.unique(trace.thread[waits]):
        mine = launching[trace.thread[launching] == thread]
        events = waits[trace.thread[waits] == thread]
        at = np.searchsorted(trace.start[mine], trace.start[events])
        told[mine[at[at < mine.size]]] = True
    return (call >= 0) & told[call]
