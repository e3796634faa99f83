"""Profiles: torch.profiler over a few steps, written as one complete trace file."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile, schedule

WAIT_STEPS = 1
WARMUP_STEPS = 2
"""Steps before the recorded ones: start-up, cuDNN's choice of kernels and the allocator's growth
are not what a user asks about."""

PARTIAL = ".partial"
"""Hidden sub-folder for unfinished traces; pages pass over hidden folders."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which steps are recorded: ``wait`` untouched, ``warmup`` traced and dropped, ``active``."""

    wait: int
    warmup: int
    active: int

    @property
    def total(self) -> int:
        """Steps until the recording is complete."""
        return self.wait + self.warmup + self.active


def plan_window(steps: int, available: int) -> Window:
    """The window for ``steps`` recorded steps where only ``available`` can run.

    Warm-up is given up first, one recorded step always remains.
    """
    active = max(1, min(steps, available))
    spare = max(0, available - active)
    warmup = min(WARMUP_STEPS, spare)
    return Window(min(WAIT_STEPS, spare - warmup), warmup, active)


def make_profiler(
    trace_file: Path, window: Window, device: torch.device, with_stack: bool
) -> profile:
    """A profiler that writes ``trace_file`` (``….pt.trace.json.gz``) when the window is over.

    CPU activity always; CUDA activity on a CUDA device. Input shapes are recorded, Python stacks
    where asked for. The file appears complete or not at all.
    """
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)

    def write(finished: profile) -> None:
        partial = trace_file.parent.parent / PARTIAL
        partial.mkdir(exist_ok=True)
        trace_file.parent.mkdir(exist_ok=True)
        finished.export_chrome_trace(str(partial / trace_file.name))
        (partial / trace_file.name).replace(trace_file)
        with contextlib.suppress(OSError):
            partial.rmdir()  # not while another process writes its trace there

    return profile(
        activities=activities,
        schedule=schedule(wait=window.wait, warmup=window.warmup, active=window.active, repeat=1),
        on_trace_ready=write,
        record_shapes=True,
        with_stack=with_stack,
        acc_events=True,
    )
