"""When each step was logged, for time axes under curves that are judged by their steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from core.dynamics.records import LossPair


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """Wall time over steps.

    Attributes:
        steps: int64[n], strictly increasing, n at least 2.
        times: float64[n], s since the epoch, never falling.
    """

    steps: NDArray[np.int64]
    times: NDArray[np.float64]

    def at(self, steps: ArrayLike) -> NDArray[np.float64]:
        """Seconds since the epoch at any steps, interpolated between those that were logged."""
        return np.interp(np.asarray(steps, float), self.steps, self.times)


def clock_of(scalars: pd.DataFrame, pair: LossPair) -> Clock | None:
    """The clock of a pair of losses; None where its steps were not logged with a usable time.

    Args:
        scalars: the Scalars frame (run, tag, step, wall_time, value) that holds the pair.
        pair: the curves; after a restart the later time of a step counts, as does its value.
    """
    folders = scalars["run"].astype(str)
    own = (folders == pair.run) | folders.str.startswith(f"{pair.run}/") | (pair.run == ".")
    own &= scalars["tag"].isin([pair.train_tag, pair.val_tag])
    logged = scalars["step"].to_numpy(np.int64)[own]
    written = scalars["wall_time"].to_numpy(np.float64)[own]
    order = np.lexsort((written, logged))
    every = logged[order]
    last = np.append(every[1:] != every[:-1], True)[: len(every)]
    steps = every[last]
    span = pair.step_range()
    if span is None or len(steps) < 2 or span[0] < steps[0] or span[1] > steps[-1]:
        return None
    times = np.maximum.accumulate(written[order][last])
    if not np.isfinite(times).all() or times[-1] <= times[0]:
        return None
    return Clock(steps, times)
