"""Tables of a trace, like ``key_averages``: operators, kernels, steps."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.traces.case import Case, make_case
from core.traces.columns import Category, Trace
from core.traces.nesting import Nesting, nest
from core.traces.window import launch_rows


def operators(trace: Trace) -> pd.DataFrame:
    """Operators by name, the most expensive first (device time, else self CPU time).

    Returns:
        Columns ``name`` str, ``calls`` int64, ``device_ms`` (kernels and copies launched by the
        operator itself), ``device_total_ms`` (by its children too), ``self_cpu_ms``,
        ``total_cpu_ms``, ``self_cpu_pct`` (of all operators), ``mean_self_us``. Total time of a
        recursive operator counts each call.
    """
    rows = trace.of(Category.CPU_OP)
    nesting = nest(trace, rows)
    own_device, all_device = _device_us(trace, nesting)
    code = trace.name[nesting.rows]
    size = len(trace.names)

    def total(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(code, weights, minlength=size) / 1e3

    calls = np.bincount(code, minlength=size)
    self_cpu = total(nesting.self_us(trace))
    used = np.flatnonzero(calls)
    frame = pd.DataFrame(
        {
            "name": [trace.names[i] for i in used],
            "calls": calls[used],
            "device_ms": total(own_device)[used],
            "device_total_ms": total(all_device)[used],
            "self_cpu_ms": self_cpu[used],
            "total_cpu_ms": total(trace.duration[nesting.rows])[used],
            "self_cpu_pct": 100 * self_cpu[used] / max(self_cpu.sum(), 1e-9),
            "mean_self_us": 1e3 * self_cpu[used] / calls[used],
        }
    )
    by = "device_ms" if own_device.any() else "self_cpu_ms"
    return frame.sort_values([by, "self_cpu_ms"], ascending=False, ignore_index=True)


def _device_us(trace: Trace, nesting: Nesting) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Device µs launched by each operator itself, and by it and its children.

    Device work -> correlation -> runtime call -> innermost operator around that call.
    """
    own = np.zeros(nesting.rows.size)
    work = np.flatnonzero(trace.on_device)
    launch = launch_rows(trace)[work]
    work, launch = work[launch >= 0], launch[launch >= 0]
    if nesting.rows.size and work.size:
        owner = nesting.enclosing(trace, trace.thread[launch], trace.start[launch])
        known = owner >= 0
        own = np.bincount(
            owner[known], trace.duration[work[known]], minlength=nesting.rows.size
        ).astype(np.float64)
    total = own.copy()
    for level in range(int(nesting.depth.max(initial=0)), 0, -1):
        child = np.flatnonzero((nesting.depth == level) & (nesting.parent >= 0))
        np.add.at(total, nesting.parent[child], total[child])
    return own, total


def kernels(trace: Trace) -> pd.DataFrame:
    """Device work by name, the most expensive first.

    Returns:
        Columns ``name`` str, ``kind`` (kernel, copy, fill), ``calls`` int64, ``total_ms``,
        ``mean_us``, ``min_us``, ``max_us``, ``device_pct`` (of all device time), ``mib`` (copies).
    """
    rows = np.flatnonzero(trace.on_device)
    rows = rows[np.lexsort((trace.category[rows], trace.name[rows]))]
    code, kind, us = trace.name[rows], trace.category[rows], trace.duration[rows]
    first = np.flatnonzero(np.r_[True, (np.diff(code) != 0) | (np.diff(kind) != 0)][: rows.size])
    calls = np.diff(np.r_[first, rows.size])
    kinds = {Category.KERNEL: "kernel", Category.MEMCPY: "copy", Category.MEMSET: "fill"}
    total = _by_group(np.add, us, first)
    result = pd.DataFrame(
        {
            "name": [trace.names[i] for i in code[first]],
            "kind": [kinds[Category(int(i))] for i in kind[first]],
            "calls": calls,
            "total_ms": total / 1e3,
            "mean_us": total / calls,
            "min_us": _by_group(np.minimum, us, first),
            "max_us": _by_group(np.maximum, us, first),
            "device_pct": 100 * total / max(float(us.sum()), 1e-9),
            "mib": _by_group(np.add, trace.bytes[rows] / 2**20, first),
        }
    )
    return result.sort_values("total_ms", ascending=False, ignore_index=True)


def _by_group(
    how: np.ufunc, values: NDArray[np.float64], first: NDArray[np.int64]
) -> NDArray[np.float64]:
    return how.reduceat(values, first) if first.size else np.empty(0)


def steps(trace: Trace) -> pd.DataFrame:
    """One row a step (a step lasts until the next one begins, the last until the window ends).

    Returns:
        Columns ``step`` int64, ``start_ms`` (from the window's start), ``duration_ms``, then one
        column of ms for every activity of the step breakdown; these sum to the duration.
    """
    return step_table(make_case(trace))


def step_table(case: Case) -> pd.DataFrame:
    """:func:`steps` for facts already gathered."""
    window = case.window
    start = window.step_start if window.steps else np.array([window.start_us])
    number = window.step_number if window.steps else np.array([0])
    end = np.append(start[1:], window.end_us)
    parts = case.breakdown_us(start, end) / 1e3
    frame = pd.DataFrame(
        {
            "step": number,
            "start_ms": (start - window.start_us) / 1e3,
            "duration_ms": (end - start) / 1e3,
        }
    )
    return pd.concat([frame, pd.DataFrame(parts, columns=list(case.keys))], axis=1)
