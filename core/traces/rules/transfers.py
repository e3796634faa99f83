"""H2, H3, H4: copies that nothing hides, copies that need not be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.traces import names as n
from core.traces.calltree import Operators
from core.traces.case import Case
from core.traces.columns import Category
from core.traces.intervals import Intervals, overlap, union
from core.traces.records import Finding, Fix
from core.traces.rules.common import (
    NOTE,
    at_line,
    commonest_name,
    finding,
    gain,
    longest,
    main_thread,
    milliseconds,
    percent,
)
from core.traces.rules.device import PINNED_GBPS
from core.traces.stacks import frame_of
from core.traces.window import launch_rows

SLOW_COPY = 0.5
"""Of ``PINNED_GBPS``: a pinned copy below half of it is slow (an older or narrower PCIe link, a
distant NUMA node). A rule of thumb of this project."""
_LARGE_BYTES = 1 << 20
"""Smaller copies measure latency, not bandwidth."""
_AT_ONCE_US = 200.0
"""A tensor that is made and copied in one expression is copied within this time."""

_PREFETCH_FIX = Fix(
    "Copy the next batch on a stream of its own while the current one is computed.",
    "copy = torch.cuda.Stream()\n"
    "with torch.cuda.stream(copy):\n"
    "    following = batch.to(device, non_blocking=True)\n"
    "torch.cuda.current_stream().wait_stream(copy)",
)
_DOWNLOAD_FIX = Fix(
    "Keep results on the device, copy back less often, and without blocking into pinned memory.",
    'host = torch.empty_like(x, device="cpu", pin_memory=True)\nhost.copy_(x, non_blocking=True)',
)
_BUILD_FIX = Fix(
    "Create the tensor where it is used.",
    "x = torch.zeros(size, device=device)   # instead of torch.zeros(size).to(device)",
)


def transfer_findings(case: Case, operators: Operators) -> list[Finding]:
    """H2, H3 and H4; nothing without a device."""
    if case.pieces is None:
        return []
    return _uploads(case) + _downloads(case) + _built_on_host(case, operators)


def _exposed(case: Case, rows: NDArray[np.int64]) -> Intervals:
    trace = case.trace
    return overlap(union(trace.start[rows], trace.end[rows]), case.copies)


def _rate_gbps(case: Case, rows: NDArray[np.int64]) -> float:
    """Bandwidth of the large copies, NaN without any."""
    rows = rows[case.trace.bytes[rows] >= _LARGE_BYTES]
    spent = float(case.trace.duration[rows].sum())
    return float(case.trace.bytes[rows].sum()) / 1e3 / spent if spent else float("nan")


def _uploads(case: Case) -> list[Finding]:
    """H2: pinned copies to the device with no kernel beside them, from 5 % of the window (as H1;
    TraceLens warns of copies from 5 %). Says so where they are slow as well (``SLOW_COPY``)."""
    rows = case.named(case.device_rows(Category.MEMCPY), n.UPLOAD)
    rows = np.setdiff1d(rows, case.named(rows, n.PAGEABLE_UPLOAD), assume_unique=True)
    shown = _exposed(case, rows)
    if not rows.size or shown.measure < NOTE * case.total_us:
        return []
    rate = _rate_gbps(case, rows)
    streams = np.unique(case.trace.stream[rows])
    kernels = np.unique(case.trace.stream[case.device_rows(Category.KERNEL)])
    shared = "the stream that computes" if np.isin(streams, kernels).all() else "another stream"
    evidence = [
        f"{percent(shown.measure / case.total_us)} of the window is a copy to the device with no "
        f"kernel beside it ({rows.size / case.steps:.1f} a step, on {shared})."
    ]
    if rate < SLOW_COPY * PINNED_GBPS:
        evidence.append(
            f"They reach {rate:.1f} GB/s where a pinned copy over PCIe 4.0 reaches about "
            f"{PINNED_GBPS:.0f}: look at the link (nvidia-smi -q) and the NUMA node."
        )
    return [
        finding(
            case,
            "H2",
            "Batches are copied while nothing computes",
            shown.measure,
            where=f"stream {int(streams[0])}, {commonest_name(case, rows)}",
            evidence=evidence,
            ranges=longest(shown),
            fix=_PREFETCH_FIX,
            speedup=gain(case, shown.measure, 0.5, "Low: half is hidden. High: all of it is."),
        )
    ]


def _downloads(case: Case) -> list[Finding]:
    """H4: copies back to the host with no kernel beside them, from 5 % of the window (TraceLens
    warns of copies from 5 %)."""
    rows = case.named(case.device_rows(Category.MEMCPY), n.DOWNLOAD)
    shown = _exposed(case, rows)
    if not rows.size or shown.measure < NOTE * case.total_us:
        return []
    moved = float(case.trace.bytes[rows].sum()) / 2**20
    rate = _rate_gbps(case, rows)
    speed = f" at {rate:.1f} GB/s" if rate == rate else ""
    return [
        finding(
            case,
            "H4",
            "Results are copied back while nothing computes",
            shown.measure,
            where=f"stream {int(case.trace.stream[rows[0]])}, {commonest_name(case, rows)}",
            evidence=[
                f"{percent(shown.measure / case.total_us)} of the window is a copy to the host "
                f"with no kernel beside it: {rows.size / case.steps:.1f} a step, "
                f"{moved:,.1f} MiB in all{speed}."
            ],
            ranges=longest(shown),
            fix=_DOWNLOAD_FIX,
            speedup=gain(case, shown.measure, 0.5, "Low: half is hidden. High: all of it is."),
        )
    ]


def _built_on_host(case: Case, operators: Operators) -> list[Finding]:
    """H3: a tensor is filled on the host and copied to the device at once, in every step.

    As torch's ``ExtraCUDACopyPattern``: the last thing before ``aten::to`` is ``aten::fill_``,
    ``zero_``, ``normal_`` or ``uniform_`` on the host. Where shapes were recorded they must agree.
    """
    trace, rows = case.trace, operators.rows
    if not rows.size:
        return []
    copies = case.named(case.device_rows(Category.MEMCPY), n.UPLOAD)
    launch = launch_rows(trace)[copies]
    copies, launch = copies[launch >= 0], launch[launch >= 0]
    moving = operators.nearest(operators.named(n.MOVE), outermost=True)
    around = operators.around(launch)
    target = np.where(around >= 0, moving[np.maximum(around, 0)], -1)
    copies, target = copies[target > 0], target[target > 0]
    before = target - 1  # in order of start: the last span that ended before, or the parent
    filled = operators.named(n.FILL) & (operators.device_us() == 0)
    filler, mover = rows[before], rows[target]
    near = trace.start[mover] - trace.end[filler]
    hit = filled[before] & (near >= 0) & (near <= _AT_ONCE_US)
    hit &= trace.thread[filler] == trace.thread[mover]
    hit &= _same_shape(case, filler, mover)
    copies, mover, filler = copies[hit], mover[hit], filler[hit]
    if copies.size < max(case.steps, 2):
        return []
    where = union(trace.start[filler], trace.end[mover])
    cost = overlap(where, case.pieces.gaps) if case.pieces is not None else where
    spent = cost.measure + _exposed(case, copies).measure
    return [
        finding(
            case,
            "H3",
            "Tensors are filled on the host and then copied to the device",
            spent,
            where=f"{main_thread(case)}, {commonest_name(case, filler)}"
            f"{at_line(frame_of(trace, mover))}",
            evidence=[
                f"{copies.size / case.steps:.1f} such copies a step; the host spends "
                f"{milliseconds(where.measure / case.steps)} a step in making and copying them."
            ],
            ranges=longest(where),
            fix=_BUILD_FIX,
            speedup=gain(case, spent, 0.5, "Low: half is saved. High: all of it."),
        )
    ]


def _same_shape(case: Case, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the first inputs have equal shapes; unknown shapes count as equal."""
    firsts = [n.first_shape(text) for text in case.trace.input_texts]
    codes = {text: code for code, text in enumerate(dict.fromkeys(firsts))}
    table = np.array([codes[text] for text in firsts] + [-1])
    left, right = table[case.trace.inputs[one]], table[case.trace.inputs[other]]
    return (left == right) | (left < 0) | (right < 0)
