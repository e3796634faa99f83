"""From curves to strokes: what one chart draws, thinned to a bounded number of points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.series.curves import (
    MAX_POINTS,
    Curve,
    by_restart,
    outside,
    positions,
    robust_range,
    smooth,
    thin,
)
from core.series.seeds import average

MAX_MARKS = 40_000
"""Points that one chart draws, over all its curves."""

MAX_NONFINITE = 200
"""Marks for NaN and infinities drawn of one curve."""


@dataclass(frozen=True, slots=True)
class Look:
    """How curves are looked at.

    Attributes:
        axis: one of :data:`core.series.curves.AXES`.
        smoothing: weight of the moving average, 0 (none) to below 1.
        log_x, log_y: logarithmic axes; what is not above 0 is left out.
        ignore_outliers: limit the vertical axis to robust percentiles.
        latest: leave out the points that a restart superseded.
        band: draw the mean and the scatter of each group of runs instead of the runs.
    """

    axis: str = "step"
    smoothing: float = 0.0
    log_x: bool = False
    log_y: bool = False
    ignore_outliers: bool = False
    latest: bool = False
    band: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """One line of a chart.

    Attributes:
        name: run, or experiment.
        split: train, validation, test or "".
        tag: as logged.
        x, y: float64[n], every point, smoothed.
        shown: int64[m] of them, the points to draw.
        raw: float64[n] before smoothing; the same array without smoothing.
        raw_shown: int64[k], the points of ``raw`` to draw; empty without smoothing.
        low, high: float64[n], mean minus and plus one standard deviation; None for single runs.
        n: int64[n], how many runs the mean is of; None for single runs.
    """

    name: str
    split: str
    tag: str
    x: np.ndarray
    y: np.ndarray
    shown: np.ndarray
    raw: np.ndarray
    raw_shown: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    n: np.ndarray | None = None


@dataclass(slots=True)
class Picture:
    """What one chart draws.

    Attributes:
        strokes: its lines.
        lost: (name, split, x, y) of attempts that a restart superseded.
        restarts: (name, x) of the places that training went back to.
        marks: (name, x, y, word) of values that are no number, ``NaN``, ``+Inf``, ``-Inf``.
        nonfinite: how many such values there are.
        not_positive: how many values a logarithmic axis leaves out.
        y_range: limits of the vertical axis, None: all.
        outside: how many values lie outside of them.
        points: how many points there are before thinning.
    """

    strokes: list[Stroke] = field(default_factory=list)
    lost: list[tuple[str, str, np.ndarray, np.ndarray]] = field(default_factory=list)
    restarts: list[tuple[str, float]] = field(default_factory=list)
    marks: list[tuple[str, float, float, str]] = field(default_factory=list)
    nonfinite: int = 0
    not_positive: int = 0
    y_range: tuple[float, float] | None = None
    outside: int = 0
    points: int = 0

    @property
    def drawn(self) -> int:
        """Points of all lines."""
        lines = sum(len(each.shown) + len(each.raw_shown) for each in self.strokes)
        return lines + sum(len(x) for _, _, x, _ in self.lost)


def prepare(
    curves: Sequence[Curve], look: Look, groups: Mapping[str, str] | None = None
) -> Picture:
    """Everything that one chart draws.

    Args:
        curves: of all runs and splits on the chart.
        look: how.
        groups: run -> experiment, where :attr:`Look.band` is on.
    """
    picture = Picture(points=sum(len(curve.value) for curve in curves))
    starts: dict[str, float] = {}
    for curve in curves:
        if len(curve.time):
            first = float(curve.time.min())
            starts[curve.run] = min(starts.get(curve.run, first), first)
    share = 1 + (look.smoothing > 0)
    limit = max(4, min(MAX_POINTS, MAX_MARKS // max(len(curves) * share, 1)))
    lines = [
        (curve, *_main_line(curve, look, starts.get(curve.run), limit, picture)) for curve in curves
    ]
    if look.band:
        groups = groups or {}
        picture.strokes = _bands(lines, look, groups, limit)
        picture.marks = [(groups.get(name, name), x, y, w) for name, x, y, w in picture.marks]
    else:
        picture.strokes = [_stroke(*line, look, limit) for line in lines]
    if look.ignore_outliers and lines:
        values = np.concatenate([y for _, _, y in lines])
        picture.y_range = robust_range(values)
        picture.outside = outside(values, picture.y_range)
    return picture


def _main_line(
    curve: Curve, look: Look, first: float | None, limit: int, picture: Picture
) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the points that count; the others are noted in the picture."""
    main, lost, back = by_restart(curve)
    if look.axis != "step" and not look.latest:
        main, lost = curve, []
    x, y = _above_zero(positions(main, look.axis, first), main.value, look, picture)
    if len(x) > 1 and (np.diff(x) < 0).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    _note_nonfinite(curve.run, x, y, picture)
    if not look.latest and look.axis == "step":
        picture.restarts += [(curve.run, float(step)) for step in back]
        for part in lost:
            px, py = _above_zero(positions(part, "step"), part.value, look, picture)
            keep = thin(py, max(limit // 4, 4))
            picture.lost.append((curve.run, curve.split, px[keep], py[keep]))
    return x, y


def _above_zero(
    x: np.ndarray, y: np.ndarray, look: Look, picture: Picture
) -> tuple[np.ndarray, np.ndarray]:
    keep = np.ones(len(x), bool)
    if look.log_x and look.axis != "wall":
        keep &= x > 0
    if look.log_y:
        keep &= (y > 0) | ~np.isfinite(y)
    if keep.all():
        return x, y
    picture.not_positive += int((~keep).sum())
    return x[keep], y[keep]


def _note_nonfinite(name: str, x: np.ndarray, y: np.ndarray, picture: Picture) -> None:
    """Marks stand at the height of the last finite value before them."""
    bad = np.flatnonzero(~np.isfinite(y))
    if not len(bad):
        return
    picture.nonfinite += len(bad)
    good = np.flatnonzero(np.isfinite(y))
    if len(bad) > MAX_NONFINITE:
        bad = bad[np.linspace(0, len(bad) - 1, MAX_NONFINITE).astype(np.int64)]
    for place in bad:
        before = good[np.searchsorted(good, place) - 1] if len(good) else place
        height = float(y[before]) if len(good) else np.nan
        word = "NaN" if np.isnan(y[place]) else "+Inf" if y[place] > 0 else "-Inf"
        picture.marks.append((name, float(x[place]), height, word))


def _stroke(curve: Curve, x: np.ndarray, y: np.ndarray, look: Look, limit: int) -> Stroke:
    smoothed = smooth(y, look.smoothing)
    raw_shown = thin(y, limit) if smoothed is not y else np.zeros(0, np.int64)
    return Stroke(
        curve.run, curve.split, curve.tag, x, smoothed, thin(smoothed, limit), y, raw_shown
    )


def _bands(
    lines: list[tuple[Curve, np.ndarray, np.ndarray]],
    look: Look,
    groups: Mapping[str, str],
    limit: int,
) -> list[Stroke]:
    members: dict[tuple[str, str, str], list[tuple[np.ndarray, np.ndarray]]] = {}
    for curve, x, y in lines:
        key = (groups.get(curve.run, curve.run), curve.split, curve.tag)
        members.setdefault(key, []).append((x, smooth(y, look.smoothing)))
    strokes = []
    for (name, split, tag), parts in members.items():
        band = average(parts)
        shown = thin(band.mean, limit)
        low, high = band.mean - band.sd, band.mean + band.sd
        none = np.zeros(0, np.int64)
        strokes.append(
            Stroke(name, split, tag, band.x, band.mean, shown, band.mean, none, low, high, band.n)
        )
    return strokes
