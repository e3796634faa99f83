"""The vital signs of a run: one figure for learning, one for efficiency, with where they come from.

The first figure of learning is the gap between validation and training loss; the first of
efficiency is device utilisation. Both come from what the run logged; nothing is measured here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.dynamics import LossPair, Verdict
from core.traces import Diagnosis

GPU_TAG = "hardware/gpu_utilisation_percent"
CPU_TAG = "hardware/cpu_percent"
STEP_TAG = "Speed/step_ms"
WAIT_TAG = "Speed/data_wait_ms"


@dataclass(frozen=True, slots=True)
class Health:
    """The vital signs of one run; None where the run did not log what the figure needs.

    Attributes:
        verdict: word of the verdict on its losses, "" without losses.
        quantity: what is judged, "loss" or "error" (of accuracies).
        summary: the verdict in a sentence with its evidence.
        best_step: step of the checkpoint to keep.
        best_value: its validation loss.
        last_step: last step with both losses.
        gap: validation loss minus training loss at that step.
        gap_at_best: the same at ``best_step``.
        gpu_pct: mean GPU utilisation, % (NVML samples, NaN left out; or of the profiled window).
        profiled: whether the figures of efficiency come from a profile.
        cpu_pct: mean CPU utilisation of the machine, %.
        step_ms: mean time of a training step in the last epoch, ms.
        wait_pct: share of that step spent waiting for the DataLoader, %.
    """

    verdict: str = ""
    quantity: str = "loss"
    summary: str = ""
    best_step: int | None = None
    best_value: float | None = None
    last_step: int | None = None
    gap: float | None = None
    gap_at_best: float | None = None
    gpu_pct: float | None = None
    cpu_pct: float | None = None
    step_ms: float | None = None
    wait_pct: float | None = None
    profiled: bool = False


def _values(scalars: pd.DataFrame, tag: str) -> np.ndarray:
    values = scalars.loc[scalars["tag"] == tag, "value"].to_numpy(float)
    return values[np.isfinite(values)]


def _mean(scalars: pd.DataFrame, tag: str) -> float | None:
    values = _values(scalars, tag)
    return float(values.mean()) if values.size else None


def _last(scalars: pd.DataFrame, tag: str) -> float | None:
    values = _values(scalars, tag)
    return float(values[-1]) if values.size else None


def vital_signs(
    scalars: pd.DataFrame, pair: LossPair | None = None, verdict: Verdict | None = None
) -> Health:
    """Gather the vital signs of one run.

    Args:
        scalars: Scalars frame (run, tag, step, wall_time, value) of the run.
        pair: its losses, where there are any.
        verdict: the verdict on them.
    """
    step_ms, wait_ms = _last(scalars, STEP_TAG), _last(scalars, WAIT_TAG)
    learning: dict[str, object] = {}
    if pair is not None and verdict is not None:
        learning = {
            "verdict": verdict.verdict,
            "quantity": pair.quantity,
            "summary": verdict.summary,
            "best_step": verdict.best_step,
            "best_value": verdict.best_value,
        }
        if pair.train is not None and pair.val is not None and len(pair.val.steps):
            last = int(pair.val.steps[-1])
            learning |= {"last_step": last, "gap": verdict.last_gap}
            if verdict.best_step is not None:
                learning["gap_at_best"] = verdict.gap_at(verdict.best_step)
    return Health(
        **learning,  # pyright: ignore[reportArgumentType]
        gpu_pct=_mean(scalars, GPU_TAG),
        cpu_pct=_mean(scalars, CPU_TAG),
        step_ms=step_ms,
        wait_pct=100 * wait_ms / step_ms if step_ms and wait_ms is not None else None,
    )


def from_profile(signs: Health, found: Diagnosis) -> Health:
    """Fill in efficiency from a profile, for a run that logged no scalars on it."""
    return replace(
        signs,
        gpu_pct=found.device_busy_pct if signs.gpu_pct is None else signs.gpu_pct,
        step_ms=found.step_ms,
        wait_pct=found.step_breakdown.get("input-wait"),
        profiled=True,
    )
