"""S1 by replay: waits for the device whose cost no single gap shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.case import Case
from core.traces.columns import Category
from core.traces.idle import blocking_calls
from core.traces.intervals import subtract
from core.traces.records import Finding
from core.traces.rules.common import (
    NOTE,
    at_line,
    commonest_name,
    finding,
    longest,
    main_thread,
    percent,
)
from core.traces.rules.sync import READ_FIX
from core.traces.stacks import user_frames
from core.traces.whatif import WhatIf

OWN_CURE = {"loader", "workers", "allocator", "communication"}
"""Edits of findings whose cost is never charged to the wait before it."""


def replayed_sync_finding(case: Case, ready: WhatIf, found: list[Finding]) -> list[Finding]:
    """S1 where the idle time after a wait is cut up, so that no gap begins with the wait itself.

    A small copy between the wait and the Python that follows it is enough for that. Waits at least
    once a step count when a replay without them saves 5 % of the window, and either more than any
    other finding does or 5 % on top of all of them. Charged is what they save where the DataLoader,
    the allocator and other ranks are mended already: a gap in which the host sits in the DataLoader
    belongs to the DataLoader. The rules before this one have their predictions already.
    """
    calls = blocking_calls(case.trace, case.window)
    alone = ready.predict(["sync"])
    if case.pieces is None or calls.size < case.steps or alone is None:
        return []
    cost = _charge(ready, found, alone.saved)
    if cost < NOTE:
        return []
    reads = case.named(case.rows(Category.CPU_OP), n.READ_BACK)
    idle = subtract(case.pieces.gaps, case.pieces.of("input-wait", "allocator", "communication"))
    culprit, where = _culprit(case, reads if reads.size else calls)
    return [
        finding(
            case,
            "S1",
            f"The host waits for the device in every step ({culprit})",
            cost * case.total_us,
            where=where,
            evidence=[
                f"{calls.size / case.steps:.1f} waiting calls a step, "
                f"{reads.size / case.steps:.1f} operators that read a value back.",
                f"Replayed without these waits the window is {percent(alone.saved)} shorter, for "
                "the host can run ahead of the device.",
            ],
            ranges=longest(idle),
            fix=READ_FIX,
            speedup=alone,
            edit="sync",
        )
    ]


def _charge(ready: WhatIf, found: list[Finding], saved: float) -> float:
    """Share of the window charged to the waits, 0 where they are not to blame."""
    known = {other.edit for other in found if other.edit and other.predicted_speedup}
    if saved < NOTE or "sync" in known:
        return 0.0
    others = [f.predicted_speedup.saved for f in found if f.predicted_speedup and f.edit in known]
    if saved <= max(others, default=0.0) and _on_top(ready, known) < NOTE:
        return 0.0
    return min(_on_top(ready, known & OWN_CURE), saved)


def _culprit(case: Case, rows: NDArray[np.int64]) -> tuple[str, str]:
    """The commonest of the waiting operators or calls, and where it is."""
    name = commonest_name(case, rows)
    frames = user_frames(case.trace, case.window.main_thread, case.trace.start[rows[:16]])
    return name, f"{main_thread(case)}, {name}{at_line(next(filter(None, frames), ''))}"


def _on_top(ready: WhatIf, known: set[str]) -> float:
    """What removing the waits saves when these edits are made anyway (share of the window)."""
    before, after = ready.predict(sorted(known)), ready.predict([*sorted(known), "sync"])
    return (after.saved if after else 0.0) - (before.saved if before else 0.0)
