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
    return top not in _LIBRARIES and "-packages/" not in path


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


def commonest_frame(trace: Trace, thread: int, where: Intervals, samples: int = 32) -> str:
    """The user's line in which most of ``where`` passes, from evenly spread samples of it."""
    if not len(where) or not (trace.category == Category.PYTHON).any():
        return ""
    offsets = (np.arange(samples) + 0.5) / samples * where.measure
    index = np.searchsorted(where.before, offsets, side="right") - 1
    times = where.start[index] + offsets - where.before[index]
    frames = Counter(frame for frame in user_frames(trace, thread, times) if frame)
    return frames.most_common(1)[0][0] if frames else ""


def thread_label(trace: Trace, code: int) -> str:
    """A thread's name for people."""
    thread = trace.threads[code]
    return thread.name.strip() or f"thread {thread.thread}"
