"""Checks of how the run was logged: restarts, holes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.dynamics.records import Check, LossPair

_STEP_GAP = 3.0
_TIME_GAP = 5.0
_TIME_GAP_S = 60.0


def restarts(pair: LossPair) -> Check:
    """Steps that jump back: several trainings in one log folder (ours; no outside source)."""
    name = "Restarts"
    if pair.restarts == 0:
        return Check(name, "ok", "Steps only go forward.")
    times = "once" if pair.restarts == 1 else f"{pair.restarts} times"
    detail = (
        f"The step count jumps back {times}: training was restarted or resumed. "
        "Only what the last training left standing is judged."
    )
    return Check(name, "warning", detail, "Give each training a log folder of its own.")


def gaps(pair: LossPair) -> Check:
    """An interval 3 times both its neighbours in steps, or 5 times in time and over a minute.

    Ours; no outside source. Compared with the neighbours, steps that are spaced ever wider (a
    logarithmic schedule) have no gap.
    """
    name = "Gaps"
    curve = pair.val if pair.val is not None and len(pair.val) else pair.train
    if curve is None or len(curve) < 5:
        return Check(name, "unknown", "Needs at least 5 points.")
    found, steps = [], curve.steps
    missing = _gaps(np.diff(steps).astype(np.float64), _STEP_GAP, 1.0)
    if len(missing):
        at = int(missing[0])
        found.append(f"points are missing {_times(missing)}, first between steps {steps[at]} and "
                     f"{steps[at + 1]}")  # fmt: skip
    times = pair.signals.get("wall_time")
    pauses = np.empty(0, int)
    if times is not None and len(times) >= 5:
        pauses = _gaps(np.diff(times.values), _TIME_GAP, _TIME_GAP_S)
    if times is not None and len(pauses):
        at = int(pauses[0])
        lasted = (times.values[at + 1] - times.values[at]) / 60
        found.append(f"training stood still {_times(pauses)}, first for {lasted:.0f} min after "
                     f"step {times.steps[at]}")  # fmt: skip
    if not found:
        return Check(name, "ok", "Points follow one another evenly.")
    action = (
        "Look in the log for what happened there: a suspended or preempted job, a full disk, a "
        "writer that was not flushed."
    )
    detail = "; ".join(found)
    return Check(name, "warning", f"{detail[:1].upper()}{detail[1:]}.", action)


def _times(found: NDArray[np.int64]) -> str:
    return "once" if len(found) == 1 else f"{len(found)} times"


def _gaps(intervals: NDArray[np.float64], ratio: float, least: float) -> NDArray[np.int64]:
    """Indices of the intervals that are ``ratio`` times both neighbours and above ``least``."""
    padded = np.concatenate([intervals[1:2], intervals, intervals[-2:-1]])
    around = np.maximum(padded[:-2], padded[2:])
    return np.flatnonzero((intervals > ratio * around) & (intervals > least))
