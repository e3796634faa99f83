"""What stands against comparing two traces."""

from __future__ import annotations

import pandas as pd

from core.traces import Diagnosis

_ALIKE = 0.02
"""Bytes a step that differ by less are the same batch: windows cut through steps."""


def cautions(
    a: Diagnosis, b: Diagnosis, work: tuple[pd.DataFrame, pd.DataFrame]
) -> tuple[str, ...]:
    """One sentence for each thing that differs and should not, or that the figures depend on.

    Args:
        a, b: the diagnoses.
        work: their device work, of :func:`core.compare.work.device_work`.
    """
    return (*_device(a, b), *_steps(a, b), *_batch(work), *_start_up(a, b), *_incomplete(a, b))


def _device(a: Diagnosis, b: Diagnosis) -> list[str]:
    if (a.device_index is None) != (b.device_index is None):
        without = "A" if a.device_index is None else "B"
        return [
            f"{without} profiled no device, the other one did: their steps are broken down "
            "differently, only the step time compares."
        ]
    names = [_model(each) for each in (a, b)]
    if all(names) and names[0] != names[1]:
        return [f"Different devices: {names[0]} in A, {names[1]} in B."]
    return []


def _model(found: Diagnosis) -> str:
    """``NVIDIA A100`` without the number that the machine gave it."""
    return found.device.partition(" ")[2] if found.device_index is not None else found.device


def _steps(a: Diagnosis, b: Diagnosis) -> list[str]:
    if a.steps == b.steps == 0:
        return [
            "Neither trace has profiler steps: the whole windows are compared, which holds only if "
            "both did the same work. Call profiler.step() in the loop."
        ]
    if not a.steps or not b.steps:
        which = "A" if not a.steps else "B"
        return [
            f"{which} has no profiler steps, so there is no speed-up. Call profiler.step() in the "
            "loop and profile it again."
        ]
    if a.steps != b.steps:
        return [f"{a.steps} steps in A, {b.steps} in B: figures are per step."]
    return []


def _batch(work: tuple[pd.DataFrame, pd.DataFrame]) -> list[str]:
    mib = [_uploaded(table) for table in work]
    if min(mib) <= 0 or abs(mib[1] - mib[0]) <= _ALIKE * max(mib):
        return []
    return [
        f"A step copies {mib[0]:.3g} MiB to the device in A and {mib[1]:.3g} MiB in B: another "
        "batch size or input shape, so a step is not the same work."
    ]


def _uploaded(work: pd.DataFrame) -> float:
    """MiB copied from host to device a step."""
    copies = work["name"].str.contains("HtoD|HostToDevice", regex=True)
    return float(work.loc[copies, "mib"].to_numpy(float).sum())


def _start_up(a: Diagnosis, b: Diagnosis) -> list[str]:
    return [
        f"{name} caught start-up: profile it again with warm-up steps before trusting the figures."
        for name, found in (("A", a), ("B", b))
        if found.primary == "cold-start"
    ]


def _incomplete(a: Diagnosis, b: Diagnosis) -> list[str]:
    """What each diagnosis says against itself; missing steps are told above."""
    said: dict[str, str] = {}
    for name, found in (("A", a), ("B", b)):
        for note in found.notes:
            if not note.startswith("The trace has no profiler steps"):
                said[note] = "Both" if note in said else name
    return [f"{name}: {note}" for note, name in said.items()]
