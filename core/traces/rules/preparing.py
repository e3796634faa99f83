"""D4: a batch is prepared in the training loop itself, outside any DataLoader."""

from __future__ import annotations

import numpy as np

from core.traces import names as n
from core.traces.case import Case
from core.traces.columns import Category
from core.traces.host import loader_mask
from core.traces.intervals import EMPTY, Intervals, overlap, union
from core.traces.records import Finding, Fix
from core.traces.rules.common import (
    WARNING,
    at_line,
    finding,
    gain,
    longest,
    main_thread,
    milliseconds,
    percent,
)
from core.traces.stacks import commonest_frame
from core.traces.window import launch_rows

LONG_GAP_US = 1_000.0
"""Shorter gaps are the ordinary Python of a step (nsys' ``gpu_gaps`` looks at longer ones only)."""
BATCH_BYTES = 1 << 16
"""A smaller upload is a scalar or a setting, not a batch (a rule of thumb of this project)."""

_FIX = Fix(
    "Move the work into the dataset or collate_fn, where worker processes do it ahead of time, or "
    "onto the GPU.",
    "class Prepared(torch.utils.data.Dataset):\n"
    "    def __getitem__(self, index):\n"
    "        return prepare(self.raw[index])   # was in the training loop\n"
    "DataLoader(Prepared(raw), batch_size=..., num_workers=4, pin_memory=True)",
)


def preparing(case: Case) -> Intervals:
    """Where the device waits, in gaps of 1 ms or more, for Python (recorded or not) that ends with
    a batch being copied to the device, or, where no DataLoader was recorded, with the first device
    work of a step. Empty where that is less than 10 % of the window."""
    if case.pieces is None:
        return EMPTY
    trace, gaps = case.trace, case.pieces.gaps
    uploads = case.named(case.device_rows(Category.MEMCPY), n.UPLOAD)
    large = uploads[(trace.bytes[uploads] >= BATCH_BYTES) | (trace.bytes[uploads] == 0)]
    ends = trace.start[large]
    if not loader_mask(trace).any():
        ends = np.union1d(ends, _first_work(case))
    mine = np.isin(gaps.end, ends) & (gaps.end - gaps.start >= LONG_GAP_US)
    python = case.pieces.of("python-bound", "unattributed")
    found = overlap(python, union(gaps.start[mine], gaps.end[mine]))
    return found if found.measure >= WARNING * case.total_us else EMPTY


def _first_work(case: Case) -> np.ndarray:
    """Start (µs) of the first device work that each step launched."""
    trace = case.trace
    rows = case.device_rows(Category.KERNEL, Category.MEMCPY, Category.MEMSET)
    launch = launch_rows(trace)[rows]
    rows, launch = rows[launch >= 0], launch[launch >= 0]
    step = np.searchsorted(case.window.step_start, trace.start[launch], side="right")
    _, first = np.unique(step, return_index=True)
    return trace.start[rows[first]]


def preparing_finding(case: Case) -> list[Finding]:
    """D4: :func:`preparing` takes 10 % of the window or more (TraceML's warning)."""
    cost = preparing(case)
    if not len(cost):
        return []
    frame = commonest_frame(case.trace, case.window.main_thread, cost)
    return [
        finding(
            case,
            "D4",
            "Batches are prepared in the training loop",
            cost.measure,
            where=f"{main_thread(case)}{at_line(frame)}",
            evidence=[
                f"{percent(cost.measure / case.total_us)} of the window the device waits for "
                "Python that ends with a batch being copied or with the step's first kernel: "
                f"{len(cost)} times, {milliseconds(float(np.median(cost.end - cost.start)))} each "
                "(median)."
            ],
            ranges=longest(cost),
            fix=_FIX,
            speedup=gain(case, cost.measure, 0.5, "Low: half stays. High: workers hide all of it."),
        )
    ]
