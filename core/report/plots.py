"""Curves over training as pictures that fit a phone, a desk and a page of paper.

Lines and bands are SVG that is stretched to its place (its strokes are not); words stand above it
as HTML, so that they keep their size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.dynamics import Curve
from core.dynamics.bands import DIVERGED, Band
from core.report.markup import number, tag, text
from core.series import thin

WIDTH, HEIGHT = 1000, 300
POINTS = 600
"""Points drawn of one curve: the extremes of equal stretches are among them."""
LOG_FROM = 50.0
"""Losses whose largest is so many times the smallest get a logarithmic axis."""
LARGEST = 1e60
"""What is beyond is drawn as a gap: far more than float32 holds, far from float64's own limit."""

_TICKS = 6
_MARGIN = 0.05
_NAMED_PCT = 15.0
"""A band narrower than this has its name in the legend alone."""
_MAX_GAPS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A curve: what it is called, and its class in the style sheet (train, val or other)."""

    name: str
    look: str
    curve: Curve


@dataclass(frozen=True, slots=True)
class Mark:
    """A point to name."""

    step: int
    value: float
    words: str


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to places, 0 to 1.

    Attributes:
        low, high: ends, as logarithms where ``log`` is set.
        ticks: values to write, with their places.
    """

    low: float
    high: float
    log: bool
    ticks: tuple[tuple[float, float], ...]

    def place(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places; NaN for what has none."""
        with np.errstate(divide="ignore", invalid="ignore"):
            shown = np.where(np.abs(values) <= LARGEST, values, np.nan)
            shown = np.log10(shown) if self.log else shown
        return (np.where(np.isfinite(shown), shown, np.nan) - self.low) / (self.high - self.low)


def plot(
    lines: Sequence[Line],
    *,
    words: str,
    unit: str,
    bands: Sequence[Band] = (),
    best: Mark | None = None,
    good: tuple[int, int] | None = None,
) -> str:
    """A picture with its legend; a sentence where there is nothing finite to draw.

    Args:
        lines: the curves.
        words: what the picture shows, for those who do not see it.
        unit: what a step is, in lower case.
        bands: stretches to shade.
        best: the checkpoint to keep.
        good: first and last step of those that are as good.
    """
    drawn = [line for line in lines if len(line.curve)]
    every = np.concatenate([line.curve.values for line in drawn]) if drawn else np.empty(0)
    finite = every[np.abs(every) <= LARGEST]
    if not finite.size:
        return tag("p", "Nothing finite to draw.", "soft")
    y = _value_scale(finite)
    steps = np.concatenate([line.curve.steps[[0, -1]] for line in drawn])
    x = _step_scale(int(steps.min()), int(steps.max()))
    parts = [_shade(band, x) for band in bands]
    parts += [f'<path class="grid" d="M0 {_down(at)}H{WIDTH}"/>' for _, at in y.ticks]
    parts += [_good(good, x)] if good is not None else []
    parts += [f'<path class="{line.look}" d="{_path(line.curve, x, y)}"/>' for line in drawn]
    svg = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{text(words)}">{"".join(parts)}</svg>'
    )
    over = [f'<span class="y" style="top:{100 - 100 * at:.2f}%">{number(v)}</span>'
            for v, at in y.ticks]  # fmt: skip
    over += [f'<span class="x" style="left:{100 * at:.2f}%">{v:,.0f}</span>' for v, at in x.ticks]
    over += [_mark(best, x, y)] if best is not None and math.isfinite(best.value) else []
    area = tag("div", svg + "".join(over), "area")
    names = tag("div", "".join(_name(band, x) for band in bands), "names") if bands else ""
    scale = ", values on a logarithmic axis" if y.log else ""
    axis = tag("p", text(f"by {unit}{scale}"), "axis")
    return tag("div", names + area + axis, "plot") + _legend(drawn, bands, good, unit)


def _value_scale(finite: NDArray[np.float64]) -> _Scale:
    low, high = float(finite.min()), float(finite.max())
    log = low > 0 and high / low >= LOG_FROM
    if log:
        low, high = math.log10(low), math.log10(high)
    # The least range whose power of ten is a number, for values that are all but equal to 0.
    room = max(_MARGIN * (high - low) or 0.5 * abs(high) or 1.0, 1e-290)
    low, high = low - room, high + room
    values = _decades(low, high) if log else _round_values(low, high, _TICKS)
    places = [(math.log10(value) if log else value, value) for value in values]
    span = high - low
    return _Scale(low, high, log, tuple((value, (at - low) / span) for at, value in places))


def _step_scale(first: int, last: int) -> _Scale:
    if first == last:
        return _Scale(first - 1.0, first + 1.0, False, ((float(first), 0.5),))
    values = [v for v in _round_values(first, last, _TICKS) if v == int(v)]
    span = last - first
    return _Scale(first, last, False, tuple((v, (v - first) / span) for v in values))


def _round_values(low: float, high: float, count: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten between two values, ``count`` or fewer."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [step * i for i in range(first, last + 1)]


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten between two logarithms; where there are few, twice and five times them too."""
    first, last = math.ceil(low), math.floor(high)
    if last - first >= 2:
        stride = -(-(last - first) // _TICKS)
        return [10.0**power for power in range(first, last + 1, stride)]
    every = (factor * 10.0**power for power in range(first - 1, last + 1) for factor in (1, 2, 5))
    return [value for value in every if low <= math.log10(value) <= high]


def _across(step: float, x: _Scale) -> float:
    return WIDTH * min(max((step - x.low) / (x.high - x.low), 0.0), 1.0)


def _down(place: float) -> str:
    return f"{HEIGHT * (1 - place):.1f}"


def _path(curve: Curve, x: _Scale, y: _Scale) -> str:
    """Moves and lines; what is not finite breaks the line, a point alone is a dot."""
    values = y.place(curve.values)
    gaps = np.flatnonzero(np.isnan(values))[:_MAX_GAPS]
    keep = np.union1d(thin(values, POINTS), gaps)
    across = (curve.steps[keep] - x.low) / (x.high - x.low) * WIDTH
    moves: list[str] = []
    begun = False
    for place, value in zip(across.tolist(), values[keep].tolist(), strict=True):
        if math.isnan(value):
            begun = False
            continue
        at = f"{place:.1f} {_down(value)}"
        moves.append(f"L{at}" if begun else f"M{at}h0")
        begun = True
    return "".join(moves)


def _shade(band: Band, x: _Scale) -> str:
    left, right = _across(band.start, x), _across(band.end, x)
    look = f"zone {band.name}" + ("" if band.certain else " onset")
    width = max(right - left, 3.0 if band.name == DIVERGED else 0.0)
    return (
        f'<rect class="{text(look)}" x="{min(left, WIDTH - width):.1f}" y="0" '
        f'width="{width:.1f}" height="{HEIGHT}"/>'
    )


def _good(steps: tuple[int, int], x: _Scale) -> str:
    left, right = (_across(step, x) for step in steps)
    return (
        f'<rect class="good" x="{left:.1f}" y="{HEIGHT - 6}" width="{max(right - left, 3):.1f}" '
        'height="6"/>'
    )


def _mark(mark: Mark, x: _Scale, y: _Scale) -> str:
    left = _across(mark.step, x) / WIDTH * 100
    top = 100 - 100 * float(y.place(np.array([mark.value]))[0])
    if not math.isfinite(top):
        return ""
    side = "left" if left > 50 else "right"
    under = " under" if top < 18 else ""
    at = f"left:{left:.2f}%;top:{top:.2f}%"
    return (
        f'<b class="dot" style="{at}"></b>'
        f'<span class="say {side}{under}" style="{at}">{text(mark.words)}</span>'
    )


def _name(band: Band, x: _Scale) -> str:
    left, right = (_across(step, x) / WIDTH * 100 for step in (band.start, band.end))
    if right - left < _NAMED_PCT or not band.certain:
        return ""
    return (
        f'<span style="left:{left:.2f}%;width:{right - left:.2f}%">'
        f"{text(band.name.capitalize())}</span>"
    )


def _legend(
    lines: Sequence[Line], bands: Sequence[Band], good: tuple[int, int] | None, unit: str
) -> str:
    entries = [f'<span><i class="key {each.look}"></i>{text(each.name)}</span>' for each in lines]
    for band in bands:
        name = band.name.capitalize() if band.certain else "Overfitting begins"
        look = f"zone {band.name}" + ("" if band.certain else " onset")
        entries.append(f'<span><i class="{text(look)}"></i>{text(name)}, {_between(band)}</span>')
    if good is not None:
        steps = f"{unit} {good[0]:,} to {good[1]:,}" if good[1] > good[0] else f"{unit} {good[0]:,}"
        entries.append(f'<span><i class="good"></i>As good as the best, {text(steps)}</span>')
    return tag("p", "".join(entries), "legend")


def _between(band: Band) -> str:
    return f"{band.start:,} to {band.end:,}" if band.end > band.start else f"{band.start:,}"
