"""Runs that were started again: a step that goes back, and which points then count."""

from __future__ import annotations

import numpy as np
import pandas as pd


def superseded(frame: pd.DataFrame) -> np.ndarray:
    """Points that a later one of the same curve makes obsolete.

    A training that crashes at step 100 and is started again from its checkpoint at 50 logs the
    steps 51 to 100 twice. A point is superseded when a later row of its curve has the same step
    or an earlier one.

    Args:
        frame: rows of curves, each curve (run, tag) in the order it was written.

    Returns:
        bool[n].
    """
    if frame.empty:
        return np.zeros(0, bool)
    keys = [frame["run"], frame["tag"]] if "run" in frame else [frame["tag"]]
    backwards = [key.iloc[::-1] for key in keys]
    lowest = frame["step"].iloc[::-1].groupby(backwards, observed=True).cummin()
    grouped = lowest.groupby(backwards, observed=True)
    later = grouped.shift(1, fill_value=np.iinfo(np.int64).max).iloc[::-1].to_numpy()
    last = (grouped.cumcount() == 0).iloc[::-1].to_numpy()
    return (frame["step"].to_numpy() >= later) & ~last


def latest(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that are not :func:`superseded`: what a restarted run finally did."""
    hidden = superseded(frame)
    return frame if not hidden.any() else frame.loc[~hidden].reset_index(drop=True)
