"""Run a script of the gallery under torch.profiler, in a process of its own.

``python profiled.py SCRIPT TRACE …`` calls the script's ``train(steps)`` for each trace to write. A
step begins where the script calls ``zero_grad``: so nothing of the profiler stands in the code that
is shown. The fetch of the next batch then belongs to the step before.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from unittest import mock

import torch
from torch.profiler import ProfilerActivity, profile, schedule

WAIT, WARMUP, ACTIVE = 2, 2, 5
"""Steps that are left alone, traced and dropped, recorded."""


def record(script: Path, trace: Path) -> float:
    """Write the trace of some steps of a script, with one thread of torch: what other programs do
    to a pool of threads would hide what the script does.

    Args:
        script: defines ``train(steps)``.
        trace: file to write, plain JSON. The profiler puts this name into the file.

    Returns:
        What ``train`` returns: a loss.
    """
    torch.set_num_threads(1)
    with profile(
        activities=[ProfilerActivity.CPU],
        schedule=schedule(wait=WAIT, warmup=WARMUP, active=ACTIVE, repeat=1),
        on_trace_ready=lambda done: done.export_chrome_trace(str(trace)),
        with_stack=True,
        acc_events=True,
    ) as profiler:
        return _train(script, profiler)


def _train(script: Path, profiler: profile) -> float:
    """Call the script, a step of the profiler at every ``zero_grad`` but the first."""
    original = torch.optim.Optimizer.zero_grad
    begun = False

    def zero_grad(optimizer: torch.optim.Optimizer, set_to_none: bool = True) -> None:
        nonlocal begun
        if begun:
            profiler.step()
        begun = True
        original(optimizer, set_to_none)

    # The profiler shortens file names by what is on the path.
    with (
        mock.patch.object(sys, "path", [str(script.parent.resolve()), *sys.path]),
        mock.patch.object(torch.optim.Optimizer, "zero_grad", zero_grad),
    ):
        sys.modules.pop(script.stem, None)
        importlib.invalidate_caches()
        module = importlib.import_module(script.stem)
        return module.train(WAIT + WARMUP + ACTIVE + 1)


if __name__ == "__main__":
    for name in sys.argv[2:]:
        record(Path(sys.argv[1]), Path(name))
