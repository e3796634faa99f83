"""The user's own line behind a moment of the trace, where Python stacks were recorded."""

from __future__ import annotations

import re
import sys
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from core.traces.columns import Category, Trace
from core.traces.intervals import Intervals

_FRAME = re.compile(r"^(?P<file>[^<]*\.py)\((?P<line>\d+)\): (?P<function>.+)$")
_INSTALLED = re.compile(r"-packages/|/lib/python3\.\d+/|(?:^|/)core/training/watching/")
"""Installed packages, and what times a loop from inside its iterator."""

_LIBRARIES = frozenset(sys.stdlib_module_names) | {
    *("torch", "torchvision", "torchaudio", "torchdata", "functorch", "triton", "apex"),
    *("numpy", "scipy", "pandas", "sklearn", "skimage", "PIL", "cv2", "albumentations"),
    *("lightning", "pytorch_lightning", "accelerate", "transformers", "datasets", "deepspeed"),
}
"""First folder of a frame's path, as the profiler shortens it, that is not the user's code."""


def is_user_code(name: str) -> bool:
    """Whether a ``python_function`` span is a line of the user's own files."""
    match = _FRAME.match(name)
    if match is None:
        return False
    path = match["file"].replace("\\", "/")
    top = path.lstrip("/").split("/")[0].removesuffix(".py")
    return top not in _LIBRARIES and not _INSTALLED.search(path)


def user_frames(trace: Trace, thread: int, times: NDArray[np.float64]) -> list[str]:
    """The innermost line of user code around each time (µs), "" where there is none."""
    own = np.fromiter((is_user_code(name) for name in trace.names), bool, len(trace.names))
    rows = np.flatnonzero(
        (trace.category == Category.PYTHON) & (trace.thread == thread) & own[trace.name]
    )
    found = []
    for time in times.tolist():
        around = rows[(trace.start[rows] <= time) & (time < trace.end[rows])]
        found.append(trace.names[trace.name[around[-1]]] if around.size else "")
    return found


def frame_of(trace: Trace, rows: NDArray[np.int64], samples: int = 16) -> str:
    """The user's line that most of some spans were called from, "" where no stack is known.

    From Python spans around them, else from the stacks that profilers before 1.12 wrote into the
    operators themselves.
    """
    rows = rows[:samples]
    frames: Counter[str] = Counter()
    for row in rows.tolist():
        if trace.stack[row] >= 0:
            lines = trace.stack_texts[trace.stack[row]].split(";")
            frames.update([line for line in lines if is_user_code(line)][:1])
    if not frames and (trace.category == Category.PYTHON).any():
        for thread in np.unique(trace.thread[rows]).tolist():
            mine = rows[trace.thread[rows] == thread]
            frames.update(f for f in user_frames(trace, thread, trace.start[mine]) if f)
    return frames.most_common(1)[0][0] if frames else ""


def sample_times(where: Intervals, samples: int) -> NDArray[np.float64]:
    """Evenly spread moments (µs) of ``where``."""
    if not len(where):
        return np.empty(0)
    offsets = (np.arange(samples) + 0.5) / samples * where.measure
    index = np.searchsorted(where.before, offsets, side="right") - 1
    return where.start[index] + offsets - where.before[index]


def commonest_frame(trace: Trace, thread: int, where: Intervals, samples: int = 32) -> str:
    """The user's line in which most of ``where`` passes, from evenly spread samples of it."""
    if not len(where) or not (trace.category == Category.PYTHON).any():
        return ""
    times = sample_times(where, samples)
    frames = Counter(frame for frame in user_frames(trace, thread, times) if frame)
    return frames.most_common(1)[0][0] if frames else ""


def stacks_at(trace: Trace, thread: int, times: NDArray[np.float64]) -> list[list[str]]:
    """All Python spans of a thread around each time (µs), the outermost first."""
    rows = np.flatnonzero((trace.category == Category.PYTHON) & (trace.thread == thread))
    found = []
    for time in times.tolist():
        around = rows[(trace.start[rows] <= time) & (time < trace.end[rows])]
        found.append([trace.names[code] for code in trace.name[around]])
    return found


def thread_label(trace: Trace, code: int) -> str:
    """A thread's name for people."""
    thread = trace.threads[code]
    return thread.name.strip() or f"thread {thread.thread}"
