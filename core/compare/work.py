"""Kernels, copies and operators of two traces: time and calls a step."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.traces import Category, Diagnosis, Trace
from core.traces.nesting import nest

_WORK = {Category.KERNEL: "kernel", Category.MEMCPY: "copy", Category.MEMSET: "fill"}
_LEAST = 1e-3
"""Changes below this share of A's step are left out."""
_SAME_CALLS = 0.02
"""Calls that differ by less are the same number: a window cuts through a step."""

COLUMNS = ("name", "kind", "change", "a_ms", "b_ms", "difference_ms", "a_calls", "b_calls")


def device_work(trace: Trace, found: Diagnosis) -> pd.DataFrame:
    """What the diagnosed device ran inside the window.

    Returns:
        Columns ``name`` str, ``kind`` (kernel, copy, fill), ``ms`` and ``calls`` a step, ``mib``
        copied a step.
    """
    rows = trace.of(*_WORK)
    rows = _inside(trace, found, rows[trace.device[rows] == found.device_index])
    kinds = trace.category[rows]
    parts = []
    for category, kind in _WORK.items():
        mine = rows[kinds == category]
        parts.append(_by_name(trace, found, mine, trace.duration[mine]).assign(kind=kind))
    return pd.concat(parts, ignore_index=True)


def host_work(trace: Trace, found: Diagnosis) -> pd.DataFrame:
    """Operators by the CPU time of their own, columns as :func:`device_work`."""
    nesting = nest(trace, _inside(trace, found, trace.of(Category.CPU_OP)))
    own = nesting.self_us(trace)
    return _by_name(trace, found, nesting.rows, own).assign(kind="operator")


def _inside(trace: Trace, found: Diagnosis, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    begin = trace.start[rows]
    return rows[(begin >= found.window.start_us) & (begin < found.window.end_us)]


def _by_name(
    trace: Trace, found: Diagnosis, rows: NDArray[np.int64], us: NDArray[np.float64]
) -> pd.DataFrame:
    steps, size = max(found.steps, 1), len(trace.names)
    code = trace.name[rows]
    calls = np.bincount(code, minlength=size)
    used = np.flatnonzero(calls)
    return pd.DataFrame(
        {
            "name": pd.Series([trace.names[i] for i in used], dtype=object),
            "ms": np.bincount(code, us, minlength=size)[used] / steps / 1e3,
            "calls": calls[used] / steps,
            "mib": np.bincount(code, trace.bytes[rows], minlength=size)[used] / steps / 2**20,
        }
    )


def changed_work(a: pd.DataFrame, b: pd.DataFrame, step_ms: float) -> pd.DataFrame:
    """What takes another time in B than in A, the largest difference first.

    Args:
        a, b: frames of :func:`device_work` or :func:`host_work`.
        step_ms: a step of A; changes below a thousandth of it are left out.

    Returns:
        Columns :data:`COLUMNS`: ``change`` is ``appeared``, ``vanished``, ``more calls``, ``fewer
        calls``, ``slower`` or ``faster``; times in ms a step, calls a step.
    """
    both = a.drop(columns="mib").merge(
        b.drop(columns="mib"), on=["name", "kind"], how="outer", suffixes=("_a", "_b")
    )
    table = both.fillna(0.0).rename(
        columns={"ms_a": "a_ms", "ms_b": "b_ms", "calls_a": "a_calls", "calls_b": "b_calls"}
    )
    table["difference_ms"] = table["b_ms"] - table["a_ms"]
    table["change"] = _words(table)
    kept = table.loc[table["difference_ms"].abs() >= _LEAST * step_ms, list(COLUMNS)]
    return kept.sort_values("difference_ms", key=np.abs, ascending=False, ignore_index=True)


def _words(table: pd.DataFrame) -> NDArray[np.str_]:
    a, b = table["a_calls"].to_numpy(float), table["b_calls"].to_numpy(float)
    alike = np.abs(b - a) <= _SAME_CALLS * np.maximum(a, b)
    return np.select(
        [a == 0, b == 0, ~alike & (b > a), ~alike, table["difference_ms"].to_numpy(float) > 0],
        ["appeared", "vanished", "more calls", "fewer calls", "slower"],
        "faster",
    )
