"""Replay of a window with the host's and the device's dependencies, whole or edited.

In max-plus algebra: along a stream, end_i = max(launch_i + latency_i, end_{i-1} + gap_i) +
duration_i. Between two moments at which host and device meet, the host's clock is only shifted by
an unknown offset, so that a whole run of operations is one affine map, end = max(end + c, offset +
m), whose c and m come from a cumulative sum and a maximum. Python loops only over those meetings:
waits of the host, and dependencies between streams.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.case import Case
from core.traces.columns import Category
from core.traces.host import loader_mask
from core.traces.intervals import overlap, union
from core.traces.whatif.clock import (
    MASKS,
    Doing,
    HostClock,
    Place,
    doing,
    host_clock,
    inside,
    uploads,
)
from core.traces.whatif.device import GAP_US, DeviceWork, device_work
from core.traces.whatif.segments import Segments, make_segments
from core.traces.whatif.waits import Kind, Waits, find_waits
from core.traces.window import Window, launch_rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_NEVER = -1e18


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What is different in a replay.

    Attributes:
        rate: float64[masks], how fast the host's time passes where a set of spans is open.
        dropped: waits that no longer hold the host up.
        communication: factor on the duration of communication kernels.
        upload_gbps: rate of copies from pageable memory; 0 leaves them as they are.
        graph: launches come from one graph: no latency, and gaps of 1 µs at most.
    """

    rate: Floats = field(default_factory=lambda: np.ones(MASKS.size))
    dropped: frozenset[Kind] = frozenset()
    communication: float = 1.0
    upload_gbps: float = 0.0
    graph: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """What tells these changes from others."""
        return (
            self.rate.tobytes(),
            self.dropped,
            self.communication,
            self.upload_gbps,
            self.graph,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """A window ready to be replayed.

    Attributes:
        case: the facts about it.
        clock: what the host does when.
        work, waits, segments: what the device does, and where the two meet.
        times: float64 µs: launches, begins and ends of the waits, and the host's end.
        index: the clock's piece of each of them.
        talks, pageable: bool[operations]: communication kernels; copies from pageable memory.
        loading_us: the host's time in the DataLoader, without the edges of epochs.
        batches: how often it asked for one.
        computing: share of the loading that needs a core, where Python stacks tell; else None.
        known: lengths of replays that were made; findings share a third of them.
    """

    case: Case
    clock: HostClock
    work: DeviceWork
    waits: Waits
    segments: Segments
    times: Floats
    index: NDArray[np.int32]
    talks: NDArray[np.bool_]
    pageable: NDArray[np.bool_]
    loading_us: float
    batches: int
    computing: float | None
    known: dict[tuple[object, ...], float] = field(default_factory=dict, repr=False)

    @property
    def observed_us(self) -> float:
        """Length of the window."""
        return self.case.total_us

    @property
    def longest_stream_us(self) -> float:
        """Work of the stream that has most of it (µs)."""
        work = self.work
        return float(np.bincount(work.stream, work.end - work.start, minlength=1).max())

    def run(self, changes: Changes) -> float:
        """Length of the window (µs) with the changes."""
        if changes.key not in self.known:
            self.known[changes.key] = self._run(changes)
        return self.known[changes.key]

    def _run(self, changes: Changes) -> float:
        new = self.clock.warp(changes.rate, self.times, self.index)
        size, count = len(self.work), len(self.waits)
        launch, begin = new[:size], new[size : size + count]
        end, host_end = new[size + count : size + 2 * count], float(new[-1])
        step, reach, lag = self._maps(changes, launch)
        first = self.index[size : size + count]
        own = self.waits.own * changes.rate[self.clock.mask[first]]
        ends, offset = self._walk(changes, (step, reach, lag), begin + own, end)
        return max(offset + host_end, *ends, 0.0)

    def _maps(self, changes: Changes, launch: Floats) -> tuple[Floats, Floats, Floats]:
        """c and m of every run, and what its first operation adds to the end it depends on."""
        work, runs = self.work, self.segments
        duration = work.end - work.start
        duration = np.where(self.talks, duration * changes.communication, duration)
        if changes.upload_gbps:
            pinned = self.case.trace.bytes[work.row] / changes.upload_gbps / 1e3
            duration = np.where(self.pageable, np.minimum(pinned, duration), duration)
        gap, latency = work.gap, work.latency
        if changes.graph:
            gap, latency = np.minimum(gap, GAP_US), np.minimum(latency, GAP_US)
        if not len(work):
            return duration, duration, duration
        total = np.zeros(len(work) + 1)
        np.cumsum(gap + duration, out=total[1:])
        before, total = total[runs.first], total[1:]
        reach = np.maximum.reduceat(launch + latency + duration - total, runs.begins)[runs.place]
        lag = work.lag[runs.first] - gap[runs.first]
        return total[runs.last] - before, reach + total[runs.last], lag

    def _walk(
        self, changes: Changes, maps: tuple[Floats, Floats, Floats], ready: Floats, end: Floats
    ) -> tuple[list[float], float]:
        """Work through the runs and waits; the ends of all streams and the host's offset."""
        step, reach, lag = maps
        runs, waits = self.segments, self.waits
        pairs = (step, ready), (lag, waits.tail), (reach, end)
        columns = (np.concatenate(pair)[runs.order].tolist() for pair in pairs)
        goes_on = np.isin(waits.kind, [int(kind) for kind in changes.dropped]).tolist()
        ends = [_NEVER] * (max(runs.stream, default=0) + 1)
        done = [_NEVER] * runs.first.size
        offset = 0.0
        plan = zip(runs.stream, runs.source, runs.own, *columns, strict=True)
        for stream, source, own, takes, after, mark in plan:
            if stream >= 0:
                # Comparisons in place of max(): this loop is most of the time of a replay.
                ended = ends[stream] + takes
                if source >= 0:
                    since = done[source] + after + takes
                    ended = since if since > ended else ended
                launched = offset + mark
                ends[stream] = done[own] = launched if launched > ended else ended
            else:
                now = offset + takes
                if not goes_on[own]:
                    ready_at = done[source] + after
                    now = ready_at if ready_at > now else now
                offset = now - mark
        return ends, offset


def make_replay(case: Case) -> Replay:
    """Prepare the case's window; without a device only its main thread's clock is replayed."""
    trace, window = case.trace, case.window
    launches = launch_rows(trace)
    work = device_work(case, launches)
    callers = trace.thread[work.call[work.call >= 0]]
    threads = np.unique(np.r_[callers, window.main_thread]).astype(np.int64)
    copies = np.flatnonzero(trace.category == Category.RUNTIME)
    copies = case.named(copies, n.COPY_CALL)
    is_copy = np.zeros(len(trace), bool)
    is_copy[copies] = True
    waits = find_waits(case, work, threads, uploads(case, is_copy))
    clock = host_clock(case, threads)
    times = np.r_[work.launch, waits.start, waits.end, _host_end(case, threads)]
    names = trace.name[work.row]
    return Replay(
        case=case,
        clock=clock,
        work=work,
        waits=waits,
        segments=make_segments(work, waits),
        times=times,
        index=clock.index(times),
        talks=n.matching(trace.names, n.COLLECTIVE)[names],
        pageable=n.matching(trace.names, n.PAGEABLE_UPLOAD)[names],
        loading_us=_loading(clock, window),
        batches=_batches(case),
        computing=_computing(case),
    )


def _batches(case: Case) -> int:
    rows = case.rows(Category.ANNOTATION, Category.CPU_OP)
    rows = rows[case.trace.thread[rows] == case.window.main_thread]
    return case.named(rows, n.LOADER).size


def _computing(case: Case) -> float | None:
    """Share of the loading in the main thread that is neither sleeping nor reading."""
    trace = case.trace
    main = trace.thread == case.window.main_thread
    frames = np.flatnonzero(main & (trace.category == Category.PYTHON))
    loads = np.flatnonzero(main & loader_mask(trace))
    loading = union(trace.start[loads], trace.end[loads])
    known = overlap(loading, union(trace.start[frames], trace.end[frames])).measure
    if known < 0.5 * loading.measure or not known:
        return None
    idle = case.named(frames, n.IDLE_FRAME)
    return 1 - overlap(loading, union(trace.start[idle], trace.end[idle])).measure / known


def _loading(clock: HostClock, window: Window) -> float:
    mask = doing(Doing.LOADER) & ~inside(Place.EPOCH_EDGE)
    ends = np.array([window.start_us, window.end_us])
    low, high = clock.warp(mask.astype(np.float64), ends, clock.index(ends))
    return float(high - low)


def _host_end(case: Case, threads: Ints) -> float:
    """When the host is done: the end of the last step, or of the last span of its threads."""
    window, trace = case.window, case.trace
    if window.steps:
        return float(window.step_end.max())
    host = trace.of(Category.RUNTIME, Category.CPU_OP, Category.ANNOTATION)
    host = host[np.isin(trace.thread[host], threads)]
    last = float(trace.end[host].max()) if host.size else window.end_us
    return min(last, window.end_us)
