"""Scalar curves made ready for a screen: which belong together, smoothed, thinned, averaged.

Only numbers and names; what is drawn with them is decided in :mod:`core.charts.scalars`.
"""

from core.series.curves import (
    AXES,
    Curve,
    by_restart,
    cut,
    outside,
    positions,
    robust_range,
    smooth,
    thin,
    value_at,
)
from core.series.names import SEED, SPLITS, chart_of, section_of, split_of, strip_seed
from core.series.seeds import Band, average, group_runs
from core.series.strokes import MAX_MARKS, Look, Picture, Stroke, prepare

__all__ = [
    "AXES",
    "MAX_MARKS",
    "SEED",
    "SPLITS",
    "Band",
    "Curve",
    "Look",
    "Picture",
    "Stroke",
    "average",
    "by_restart",
    "chart_of",
    "cut",
    "group_runs",
    "outside",
    "positions",
    "prepare",
    "robust_range",
    "section_of",
    "smooth",
    "split_of",
    "strip_seed",
    "thin",
    "value_at",
]
