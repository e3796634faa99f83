"""What the DataLoader does while the training process waits in it."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from core.traces.case import Case
from core.traces.columns import Category
from core.traces.intervals import Intervals
from core.traces.rules.common import percent
from core.traces.stacks import is_user_code, sample_times, stacks_at

SAMPLES = 64
_SHARE = 0.10
_FILE = re.compile(r"\.py\(\d+\): ")
_LOADER_OWN = re.compile(r"torch/utils/data/|torch/autograd/profiler|threading\.py|queue\.py")
_COLLATE = re.compile(r"collate", re.IGNORECASE)


def loader_evidence(case: Case, waits: Intervals) -> list[str]:
    """Sentences on what passes inside the waits: which function, how much of it collating.

    From samples of the Python stacks; without them from the operators that ran in the DataLoader
    (and the stacks that old profilers wrote into those). Empty where the trace says nothing, as
    with worker processes, which are not profiled.
    """
    stacks = stacks_at(case.trace, case.window.main_thread, sample_times(waits, SAMPLES))
    if any(stacks):
        return _from_stacks(stacks)
    return _from_operators(case, waits)


def _from_stacks(stacks: list[list[str]]) -> list[str]:
    count = len(stacks)
    own: Counter[str] = Counter()
    inner: Counter[str] = Counter()
    collating = 0
    for stack in stacks:
        begin = max((i for i, frame in enumerate(stack) if _LOADER_OWN.search(frame)), default=-1)
        inside = stack[begin + 1 :]
        lines = [_short(frame) for frame in inside if _FILE.search(frame)]
        own.update([frame for frame in lines if is_user_code(frame)][-1:])
        if inside:
            called = f", called in {lines[-1]}" if lines and lines[-1] != inside[-1] else ""
            inner[_short(inside[-1]) + called] += 1
        collating += any(_COLLATE.search(frame) for frame in stack)
    found = []
    if collating >= _SHARE * count:
        found.append(f"{percent(collating / count)} of that is collating samples into a batch.")
    for frames, words in ((own, "your code"), (inner, "the innermost call")):
        name, times = frames.most_common(1)[0] if frames else ("", 0)
        if times >= _SHARE * count:
            found.append(f"{percent(times / count)} of that passes in {words} {name}.")
    return found


def _from_operators(case: Case, waits: Intervals) -> list[str]:
    trace = case.trace
    rows = case.rows(Category.CPU_OP)
    rows = rows[(trace.thread[rows] == case.window.main_thread)]
    rows = rows[waits.contains(trace.start[rows])]
    if not rows.size:
        return []
    lines = _callers(case, rows)
    if lines:
        name, times = lines.most_common(1)[0]
        return [f"{percent(times / rows.size)} of the operators in it are called by {name}."]
    code = trace.name[rows]
    outer = rows[np.r_[True, trace.start[rows[1:]] >= np.maximum.accumulate(trace.end[rows])[:-1]]]
    time = np.bincount(trace.name[outer], trace.duration[outer], minlength=int(code.max()) + 1)
    top = int(time.argmax())
    if time[top] < _SHARE * waits.measure:
        return []
    return [
        f"{percent(min(time[top] / waits.measure, 1.0))} of that is {trace.names[top]} "
        f"({np.count_nonzero(code == top)} calls)."
    ]


def _callers(case: Case, rows: NDArray[np.int64]) -> Counter[str]:
    """The innermost line outside torch itself of each operator's own stack."""
    trace = case.trace
    codes, times = np.unique(trace.stack[rows], return_counts=True)
    lines: Counter[str] = Counter()
    for code, count in zip(codes.tolist(), times.tolist(), strict=True):
        if code >= 0:
            frames = trace.stack_texts[code].split(";")
            outside = [f for f in frames if "/torch/" not in f and not f.startswith("torch/")]
            if outside:
                lines[_short(outside[0])] += count
    return lines


def _short(frame: str) -> str:
    """A frame without the folders in front of the package."""
    return re.sub(r"^.*?-packages/", "", frame)
