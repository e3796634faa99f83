"""Rules for traces without a device: F2 (Python), C1 (communication), O1 (operators)."""

from __future__ import annotations

import numpy as np

from core.traces import names as n
from core.traces.case import Case
from core.traces.columns import Category
from core.traces.host import CODE, loader_mask
from core.traces.intervals import Intervals, union
from core.traces.nesting import nest
from core.traces.records import Finding, Fix
from core.traces.rules.common import (
    CRITICAL,
    NOTE,
    at_line,
    commonest_name,
    finding,
    gain,
    longest,
    main_thread,
    percent,
)
from core.traces.stacks import commonest_frame

_PYTHON_FIX = Fix(
    "Vectorise or move the Python work out of the step; record stacks to see the line.",
    "with profile(..., with_stack=True) as prof: ...",
    {"with_stack": True},
)
_COMMUNICATION_FIX = Fix(
    "Communicate less often, and overlap it with backward; find the rank that arrives last.",
    "with model.no_sync():  # while accumulating gradients\n    loss.backward()",
)
_OPERATOR_FIX = Fix(
    "The step computes: use a GPU if there is one, a smaller model or input, or compile the model.",
    "model = torch.compile(model)\ntorch.set_num_threads(os.cpu_count())",
)


def host_findings(case: Case) -> list[Finding]:
    """F2 from 20 % and C1 from 5 % of the main thread's time, O1 where operators take half."""
    if case.activity is None:
        return []
    return _python(case) + _communication(case) + _operators(case)


def _of(case: Case, *keys: str) -> Intervals:
    if case.activity is None:
        return union([], [])
    low, high = np.array([case.window.start_us]), np.array([case.window.end_us])
    start, end, code, _ = case.activity.cut(low, high)
    mine = np.isin(code, [CODE[key] for key in keys])
    return union(start[mine], end[mine])


def _python(case: Case) -> list[Finding]:
    python = _of(case, "python-bound")
    if python.measure < CRITICAL * case.total_us:
        return []
    frame = commonest_frame(case.trace, case.window.main_thread, python)
    stacks = bool((case.trace.category == Category.PYTHON).any())
    evidence = [
        f"{percent(python.measure / case.total_us)} of the main thread's time lies outside "
        "operators and the DataLoader."
    ]
    if not stacks:
        evidence.append("The trace has no Python stacks, so it cannot say which line.")
    return [
        finding(
            case,
            "F2",
            "Much of the step is Python outside PyTorch",
            python.measure,
            where=f"{main_thread(case)}{at_line(frame)}",
            evidence=evidence,
            ranges=longest(python),
            fix=_PYTHON_FIX,
            speedup=gain(case, python.measure, 1.0, "Low: it cannot be moved. High: all of it is."),
            edit="python",
        )
    ]


def _communication(case: Case) -> list[Finding]:
    talks = _of(case, "communication")
    if talks.measure < NOTE * case.total_us:
        return []
    rows = case.named(case.rows(Category.ANNOTATION, Category.CPU_OP), n.HOST_COLLECTIVE)
    return [
        finding(
            case,
            "C1",
            "The step waits for other ranks",
            talks.measure,
            where=f"{main_thread(case)}, {commonest_name(case, rows)}",
            evidence=[
                f"{percent(talks.measure / case.total_us)} of the main thread's time passes while "
                f"only communication runs ({rows.size / case.steps:.0f} collectives a step)."
            ],
            ranges=longest(talks),
            fix=_COMMUNICATION_FIX,
            speedup=gain(case, talks.measure, 0.5, "Low: half is hidden. High: all of it is."),
            edit="communication",
        )
    ]


def _operators(case: Case) -> list[Finding]:
    working = _of(case, "forward", "backward", "optimizer")
    if working.measure < 0.5 * case.total_us:
        return []
    name, share = _top_operator(case)
    return [
        finding(
            case,
            "O1",
            "Most of the step is computing on the CPU",
            working.measure,
            where=f"{main_thread(case)}, {name}",
            evidence=[
                f"Operators take {percent(working.measure / case.total_us)} of the main thread's "
                f"time; {name} alone {percent(share)} of theirs."
            ],
            ranges=longest(working, 1),
            fix=_OPERATOR_FIX,
            speedup=None,
            level="note",
        )
    ]


def _top_operator(case: Case) -> tuple[str, float]:
    """Name and share of self time of the most expensive operator outside the DataLoader."""
    trace = case.trace
    nesting = nest(trace, case.rows(Category.CPU_OP))
    loads = np.flatnonzero(loader_mask(trace))
    inside = union(trace.start[loads], trace.end[loads]).contains(trace.start[nesting.rows])
    code = trace.name[nesting.rows][~inside]
    own = np.bincount(code, nesting.self_us(trace)[~inside], minlength=len(trace.names))
    # Autograd's own bookkeeping spans enclose operators; what they keep is not one of them.
    own[n.matching(trace.names, n.BACKWARD)] = 0.0
    top = int(own.argmax())
    return trace.names[top], float(own[top] / max(own.sum(), 1e-9))
