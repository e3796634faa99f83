"""The collectives of one rank as small arrays, ready to be matched with those of other ranks."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.case import Case
from core.traces.columns import Category
from core.traces.host import CODE as HOST_CODE
from core.traces.intervals import Intervals, union
from core.traces.ranks.facts import Call

_HOST_WORK = re.compile(r"^(?:gloo|mpi|ucc):")


@dataclass(frozen=True, slots=True, eq=False)
class Collectives:
    """Collectives of one rank in order of their start, and when they are exposed.

    Attributes:
        start, end: float64[n] µs on the rank's own axis (``Trace.start``).
        key: int32[n] codes into ``keys``.
        keys: (group, signature, kind) of each code. Only collectives of equal group and signature
            are the same one; the kind is for words.
        exposed: when the rank communicates and computes nothing beside it, inside its window.
    """

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    key: NDArray[np.int32]
    keys: tuple[tuple[str, str, str], ...]
    exposed: Intervals

    def __len__(self) -> int:
        return int(self.start.size)


def collectives_of(case: Case, calls: dict[int, Call]) -> Collectives:
    """Take the collectives of a rank's diagnosed device; those of the host where it has none.

    Args:
        case: the rank's trace in its window.
        calls: what the kernels' arguments say, by correlation; kernels without them are told
            apart by name alone and belong to one group, as in traces before torch 2.2.
    """
    trace, window = case.trace, case.window
    rows = np.flatnonzero((trace.category == Category.KERNEL) & (trace.device == case.device))
    rows = case.named(rows, n.COLLECTIVE)
    if not rows.size:
        rows = case.named(trace.of(Category.ANNOTATION, Category.CPU_OP), n.HOST_COLLECTIVE)
        work = case.named(rows, _HOST_WORK)
        rows = work if work.size else rows
    rows = rows[(trace.end[rows] > window.start_us) & (trace.start[rows] < window.end_us)]
    codes: dict[tuple[str, str, str], int] = {}
    key = [
        codes.setdefault(_key(calls.get(correlation), trace.names[name]), len(codes))
        for correlation, name in zip(
            trace.correlation[rows].tolist(), trace.name[rows].tolist(), strict=True
        )
    ]
    return Collectives(
        trace.start[rows], trace.end[rows], np.asarray(key, np.int32), tuple(codes), _exposed(case)
    )


def _key(call: Call | None, name: str) -> tuple[str, str, str]:
    if call is not None:
        return call.group, call.signature, call.kind
    short = name.split("(")[0]
    return "", short, short


def _exposed(case: Case) -> Intervals:
    """Exposed communication as the step breakdown counts it, host communication included."""
    if case.activity is not None:
        low, high = np.array([case.window.start_us]), np.array([case.window.end_us])
        start, end, code, _ = case.activity.cut(low, high)
        mine = code == HOST_CODE["communication"]
        return union(start[mine], end[mine])
    if case.pieces is None:
        return case.communication
    host = case.pieces.of("communication")
    return union(
        np.r_[case.communication.start, host.start], np.r_[case.communication.end, host.end]
    )
