"""Where the main thread's time goes: the whole answer when no device was profiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.columns import Category, Trace
from core.traces.intervals import EMPTY, Intervals, Partition, overlap, paint, union
from core.traces.labels import HOST_ACTIVITIES
from core.traces.window import Window

CODE = {key: code for code, key in enumerate(HOST_ACTIVITIES)}


def host_activity(trace: Trace, window: Window) -> Partition:
    """What the main thread was doing at any moment, as codes into ``HOST_ACTIVITIES``.

    Order of precedence: DataLoader, host communication, optimizer spans, autograd operators,
    other operators; where the main thread runs none of them, communication and then operators of
    other threads (gloo and autograd have their own while the main thread waits for them); what is
    left is Python and other code that PyTorch does not record.
    """
    main = trace.thread == window.main_thread
    operator = trace.category == Category.CPU_OP
    noted = operator | (trace.category == Category.ANNOTATION)
    backward = operator & _named(trace, n.BACKWARD)
    talking = noted & _named(trace, n.HOST_COLLECTIVE)
    layers = (
        ("forward", operator & ~main),
        ("backward", backward & ~main),
        ("communication", talking & ~main),
        ("forward", operator & main),
        ("backward", backward & main),
        ("optimizer", noted & main & _named(trace, n.OPTIMIZER)),
        ("communication", talking & main),
        ("input-wait", loader_mask(trace) & main),
    )
    painted = [(CODE[key], union(trace.start[m], trace.end[m])) for key, m in layers]
    return paint(painted, CODE["python-bound"])


def host_breakdown_us(
    activity: Partition, start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """float64[intervals, activities] µs: time of each activity inside each [start, end)."""
    low, high, code, owner = activity.cut(start, end)
    width = len(HOST_ACTIVITIES)
    flat = np.bincount(owner * width + code, high - low, minlength=start.size * width)
    return flat.astype(np.float64).reshape(start.size, width)


def loader_mask(trace: Trace) -> NDArray[np.bool_]:
    """Rows in which the DataLoader is asked for the next batch."""
    noted = (trace.category == Category.ANNOTATION) | (trace.category == Category.CPU_OP)
    return noted & _named(trace, n.LOADER)


def epoch_edges(trace: Trace, window: Window) -> Intervals:
    """DataLoader calls in which workers are started or shut down: an epoch's edge, no starvation.

    Known from a Python frame inside the call (``_shutdown_workers``, ``_get_iterator``; torch
    2.13: 298 ms in one call), or, without stacks, as the one call of worker processes that takes
    over five times as long as the next longest.
    """
    rows = np.flatnonzero(loader_mask(trace) & (trace.thread == window.main_thread))
    calls = union(trace.start[rows], trace.end[rows])
    frames = trace.of(Category.PYTHON)
    edge = n.matching(trace.names, n.EPOCH_EDGE)[trace.name[frames]]
    marks = frames[edge]
    if marks.size:
        hit = calls.up_to(trace.end[marks]) > calls.up_to(trace.start[marks])
        inside = union(trace.start[marks[hit]], trace.end[marks[hit]])
        return overlap(calls, inside)
    if rows.size < 3 or n.matching(trace.names, n.LOADER_IN_PROCESS)[trace.name[rows]].any():
        return EMPTY
    ranked = rows[np.argsort(trace.duration[rows])]
    if trace.duration[ranked[-1]] > 5 * trace.duration[ranked[-2]] > 0:
        return union([trace.start[ranked[-1]]], [trace.end[ranked[-1]]])
    return EMPTY


def _named(trace: Trace, pattern: n.re.Pattern[str]) -> NDArray[np.bool_]:
    return n.matching(trace.names, pattern)[trace.name]
