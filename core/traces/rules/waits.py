"""S1 by replay: waits for the device whose cost no single gap shows."""

from __future__ import annotations

import numpy as np

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
from core.traces.rules.device import SYNC_FIX
from core.traces.stacks import user_frames
from core.traces.whatif import WhatIf


def replayed_sync_finding(case: Case, ready: WhatIf, found: list[Finding]) -> list[Finding]:
    """S1 where the idle time after a wait is cut up, so that no gap begins with the wait itself.

    A small copy between the wait and the Python that follows it is enough for that. Waits at least
    once a step count when a replay without them saves 5 % of the window or more, and either more
    than any other finding does or 5 % on top of all of them: causes interact, and where the host
    would sit in the DataLoader anyway the wait is not to blame. The rules run before this one have
    their predictions already.
    """
    calls = np.intersect1d(case.rows(Category.RUNTIME), blocking_calls(case.trace))
    known = {other.edit for other in found if other.edit and other.predicted_speedup}
    if case.pieces is None or calls.size < case.steps or "sync" in known:
        return []
    alone = ready.predict(["sync"])
    if alone is None or alone.saved < NOTE or not _counts(ready, found, known, alone.saved):
        return []
    operators = case.rows(Category.CPU_OP)
    reads = case.named(operators, n.READ_BACK)
    rows = reads if reads.size else calls
    culprit = commonest_name(case, rows)
    frames = user_frames(case.trace, case.window.main_thread, case.trace.start[rows[:16]])
    idle = subtract(case.pieces.gaps, case.pieces.of("input-wait", "allocator", "communication"))
    return [
        finding(
            case,
            "S1",
            f"The host waits for the device in every step ({culprit})",
            alone.saved * case.total_us,
            where=f"{main_thread(case)}, {culprit}{at_line(next(filter(None, frames), ''))}",
            evidence=[
                f"{calls.size / case.steps:.1f} waiting calls a step, "
                f"{reads.size / case.steps:.1f} operators that read a value back.",
                f"Replayed without these waits the window is {percent(alone.saved)} shorter, for "
                "the host can run ahead of the device.",
            ],
            ranges=longest(idle),
            fix=SYNC_FIX,
            speedup=alone,
            edit="sync",
        )
    ]


def _counts(ready: WhatIf, found: list[Finding], known: set[str], saved: float) -> bool:
    others = [f.predicted_speedup.saved for f in found if f.predicted_speedup and f.edit in known]
    if saved > max(others, default=0.0):
        return True
    before, after = ready.predict(sorted(known)), ready.predict([*sorted(known), "sync"])
    return before is not None and after is not None and after.saved - before.saved >= NOTE
