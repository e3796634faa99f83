"""A2, C3: what the trace says about how the job was set up."""

from __future__ import annotations

import re

import numpy as np

from core.traces import names as n
from core.traces.case import Case
from core.traces.columns import Category
from core.traces.intervals import union
from core.traces.records import Finding, Fix
from core.traces.rules.common import finding, longest, main_thread, percent

MEMORY_NOTE, MEMORY_WARNING, MEMORY_CRITICAL = 0.90, 0.92, 0.97
"""Of the device's memory: torch-tb-profiler warns from 90 %, TraceML from 92 and 97 %."""
_DATA_PARALLEL = re.compile(r"^DataParallel\.forward$")
_DISTRIBUTED = re.compile(r"^DistributedDataParallel\.forward$")

_MEMORY_FIX = Fix(
    "Recompute activations, use mixed precision, or a smaller batch; at the limit the allocator "
    "frees and allocates again.",
    "from torch.utils.checkpoint import checkpoint\n"
    "x = checkpoint(block, x, use_reentrant=False)\n"
    'with torch.autocast("cuda", dtype=torch.bfloat16): ...',
)
_PARALLEL_FIX = Fix(
    "One process a device: DistributedDataParallel copies no model and no output in every step.",
    "torchrun --nproc-per-node=8 train.py\n"
    "model = DistributedDataParallel(model, device_ids=[local_rank])",
)
_BACKEND_FIX = Fix("Use NCCL between GPUs.", 'torch.distributed.init_process_group(backend="nccl")')


def memory_finding(case: Case) -> list[Finding]:
    """A2: PyTorch had reserved 90 % of the device's memory or more (``profile_memory=True``)."""
    if case.device is None:
        return []
    total = case.trace.hardware.get(case.device)
    most = case.trace.reserved_bytes.get(case.device, 0)
    if total is None or not total.memory_bytes or most < MEMORY_NOTE * total.memory_bytes:
        return []
    share = most / total.memory_bytes
    level = "critical" if share >= MEMORY_CRITICAL else "warning"
    return [
        finding(
            case,
            "A2",
            "The device's memory is nearly full",
            0.0,
            where=f"device {case.device}",
            evidence=[
                f"PyTorch had reserved {most / 2**30:.1f} of {total.memory_bytes / 2**30:.1f} GiB "
                f"({percent(share)})."
            ],
            ranges=((case.window.start_us, case.window.end_us),),
            fix=_MEMORY_FIX,
            speedup=None,
            level=level if share >= MEMORY_WARNING else "note",
        )
    ]


def parallel_findings(case: Case) -> list[Finding]:
    """C3: DataParallel on several devices, or DistributedDataParallel on GPUs without NCCL
    (both torch-tb-profiler; at any cost)."""
    trace = case.trace
    spans = case.rows(Category.CPU_OP, Category.ANNOTATION)
    if case.device is None:
        return []
    forward = case.named(spans, _DATA_PARALLEL)
    if forward.size and len(trace.device_ids) > 1:
        others = [d for d in trace.device_ids if d != case.device]
        return [_parallel(case, forward, f"{len(others) + 1} devices work in one process.", True)]
    forward = case.named(spans, _DISTRIBUTED)
    talks = case.named(spans, n.HOST_COLLECTIVE)
    nccl = n.matching(trace.names, n.COLLECTIVE)[trace.name].any()
    if forward.size and talks.size and not nccl:
        words = f"{talks.size / case.steps:.0f} collectives a step go over the host."
        return [_parallel(case, forward, words, False)]
    return []


def _parallel(case: Case, rows: np.ndarray, words: str, one_process: bool) -> Finding:
    where = union(case.trace.start[rows], case.trace.end[rows])
    return finding(
        case,
        "C3",
        "DataParallel shares out one process"
        if one_process
        else "Gradients are exchanged without NCCL",
        where.measure if one_process else 0.0,
        where=f"{main_thread(case)}, {case.trace.names[case.trace.name[rows[0]]]}",
        evidence=[words],
        ranges=longest(where),
        fix=_PARALLEL_FIX if one_process else _BACKEND_FIX,
        speedup=None,
        level="warning",
    )
