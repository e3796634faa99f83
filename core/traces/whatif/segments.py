"""The meetings of host and device, and the runs of operations between them, in their order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.traces.whatif.device import DeviceWork
from core.traces.whatif.waits import Waits

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Runs of operations between meetings, in the order of their launches, and what to do when.

    The lists hold runs and waits mixed, in the order in which they are worked through.

    Attributes:
        first, last: int64, operations of each run.
        begins: int64, the first operations in the order of the operations.
        place: int64, where each run's own first one is among them.
        order: int64, numbers of the runs, and, counted on from there, of the waits.
        stream: of the run, −1 for a wait.
        source: run that must have ended before: of another stream, or what is waited for; or −1.
        own: number of the run, or of the wait.
    """

    first: Ints
    last: Ints
    begins: Ints
    place: Ints
    order: Ints
    stream: list[int]
    source: list[int]
    own: list[int]


def make_segments(work: DeviceWork, waits: Waits) -> Segments:
    """Cut a window's operations into runs at all meetings."""
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
    return _planned(work, waits, first, last, era)


def _planned(work: DeviceWork, waits: Waits, first: Ints, last: Ints, era: Ints) -> Segments:
    runs, held = np.arange(first.size), np.arange(len(waits))
    eras, kind = np.r_[era[first], held], np.repeat([0, 1], [runs.size, held.size])
    plan = np.lexsort((np.r_[runs, held], kind, eras))
    begins = np.sort(first)
    place = np.searchsorted(begins, first)
    run_at = np.empty_like(place)
    run_at[place] = runs
    needed = np.r_[work.depends[first], waits.target]
    source = run_at[np.searchsorted(begins, needed, side="right") - 1] if first.size else needed
    source = np.where(needed >= 0, source, -1)
    return Segments(
        first,
        last,
        begins,
        place,
        plan,
        np.r_[work.stream[first], np.full(held.size, -1)][plan].tolist(),
        source[plan].tolist(),
        np.r_[runs, held][plan].tolist(),
    )
