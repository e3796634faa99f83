"""What a child process of the traces bench does: ``python -m tests.bench.tracecases NAME PATH``.

The case of the peer runs in an interpreter that has neither this project's packages nor needs
them.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.bench.measure import Part, memory_mib

ZOOMS = (1.0, 0.5, 0.1, 0.01, 1e-3, 1e-4, 1e-6)


def ours(path: str) -> None:
    """Load a trace from its text, and diagnose it."""
    import numpy.ma  # noqa: F401 (an import that numpy puts off)

    from core.traces import diagnose, load_trace

    with Part() as part:
        trace = load_trace(Path(path))
        found = diagnose(trace)
    work = int(trace.on_device.sum())
    part.say(spans=len(trace), work=work, primary=found.primary, steps=found.steps)


def opened(path: str) -> None:
    """Open diagnosis and columns by way of the cache."""
    from core.traces import open_diagnosis, open_trace

    with Part() as part:
        open_diagnosis(path)
        open_trace(path)
    part.say()


def peer(path: str) -> None:
    """HolisticTraceAnalysis: load; temporal, idle time and kernel breakdown."""
    from hta.trace_analysis import TraceAnalysis  # pyright: ignore[reportMissingImports]

    with Part() as part:
        analysis = TraceAnalysis(trace_files={0: path})
        analysis.get_temporal_breakdown(visualize=False)
        analysis.get_idle_time_breakdown(ranks=[0], visualize=False)
        analysis.get_gpu_kernel_breakdown(visualize=False)
    part.say(work=int((analysis.t.get_trace(0)["stream"] >= 0).sum()))


def zoom(path: str, spans: str) -> None:
    """Lanes of a trace repeated to so many spans, and the most expensive of many views."""
    from core.traces import build_lanes, open_trace, view

    trace = _tiled(open_trace(path), int(spans))
    with Part() as part:
        lanes = build_lanes(trace)
    worst, marks, size = 0.0, 0, 0
    for share in ZOOMS:
        width = (lanes.high - lanes.low) * share
        for place in (0.0, 0.37, 1.0):
            low = lanes.low + place * (lanes.high - lanes.low - width)
            for pixels in (1200, 4000):
                before = time.process_time()
                shown = view(lanes, low, low + width, pixels)
                packed = shown.pack()
                worst = max(worst, time.process_time() - before)
                marks, size = max(marks, len(shown)), max(size, len(packed))
    part.say(worst_s=worst, marks=marks, size=size, spans=len(trace), mib=memory_mib("VmRSS"))


def _tiled(trace, spans: int):
    """The trace repeated in time until it has at least so many spans."""
    from dataclasses import replace

    import numpy as np

    copies = max(-(-spans // len(trace)), 1)
    number = np.repeat(np.arange(copies), len(trace))
    columns = {
        key: np.tile(getattr(trace, key), copies)
        for key in (
            "duration",
            "name",
            "category",
            "process",
            "thread",
            "stream",
            "device",
            "bytes",
        )
    }
    linked = np.tile(trace.correlation, copies)
    return replace(
        trace,
        **columns,
        start=np.tile(trace.start, copies) + number * (trace.start[-1] + 1000.0),
        correlation=np.where(linked > 0, linked + number * (int(linked.max()) + 1), linked),
    )


_CASES = {"ours": ours, "opened": opened, "peer": peer, "zoom": zoom}

if __name__ == "__main__":
    _CASES[sys.argv[1]](*sys.argv[2:])
