"""What two runs logged: their curves, their parameters, the time of a step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from math import hypot

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core import dynamics, events
from core.compare.records import Speedup
from core.compare.speed import speedup
from core.dynamics import Verdict
from core.health import STEP_TAG
from core.runs import Run

Value = float | str

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_STEP = {"step", "iter", "iteration", "batch"}
_LASTS = {"time", "ms", "duration", "seconds", "sec", "secs"}
_COUNTED = {"steps", "iters", "iterations", "it", "batches", "samples", "tokens", "images",
            "examples", "frames"}  # fmt: skip
_SECOND = {"s", "sec", "second", "seconds"}
_RATE = {"throughput", "fps"}
_START_UP = 3
"""From so many values on, the first is left out: it holds start-up."""
_NOISES = 2.0
"""Losses closer than so many standard deviations of their noise are the same."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast two runs went by what they logged.

    Attributes:
        tag: where it is logged.
        speedup: of B over A.
        step_ms: means of A and B; None where the tag does not say that it holds ms a step.
    """

    tag: str
    speedup: Speedup
    step_ms: tuple[float, float] | None


def scalars_of(run: Run) -> pd.DataFrame:
    """Scalars of a run; empty columns where it has no event file.

    Raises:
        Unreadable: an event file is none.
    """
    return events.latest(events.load(run.event_files, {"scalars"}, run.path).scalars)


def verdict_of(scalars: pd.DataFrame) -> Verdict | None:
    """The verdict on the first pair of losses; None without losses."""
    pairs = dynamics.pair_losses(scalars)
    return dynamics.diagnose(pairs[0]) if pairs else None


def parameters(run: Run) -> dict[str, Value]:
    """Parameters of its ``job.json``, else the hyper-parameters of its event files."""
    params = (run.job or {}).get("params")
    if isinstance(params, dict):
        return {str(key): _plain(value) for key, value in params.items()}
    table = events.load(run.event_files, {"hparams"}, run.path).hparams
    return {
        str(name): _plain(value) for name, value in zip(table["name"], table["value"], strict=True)
    }


def _plain(value: object) -> Value:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    return str(value)


def differing(a: dict[str, Value], b: dict[str, Value]) -> tuple[tuple[str, str, str], ...]:
    """(name, value in A, value in B) of each parameter that differs, "–" where it is missing."""
    names = sorted({*a, *b}, key=str)
    return tuple(
        (name, _shown(a.get(name)), _shown(b.get(name)))
        for name in names
        if a.get(name) != b.get(name)
    )


def _shown(value: Value | None) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:.6g}"


def pace(a: pd.DataFrame, b: pd.DataFrame) -> Pace | None:
    """The speed-up by the first tag of a step's time, or of a rate, that both runs log.

    Args:
        a, b: their scalars.
    """
    shared = sorted(set(a["tag"].unique()) & set(b["tag"].unique()))
    times = sorted(filter(_is_time, shared), key=lambda tag: tag != STEP_TAG)
    rates = [tag for tag in shared if tag not in times and _is_rate(tag)]
    for tag in (*times, *rates):
        one, two = _steady(a, tag), _steady(b, tag)
        if not one.size or not two.size:
            continue
        if tag in rates:
            return Pace(tag, speedup(1 / one, 1 / two), None)
        ms = (float(one.mean()), float(two.mean())) if "ms" in _words(tag) else None
        return Pace(tag, speedup(one, two), ms)
    return None


def _words(tag: str) -> list[str]:
    """``train/stepTime_ms`` as train, step, time, ms."""
    return [word.lower() for word in _WORD.findall(tag)]


def _is_time(tag: str) -> bool:
    """``step_ms``, ``iter_time``, ``time_per_batch``."""
    words = _words(tag)
    if any(one in _STEP and two in _LASTS for one, two in pairwise(words)):
        return True
    triples = zip(words, words[1:], words[2:], strict=False)
    return any((one, per) == ("time", "per") and two in _STEP for one, per, two in triples)


def _is_rate(tag: str) -> bool:
    """``steps_per_second``, ``it/s``, ``throughput``."""
    words = [word for word in _words(tag) if word != "per"]
    pairs = pairwise(words)
    return not _RATE.isdisjoint(words) or any(a in _COUNTED and b in _SECOND for a, b in pairs)


def _steady(scalars: pd.DataFrame, tag: str) -> NDArray[np.float64]:
    values = scalars.loc[scalars["tag"] == tag, "value"].to_numpy(np.float64)
    values = values[np.isfinite(values) & (values > 0)]
    return values[1:] if values.size >= _START_UP else values


def loss_sentence(a: Verdict | None, b: Verdict | None) -> str:
    """Whether B learned as well as A, by their best validation losses and noise."""
    if a is None or b is None or a.best_value is None or b.best_value is None:
        return ""
    if (a.val_tag, a.pair.negated) != (b.val_tag, b.pair.negated):
        return f"Their validation losses are not the same: {a.val_tag} in A, {b.val_tag} in B."
    noise = _NOISES * hypot(a.noise, b.noise)
    difference = b.best_value - a.best_value
    both = (
        f"best validation loss {b.best_value:.4g} at step {b.best_step:,} in B, "
        f"{a.best_value:.4g} at step {a.best_step:,} in A"
    )
    if abs(difference) <= noise:
        return f"They learn equally well: {both}, no more apart than their noise (±{noise:.2g})."
    return f"B learns {'better' if difference < 0 else 'worse'}: {both}."


def verdict_json(found: Verdict | None) -> dict[str, object] | None:
    """The verdict in short."""
    if found is None:
        return None
    keys = ("train_tag", "val_tag", "points", "verdict", "best_step", "best_value",
            "overfit_step", "confidence", "summary")  # fmt: skip
    record = found.to_json()
    return {key: record[key] for key in keys}
