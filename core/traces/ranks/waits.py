"""Who waited for whom: every collective of a job split into waiting and transfer.

On each rank a collective runs from the rank's own arrival to the common end. What of it lies
before the last rank arrived is waiting; only the rest moves data (torch-tb-profiler and TraceLens'
``NcclAnalyser`` split it the same way).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.traces.intervals import Intervals, overlap, subtract, union
from core.traces.ranks.collectives import Collectives
from core.traces.ranks.matching import NOISE_US, Ends, align, in_order, pair_up

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """How a rank's times become the job's.

    Attributes:
        offset_us: added to the rank's own µs.
        shift_us: what of it corrects the clock (0 where the machine's clock was right).
        spread_us: how well ends of collectives then agree with those of the rank it was set by.
    """

    offset_us: float
    shift_us: float
    spread_us: float


@dataclass(frozen=True, slots=True, eq=False)
class Waits:
    """The waiting of one rank.

    Attributes:
        clock: None where no other rank shares a collective with this one.
        matched: collectives found on another rank too.
        decided: those with a last arriver: the first came earlier by more than noise.
        last: of those, how many this rank came to last.
        caused_us: time that others waited in those it came to last.
        behind_us: by how much it came after the last but one, summed: what is won if it were not
            last any more.
        decided_us: all waiting in the decided collectives it took part in, on any rank.
        wait: exposed communication in which it waited for a later rank.
        transfer: exposed communication in which data moved.
        alone: exposed communication in collectives seen on no other rank.
        late: [first arrival, own arrival) µs on the rank's own axis, of the collectives it came
            to last; longest first.
    """

    clock: Clock | None
    matched: int
    decided: int
    last: int
    caused_us: float
    behind_us: float
    decided_us: float
    wait: Intervals
    transfer: Intervals
    alone: Intervals
    late: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Calls:
    """Matched collectives of all ranks, one row a rank and collective, sorted by collective.

    Attributes:
        rank: position of the rank.
        row: row in its arrays.
        start, end: float64 µs on the job's clock.
        first: where each collective's rows begin.
        size: how many ranks each has.
    """

    rank: Rows
    row: Rows
    start: Floats
    end: Floats
    first: Rows
    size: Rows


def waits_of(ranks: Sequence[Collectives], zero_us: Sequence[float]) -> list[Waits]:
    """Match the collectives of all ranks and split each rank's exposed communication.

    Args:
        ranks: what each rank recorded.
        zero_us: where 0 of each rank's axis lies on its machine's clock, less a common base.
    """
    buckets = _buckets(ranks)
    clocks = _clocks(ranks, zero_us, buckets)
    calls = _matched(ranks, clocks, buckets)
    return _split(ranks, clocks, calls)


def _buckets(ranks: Sequence[Collectives]) -> list[tuple[Rows, Rows]]:
    """For each rank the bucket (group and signature) and group of each collective, as codes."""
    known: dict[tuple[str, str], int] = {}
    groups: dict[str, int] = {}
    found = []
    for rank in ranks:
        bucket = [known.setdefault(key[:2], len(known)) for key in rank.keys]
        group = [groups.setdefault(key[0], len(groups)) for key in rank.keys]
        found.append(
            (np.asarray(bucket, np.int64)[rank.key], np.asarray(group, np.int64)[rank.key])
        )
    return found


def _clocks(
    ranks: Sequence[Collectives], zero_us: Sequence[float], buckets: list[tuple[Rows, Rows]]
) -> list[Clock | None]:
    """Set the clocks by one rank, and by those already set where it shares no group with one."""
    ends = [
        Ends.of(bucket, rank.end + zero)
        for rank, zero, (bucket, _) in zip(ranks, zero_us, buckets, strict=True)
    ]
    groups = [frozenset(np.unique(group).tolist()) for _, group in buckets]
    clocks: list[Clock | None] = [None] * len(ranks)
    waiting = [i for i in range(len(ranks)) if len(ranks[i])]
    if len(waiting) < 2:
        return clocks
    by_size = sorted(waiting, key=lambda i: -len(ranks[i]))
    clocks[by_size[0]] = Clock(zero_us[by_size[0]], 0.0, 0.0)
    setters, left = [by_size[0]], by_size[1:]
    while setters and left:
        setter = setters.pop(0)
        for index in [i for i in left if groups[i] & groups[setter]]:
            match = align(ends[setter], ends[index])
            if match is None:
                continue
            by = clocks[setter]
            shift = match.shift_us + (by.shift_us if by else 0.0)
            clocks[index] = Clock(zero_us[index] - shift, shift, match.spread_us)
            setters.append(index)
            left.remove(index)
    return clocks


def _matched(
    ranks: Sequence[Collectives], clocks: list[Clock | None], buckets: list[tuple[Rows, Rows]]
) -> _Calls:
    """Rows of collectives that two ranks or more have in common, group by group."""
    columns: list[tuple[Rows, Rows, Rows]] = []
    taken = 0
    for group in np.unique(np.concatenate([g for _, g in buckets])).tolist() if buckets else []:
        members = [i for i, clock in enumerate(clocks) if clock and (buckets[i][1] == group).any()]
        if len(members) < 2:
            continue
        rows = {i: np.flatnonzero(buckets[i][1] == group) for i in members}
        leader = max(members, key=lambda i: rows[i].size)
        lead = _ends_of(ranks[leader], clocks[leader], buckets[leader][0], rows[leader])
        number = taken + np.arange(rows[leader].size)
        columns.append((number, np.full(number.size, leader), rows[leader][lead.row]))
        for index in members:
            if index != leader:
                mine = _ends_of(ranks[index], clocks[index], buckets[index][0], rows[index])
                one, other = _pairs(lead, mine, _spread(clocks[leader], clocks[index]))
                picked = rows[index][mine.row[other]]
                columns.append((number[one], np.full(one.size, index), picked))
        taken += rows[leader].size
    return _gathered(ranks, clocks, columns)


def _ends_of(rank: Collectives, clock: Clock | None, bucket: Rows, rows: Rows) -> Ends:
    offset = clock.offset_us if clock else 0.0
    return Ends.of(bucket[rows], rank.end[rows] + offset)


def _spread(one: Clock | None, other: Clock | None) -> float:
    return sum(clock.spread_us for clock in (one, other) if clock)


def _pairs(one: Ends, other: Ends, spread_us: float) -> tuple[Rows, Rows]:
    near = pair_up(one, other, 0.0, max(50 * NOISE_US, 20 * spread_us))
    return near if spread_us <= NOISE_US else in_order(one, other, near)


def _gathered(
    ranks: Sequence[Collectives],
    clocks: list[Clock | None],
    columns: list[tuple[Rows, Rows, Rows]],
) -> _Calls:
    empty = np.empty(0, np.int64)
    if not columns:
        return _Calls(empty, empty, np.empty(0), np.empty(0), empty, empty)
    call, rank, row = (np.concatenate(part) for part in zip(*columns, strict=True))
    order = np.lexsort((rank, call))
    call, rank, row = call[order], rank[order], row[order]
    _, inverse, count = np.unique(call, return_inverse=True, return_counts=True)
    shared = count[inverse] > 1
    call, rank, row = call[shared], rank[shared], row[shared]
    _, first, size = np.unique(call, return_index=True, return_counts=True)
    start, end = np.empty(rank.size), np.empty(rank.size)
    for index, clock in enumerate(clocks):
        mine = rank == index
        if clock is not None and mine.any():
            start[mine] = ranks[index].start[row[mine]] + clock.offset_us
            end[mine] = ranks[index].end[row[mine]] + clock.offset_us
    return _Calls(rank, row, start, end, first, size)


def _split(ranks: Sequence[Collectives], clocks: list[Clock | None], calls: _Calls) -> list[Waits]:
    many = calls.first.size
    owner = np.repeat(np.arange(many), calls.size)
    earliest, second, latest = _arrivals(calls, owner)
    until = np.clip(latest[owner], calls.start, calls.end)
    noise = NOISE_US + 3 * max((c.spread_us for c in clocks if c), default=0.0)
    decided = (latest - earliest > noise)[owner]
    is_last = decided & (calls.start == latest[owner])
    total = np.bincount(owner, until - calls.start, minlength=many)
    found = []
    for index, (rank, clock) in enumerate(zip(ranks, clocks, strict=True)):
        mine = np.flatnonzero(calls.rank == index)
        last = mine[is_last[mine]]
        offset = clock.offset_us if clock else 0.0
        moving = union(until[mine] - offset, calls.end[mine] - offset)
        waiting = union(calls.start[mine] - offset, until[mine] - offset)
        rest = subtract(rank.exposed, moving)
        found.append(
            Waits(
                clock=clock,
                matched=int(mine.size),
                decided=int(np.count_nonzero(decided[mine])),
                last=int(last.size),
                caused_us=float(total[owner[last]].sum()),
                behind_us=float((latest - second)[owner[last]].sum()),
                decided_us=float(total[owner[mine[decided[mine]]]].sum()),
                wait=overlap(rest, waiting),
                transfer=overlap(rank.exposed, moving),
                alone=subtract(rest, waiting),
                late=_longest(earliest[owner[last]] - offset, calls.start[last] - offset),
            )
        )
    return found


def _arrivals(calls: _Calls, owner: Rows) -> tuple[Floats, Floats, Floats]:
    """First, last but one and last arrival of each collective."""
    order = np.lexsort((calls.start, owner))
    start, last = calls.start[order], calls.first + calls.size - 1
    return start[calls.first], start[last - 1], start[last]


def _longest(start: Floats, end: Floats, count: int = 5) -> tuple[tuple[float, float], ...]:
    order = np.argsort(start - end, kind="stable")[:count]
    return tuple((float(start[i]), float(end[i])) for i in order)
