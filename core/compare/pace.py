"""How fast a run went by what it logged: tags of a step's time, or of a rate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.compare.records import Speedup
from core.compare.speed import speedup
from core.health import STEP_TAG

Samples = Mapping[str, NDArray[np.float64]]
"""Tag -> what was logged of it, start-up left out."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_STEP = {"step", "iter", "iteration", "batch"}
_LASTS = {"time", "ms", "duration", "seconds", "sec", "secs"}
_COUNTED = {"steps", "iters", "iterations", "it", "batches", "samples", "tokens", "images",
            "examples", "frames"}  # fmt: skip
_SECOND = {"s", "sec", "second", "seconds"}
_RATE = {"throughput", "fps"}
_START_UP = 3
"""From so many values on, the first is left out: it holds start-up."""


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


def samples(scalars: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """What a run logged of its speed, by tag: times of a step first, then rates."""
    tags = sorted(map(str, scalars["tag"].unique()))
    times = sorted(filter(_is_time, tags), key=lambda tag: tag != STEP_TAG)
    rates = [tag for tag in tags if tag not in times and _is_rate(tag)]
    found = {tag: _steady(scalars, tag) for tag in (*times, *rates)}
    return {tag: values for tag, values in found.items() if values.size}


def step_times(logged: Samples) -> tuple[str, NDArray[np.float64]] | None:
    """The first tag that holds the time of a step in ms, and its values; None without one."""
    found = ((tag, v) for tag, v in logged.items() if _is_time(tag) and "ms" in _words(tag))
    return next(found, None)


def pace(a: Samples, b: Samples, *, prefer_rates: bool = False) -> Pace | None:
    """The speed-up by the first tag of a step's time, or of a rate, that both runs log.

    Args:
        a, b: what each logged.
        prefer_rates: rates first, of samples before all: the steps are not the same work.
    """
    shared = [tag for tag in a if tag in b]
    if prefer_rates:
        shared.sort(key=lambda tag: (_is_time(tag), "step" in tag.lower()))
    tag = next(iter(shared), None)
    if tag is None:
        return None
    one, two = a[tag], b[tag]
    if not _is_time(tag):
        return Pace(tag, speedup(1 / one, 1 / two), None)
    ms = (float(one.mean()), float(two.mean())) if "ms" in _words(tag) else None
    return Pace(tag, speedup(one, two), ms)


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
