"""Tables of a trace, like ``key_averages``: operators, kernels, copies, steps, idle bubbles."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.calltree import Operators, operators_of
from core.traces.case import Case, make_case
from core.traces.columns import Category, Trace
from core.traces.idle import next_rows
from core.traces.kinds import FAMILIES, family_codes, tensor_cores
from core.traces.labels import CAUSE_KEYS

SHORTEST_BUBBLE_US = 10.0
"""Shorter gaps separate any two kernels (a launch takes 3 to 12 µs); they are not listed."""
_TENSOR_CORES = {1: "yes", 0: "no", -1: ""}


def operators(trace: Trace, *, by_shapes: bool = False, annotations: bool = False) -> pd.DataFrame:
    """Operators by name, the most expensive first (device time, else self CPU time).

    The same figures as ``torch.profiler``'s ``key_averages(group_by_input_shape=by_shapes)``.

    Args:
        trace: a loaded trace.
        by_shapes: one line for each name and shapes of its inputs, where shapes were recorded.
        annotations: list ``record_function`` spans (ProfilerStep, Optimizer.step) as well.

    Returns:
        Columns ``name`` str, ``shapes`` str (with ``by_shapes``), ``calls`` int64, ``device_ms``
        (kernels and copies launched by the operator itself), ``device_total_ms`` (by its children
        too), ``self_cpu_ms``, ``total_cpu_ms``, ``self_cpu_pct`` (of all lines),
        ``mean_self_us``. Total time of a recursive operator counts each call.
    """
    spans = operators_of(trace)
    own = spans.device_us()
    use = np.flatnonzero(annotations | (trace.category[spans.rows] == Category.CPU_OP))
    rows = spans.rows[use]
    key = trace.name[rows].astype(np.int64)
    width = len(trace.input_texts) + 1
    if by_shapes:
        key = key * width + trace.inputs[rows] + 1
    keys, group = np.unique(key, return_inverse=True)

    def total(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(group, weights[use], minlength=keys.size) / 1e3

    calls = np.bincount(group, minlength=keys.size)
    self_cpu = total(spans.nesting.self_us(trace))
    code, shape = (keys // width, keys % width) if by_shapes else (keys, None)
    frame = pd.DataFrame({"name": [trace.names[i] for i in code.tolist()]})
    if shape is not None:
        texts = ["", *(n.readable_shapes(text) for text in trace.input_texts)]
        frame["shapes"] = [texts[i] for i in shape.tolist()]
    frame["calls"] = calls
    frame["device_ms"] = total(own)
    frame["device_total_ms"] = total(_with_children(spans, own))
    frame["self_cpu_ms"] = self_cpu
    frame["total_cpu_ms"] = total(trace.duration[spans.rows])
    frame["self_cpu_pct"] = 100 * self_cpu / max(self_cpu.sum(), 1e-9)
    frame["mean_self_us"] = 1e3 * self_cpu / np.maximum(calls, 1)
    by = "device_ms" if own.any() else "self_cpu_ms"
    return frame.sort_values([by, "self_cpu_ms"], ascending=False, ignore_index=True)


def _with_children(spans: Operators, own: NDArray[np.float64]) -> NDArray[np.float64]:
    """Device µs launched by each span and everything inside it."""
    nesting, total = spans.nesting, own.copy()
    for level in range(int(nesting.depth.max(initial=0)), 0, -1):
        child = np.flatnonzero((nesting.depth == level) & (nesting.parent >= 0))
        total += np.bincount(nesting.parent[child], total[child], minlength=total.size)
    return total


def kernels(trace: Trace) -> pd.DataFrame:
    """Device work by name, the most expensive first.

    Returns:
        Columns ``name`` str, ``kind`` (kernel, copy, fill), ``family`` (what a kernel computes, ""
        for others), ``tensor_cores`` (yes, no, "" where the name does not say), ``calls`` int64,
        ``total_ms``, ``mean_us``, ``min_us``, ``max_us``, ``device_pct`` (of all device time),
        ``occupancy_pct`` and ``blocks_per_sm`` (means weighted by time, NaN where not recorded),
        ``mib`` (copies).
    """
    rows = np.flatnonzero(trace.on_device)
    rows = rows[np.lexsort((trace.category[rows], trace.name[rows]))]
    code, kind, us = trace.name[rows], trace.category[rows], trace.duration[rows]
    first = np.flatnonzero(np.r_[True, (np.diff(code) != 0) | (np.diff(kind) != 0)][: rows.size])
    calls = np.diff(np.r_[first, rows.size])
    kinds = {Category.KERNEL: "kernel", Category.MEMCPY: "copy", Category.MEMSET: "fill"}
    names = tuple(trace.names[i] for i in code[first].tolist())
    is_kernel = kind[first] == Category.KERNEL
    family, units = family_codes(names), np.where(is_kernel, tensor_cores(names), -1)
    total = _by_group(np.add, us, first)
    result = pd.DataFrame(
        {
            "name": names,
            "kind": [kinds[Category(i)] for i in kind[first].tolist()],
            "family": np.where(is_kernel, np.array(FAMILIES)[family], ""),
            "tensor_cores": [_TENSOR_CORES[i] for i in units.tolist()],
            "calls": calls,
            "total_ms": total / 1e3,
            "mean_us": total / calls,
            "min_us": _by_group(np.minimum, us, first),
            "max_us": _by_group(np.maximum, us, first),
            "device_pct": 100 * total / max(float(us.sum()), 1e-9),
            "occupancy_pct": _weighted_mean(trace.occupancy_pct[rows], us, first),
            "blocks_per_sm": _weighted_mean(trace.blocks_per_sm[rows], us, first),
            "mib": _by_group(np.add, trace.bytes[rows] / 2**20, first),
        }
    )
    return result.sort_values("total_ms", ascending=False, ignore_index=True)


def copies(trace: Trace) -> pd.DataFrame:
    """Memory copies and fills by kind, the most expensive first.

    Returns:
        Columns ``kind`` str (as the profiler names it, with the kinds of memory), ``calls`` int64,
        ``total_ms``, ``mean_us``, ``mib``, ``mean_kib``, ``gb_s`` (all bytes over all time) and
        ``best_gb_s`` (the fastest one; NaN where no size was recorded).
    """
    rows = trace.of(Category.MEMCPY, Category.MEMSET)
    rows = rows[np.argsort(trace.name[rows], kind="stable")]
    code, us = trace.name[rows], trace.duration[rows]
    moved = trace.bytes[rows].astype(np.float64)
    first = np.flatnonzero(np.r_[True, np.diff(code) != 0][: rows.size])
    calls = np.diff(np.r_[first, rows.size])
    total, size = _by_group(np.add, us, first), _by_group(np.add, moved, first)
    rate = np.divide(moved, 1e3 * us, out=np.zeros(us.size), where=us > 0)
    recorded = size > 0
    result = pd.DataFrame(
        {
            "kind": [trace.names[i] for i in code[first].tolist()],
            "calls": calls,
            "total_ms": total / 1e3,
            "mean_us": total / calls,
            "mib": size / 2**20,
            "mean_kib": size / calls / 2**10,
            "gb_s": np.where(recorded, size / 1e3 / np.maximum(total, 1e-9), np.nan),
            "best_gb_s": np.where(recorded, _by_group(np.maximum, rate, first), np.nan),
        }
    )
    return result.sort_values("total_ms", ascending=False, ignore_index=True)


def _by_group(
    how: np.ufunc, values: NDArray[np.float64], first: NDArray[np.int64]
) -> NDArray[np.float64]:
    return how.reduceat(values, first) if first.size else np.empty(0)


def _weighted_mean(
    values: NDArray[np.float32], weights: NDArray[np.float64], first: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean of the known values of each group, NaN for a group without any."""
    known = np.isfinite(values)
    weight = np.where(known, np.maximum(weights, 1e-9), 0.0)
    sums = _by_group(np.add, np.where(known, values, 0.0) * weight, first)
    return sums / np.where((total := _by_group(np.add, weight, first)) > 0, total, np.nan)


def bubbles(trace: Trace) -> pd.DataFrame:
    """Gaps of the busiest device of 10 µs and more, the longest first; empty without a device."""
    return bubble_table(make_case(trace))


def bubble_table(case: Case) -> pd.DataFrame:
    """:func:`bubbles` for facts already gathered (rule G2).

    Returns:
        Columns ``start_ms`` (from the window's start), ``length_us``, ``step`` (as the profiler
        counted; −1 without steps), ``cause`` (of most of it), ``cause_pct`` (how much of it),
        ``window_pct``, ``drained`` bool (a synchronising call had emptied the device), ``next``
        (the operation that ends it, "" for the last gap).
    """
    columns = ["start_ms", "length_us", "step", "cause", "cause_pct", "window_pct"]
    if case.pieces is None or case.device is None:
        return pd.DataFrame(columns=[*columns, "drained", "next"])
    pieces, gaps, window = case.pieces, case.pieces.gaps, case.window
    length = gaps.end - gaps.start
    use = np.flatnonzero(length >= SHORTEST_BUBBLE_US)
    use = use[np.argsort(-length[use], kind="stable")]
    width = len(CAUSE_KEYS)
    flat = np.bincount(
        pieces.gap * width + pieces.cause, pieces.end - pieces.start, minlength=len(gaps) * width
    )
    parts = flat.reshape(len(gaps), width)[use]
    worst = parts.argmax(axis=1)
    step = np.searchsorted(window.step_start, gaps.start[use], side="right") - 1
    numbered = np.append(window.step_number, -1)
    after = next_rows(case.trace, gaps, case.device)[use]
    return pd.DataFrame(
        {
            "start_ms": (gaps.start[use] - window.start_us) / 1e3,
            "length_us": length[use],
            "step": numbered[np.where(window.steps > 0, np.maximum(step, 0), -1)],
            "cause": np.array(CAUSE_KEYS)[worst],
            "cause_pct": 100 * parts[np.arange(use.size), worst] / length[use],
            "window_pct": 100 * length[use] / window.length_us,
            "drained": pieces.drained[use],
            "next": [case.trace.names[case.trace.name[r]] if r >= 0 else "" for r in after],
        }
    )


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
