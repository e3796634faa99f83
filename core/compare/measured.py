"""How many times as fast one run is as another, by the best measure that they share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.compare.facts import PROFILE, Facts
from core.compare.pace import pace
from core.compare.promised import since_promised
from core.compare.records import Speedup
from core.compare.speed import speedup

_GONE = "The profile of A is gone: its step times are those that were kept with the promise of B."

BATCH = "batch_size"


@dataclass(frozen=True, slots=True)
class Measured:
    """The speed-up of one run over another.

    Attributes:
        speedup: of B over A.
        step_ms: mean step of A and of B; None where only rates are known.
        by: ``profile``, or the tag that both logged.
        note: what stands against it, "" for nothing.
    """

    speedup: Speedup
    step_ms: tuple[float, float] | None
    by: str
    note: str = ""


def measure(a: Facts, b: Facts) -> Measured | None:
    """The speed-up of B over A.

    By their profiles where both have one with steps; by the step times that B's promise started
    from where A's profile is gone; else by what both logged; at last by the profile of one and
    what the other logged.
    """
    one, two = a.step_times, b.step_times
    if one is not None and two is not None and one[0] == two[0] == PROFILE:
        return _by_times(one[1], two[1], PROFILE)
    if a.id and b.promise is not None and b.promise.base == a.id:
        since = since_promised(b)
        if since is not None and two is not None:
            before = float(np.mean(b.promise.before_ms))
            return Measured(since, (before, float(two[1].mean())), PROFILE, _GONE)
    # A step of another batch size is other work, so a rate says more then.
    unlike = a.params.get(BATCH) != b.params.get(BATCH)
    shared = pace(a.logged, b.logged, prefer_rates=unlike)
    if shared is not None:
        return Measured(shared.speedup, shared.step_ms, shared.tag)
    if one is None or two is None:
        return None
    return _by_times(one[1], two[1], PROFILE if PROFILE in (one[0], two[0]) else one[0],
                     _mixed(one[0], two[0]))  # fmt: skip


def _mixed(one: str, two: str) -> str:
    if PROFILE not in (one, two):
        return f"A step goes by {one} in A and by {two} in B."
    which, tag = ("A", two) if one == PROFILE else ("B", one)
    return (
        f"A step goes by the profile in {which} and by {tag} in the other: the profiler's own cost "
        "is in the first."
    )


def _by_times(a: NDArray[np.float64], b: NDArray[np.float64], by: str, note: str = "") -> Measured:
    return Measured(speedup(a, b), (float(a.mean()), float(b.mean())), by, note)
