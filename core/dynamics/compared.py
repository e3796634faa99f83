"""What each stopping rule would have kept, next to the lowest loss the run ever had."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.dynamics.peers import stops
from core.dynamics.records import LossPair, Verdict

OURS = "GPUlse"
"""Name of the row of our own advice."""


@dataclass(frozen=True, slots=True)
class StopRow:
    """One rule on one run.

    Attributes:
        rule: its name.
        step: where it stops, None when it never does.
        kept_step: the checkpoint it keeps: the lowest validation loss it had seen by then.
        kept_value: validation loss of that checkpoint.
        over: how far that lies above the lowest loss of the run, as a share of it.
        saved: share of the validation points after its stop, 0 when it never stops.
    """

    rule: str
    step: int | None
    kept_step: int
    kept_value: float
    over: float
    saved: float


def stop_rows(pair: LossPair, verdict: Verdict) -> tuple[StopRow, ...]:
    """Our own advice first, then the peers' rules; empty without a finite validation loss."""
    val = None if pair.val is None else pair.val.finite()
    if val is None or not len(val):
        return ()
    lowest = float(val.values.min())
    rules = [(OURS, verdict.stop_step)]
    rules += [(peer.rule, peer.step) for peer in stops(pair)]
    rows = []
    for rule, step in rules:
        seen = val.until(step)
        if not len(seen):
            continue
        kept = int(np.argmin(seen.values))
        value = float(seen.values[kept])
        over = (value - lowest) / max(abs(lowest), 1e-12)
        saved = 1 - len(seen) / len(val)
        rows.append(StopRow(rule, step, int(seen.steps[kept]), value, over, saved))
    return tuple(rows)
