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
class _Segments:
    """Runs of operations between meetings, in the order in which they are worked through.

    Attributes:
        first, last: int64, operations of each run.
        stream: its stream.
        source: operation of another stream that must end before it, or −1.
        plan: run numbers, and ``-1 - wait`` where the host waits, in order.
        recorded: bool[operations]: whose end somebody asks for; always the last of a run.
    """

    first: Ints
    last: Ints
    stream: Ints
    source: Ints
    plan: list[int]
    recorded: NDArray[np.bool_]


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
    segments: _Segments
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

    def _maps(self, changes: Changes, launch: Floats) -> tuple[list, list, list]:
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
        total = np.cumsum(gap + duration)
        if not total.size:
            return [], [], []
        before = np.r_[0.0, total[:-1]][runs.first]
        starts = np.sort(runs.first)
        reach = np.maximum.reduceat(launch + latency + duration - total, starts)
        reach = reach[np.searchsorted(starts, runs.first)]
        lag = work.lag[runs.first] - gap[runs.first]
        return (
            (total[runs.last] - before).tolist(),
            (reach + total[runs.last]).tolist(),
            lag.tolist(),
        )

    def _walk(
        self, changes: Changes, maps: tuple[list, list, list], ready: Floats, end: Floats
    ) -> tuple[list[float], float]:
        """Work through the runs and waits; the ends of all streams and the host's offset."""
        step, reach, lag = maps
        runs, waits = self.segments, self.waits
        stream, source, last = runs.stream.tolist(), runs.source.tolist(), runs.last.tolist()
        target, tail = waits.target.tolist(), waits.tail.tolist()
        idle, finishes = ready.tolist(), end.tolist()
        goes_on = np.isin(waits.kind, [int(kind) for kind in changes.dropped]).tolist()
        ends = [_NEVER] * (max(stream, default=0) + 1)
        done: dict[int, float] = {}
        offset = 0.0
        for item in runs.plan:
            if item >= 0:
                at = stream[item]
                # Comparisons in place of max(): this loop is most of the time of a replay.
                ended = ends[at] + step[item]
                if source[item] >= 0:
                    since = done[source[item]] + lag[item] + step[item]
                    ended = since if since > ended else ended
                launched = offset + reach[item]
                ends[at] = done[last[item]] = launched if launched > ended else ended
            else:
                wait = -1 - item
                now = offset + idle[wait]
                if not goes_on[wait]:
                    ready_at = done[target[wait]] + tail[wait]
                    now = ready_at if ready_at > now else now
                offset = now - finishes[wait]
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
        segments=_segments(work, waits),
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


def _segments(work: DeviceWork, waits: Waits) -> _Segments:
    size = len(work)
    recorded = np.zeros(size + 1, bool)
    recorded[waits.target] = True
    recorded[work.depends[work.depends >= 0]] = True
    recorded = recorded[:size]
    era = np.searchsorted(waits.end, work.launch, side="right")
    new = work.first | (work.depends >= 0)
    new[1:] |= recorded[:-1] | (era[1:] != era[:-1])
    first = np.flatnonzero(new)
    last = np.r_[first[1:], size] - 1
    if not size:
        last = first
    # Runs in the order of their launches; a wait after all runs launched before it ended.
    order = np.lexsort((first, work.launch[first], era[first]))
    first, last = first[order], last[order]
    eras = np.r_[era[first], np.arange(len(waits))]
    items = np.r_[np.arange(first.size), -1 - np.arange(len(waits))]
    kind = np.r_[np.zeros(first.size, np.int64), np.ones(len(waits), np.int64)]
    plan = items[np.lexsort((np.r_[np.arange(first.size), np.arange(len(waits))], kind, eras))]
    return _Segments(first, last, work.stream[first], work.depends[first], plan.tolist(), recorded)
