"""Rules on copies, allocation and communication: H1, A1, C1."""

from __future__ import annotations

import numpy as np

from core.traces import names as n
from core.traces.case import Case
from core.traces.columns import Category
from core.traces.intervals import overlap, union
from core.traces.records import Finding, Fix
from core.traces.rules.common import (
    NOTE,
    commonest_name,
    finding,
    gain,
    longest,
    main_thread,
    milliseconds,
    percent,
)

PINNED_GBPS = 25.0
"""What a pinned copy reaches on PCIe 4.0 x16, of 32 GB/s nominal."""
_PIN_FIX = Fix(
    "Pin the batches and copy them while the device computes.",
    "loader = DataLoader(dataset, ..., pin_memory=True)\nx = x.to(device, non_blocking=True)",
    {"pin_memory": True},
)
_ALLOC_FIX = Fix(
    "Let the caching allocator keep its memory: no empty_cache() in the loop, stable shapes.",
    'os.environ["PYTORCH_CUDA_ALLOC_CONF"] = "expandable_segments:True"',
)
_COMM_FIX = Fix(
    "Overlap communication with backward, and communicate less often or less.",
    "model = DDP(model, bucket_cap_mb=100, gradient_as_bucket_view=True)\n"
    "with model.no_sync():  # while accumulating gradients\n"
    "    loss.backward()",
)


def copy_finding(case: Case) -> list[Finding]:
    """H1: pageable host-to-device copies, exposed for 5 % of the window or more than 10 of them.

    Thresholds as TraceLens (``dir_pct`` > 5, count > 10). Cost: what pinned memory would save of
    their exposed time, plus device idle time while the host is inside a copy call.
    """
    trace, rows = case.trace, case.device_rows(Category.MEMCPY)
    rows = case.named(rows, n.PAGEABLE_UPLOAD)
    if not rows.size or case.pieces is None:
        return []
    shown = overlap(union(trace.start[rows], trace.end[rows]), case.copies)
    spent, moved = float(trace.duration[rows].sum()), float(trace.bytes[rows].sum())
    rate = moved / 1e3 / max(spent, 1e-9)
    saved = shown.measure * max(1 - rate / PINNED_GBPS, 0.0)
    blocked = case.pieces.of("copy-wait").measure
    if shown.measure + blocked < NOTE * case.total_us and rows.size <= 10:
        return []
    return [
        finding(
            case,
            "H1",
            "Batches are copied from pageable memory",
            saved + blocked,
            where=f"stream {int(trace.stream[rows[0]])}, {trace.names[trace.name[rows[0]]]}",
            evidence=[
                f"{rows.size} copies of {moved / 2**20:,.0f} MiB at {rate:.1f} GB/s; pinned memory "
                f"reaches about {PINNED_GBPS:.0f} GB/s on PCIe 4.0.",
                f"{percent(shown.measure / case.total_us)} of the window is such a copy with no "
                "kernel beside it.",
            ],
            ranges=longest(shown),
            fix=_PIN_FIX,
            speedup=gain(
                case, saved + blocked, 0.5, "Low: half is saved. High: pinned rate, no blocking."
            ),
            edit="copies",
        )
    ]


def allocator_finding(case: Case) -> list[Finding]:
    """A1: device memory is allocated or freed in steady state: 5 % idle, or once per step."""
    calls = case.named(case.rows(Category.RUNTIME), n.ALLOCATE)
    if case.pieces is None or not calls.size:
        return []
    idle = case.pieces.of("allocator")
    settled = case.window.step_start[1] if case.window.steps > 1 else case.window.start_us
    late = int(np.count_nonzero(case.trace.start[calls] >= settled))
    if idle.measure < NOTE * case.total_us and late < max(case.window.steps - 1, 1):
        return []
    return [
        finding(
            case,
            "A1",
            "Device memory is allocated and freed inside the steps",
            idle.measure,
            where=f"{main_thread(case)}, {commonest_name(case, calls)}",
            evidence=[
                f"{calls.size / case.steps:.1f} allocator calls a step take "
                f"{milliseconds(float(case.trace.duration[calls].sum()))} in all.",
                f"The device idles {percent(idle.measure / case.total_us)} of the window in them.",
            ],
            ranges=longest(idle),
            fix=_ALLOC_FIX,
            speedup=gain(case, idle.measure, 0.5, "Low: half of the calls stay. High: none."),
            edit="allocator",
        )
    ]


def communication_finding(case: Case) -> list[Finding]:
    """C1: communication that no computing hides, from 5 % (TraceLens; torch-tb-profiler: 10 %)."""
    cost = case.communication.measure
    if case.pieces is not None:
        cost += case.pieces.of("communication").measure
    if cost < NOTE * case.total_us:
        return []
    rows = case.named(case.device_rows(Category.KERNEL), n.COLLECTIVE)
    total = float(case.trace.duration[rows].sum())
    hidden = 1 - min(case.communication.measure / max(total, 1e-9), 1.0)
    return [
        finding(
            case,
            "C1",
            "Communication is not hidden behind computing",
            cost,
            where=f"device {case.device}, {commonest_name(case, rows) or 'host collectives'}",
            evidence=[
                f"{percent(cost / case.total_us)} of the window is communication alone "
                f"({rows.size / case.steps:.0f} collectives a step).",
                f"{100 * hidden:.0f} % of the collectives' time overlaps computing.",
            ],
            ranges=longest(case.communication),
            fix=_COMM_FIX,
            speedup=gain(case, cost, 0.5, "Low: half is hidden. High: all of it is."),
            edit="communication",
        )
    ]
