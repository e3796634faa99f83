"""Where a short text stands free in a chart: beside its point, off the curves and other texts.

Vega draws a text where it is told to, so the room is looked for here, in pixels of a plot whose
size is only roughly known: a place counts as free where it is free on a wide and on a narrow
screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Track = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Places x (ascending) and heights of one curve, float64[n] both."""

WIDTHS_PX = (900, 290)
"""Plots on a desktop and on a phone; between them a text covers more or less of a curve."""

PADDING_PX = 14
"""Room that the vertical axis leaves above and below the curves."""

_LETTER_PX = 6.4
_TEXT_PX = 14
_BESIDE_PX = 9
_CLEAR_PX = 3
_SAMPLES = 9
_AWAY_PX = (11, 26, 42, 60, 80)
"""Distances above and below its point at which a text is tried."""

_OUTSIDE, _COVERED = 100.0, 50.0
"""What it costs to stand outside of the plot or upon another text; upon a curve costs 1 at most."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a text stands relative to its point, in px.

    Attributes:
        dx, dy: of its anchor; dy grows downwards, to the middle of the text.
        align: which end of the text the anchor is.
    """

    dx: int
    dy: int
    align: str


@dataclass(frozen=True, slots=True)
class _Box:
    """A text on a plot of one width, px."""

    width: int
    left: float
    right: float
    middle: float

    def meets(self, other: _Box) -> bool:
        beside = self.right <= other.left or other.right <= self.left
        return self.width == other.width and not beside and self._near(other.middle)

    def _near(self, height: float) -> bool:
        return abs(self.middle - height) < _TEXT_PX


class Plot:
    """A plot whose curves are known.

    Args:
        curves: x and y of each, finite, x ascending; above 0 where the axis is logarithmic.
        span: ends of the horizontal axis.
        height_px: height of the plot.
        log: whether the vertical axis is logarithmic.
    """

    def __init__(
        self,
        curves: Sequence[Track],
        span: tuple[float, float],
        height_px: float,
        *,
        log: bool = False,
    ) -> None:
        self._log, self._height_px = log, height_px
        self._left, self._length = span[0], max(span[1] - span[0], 1e-300)
        scaled = [(x, self._scaled(y)) for x, y in curves if len(x)]
        self._top = max((float(y.max()) for _, y in scaled), default=1.0)
        bottom = min((float(y.min()) for _, y in scaled), default=0.0)
        self._px = (height_px - 2 * PADDING_PX) / max(self._top - bottom, 1e-300)
        self._tracks = [(x, self._down(y)) for x, y in scaled]

    def _scaled(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.log(y) if self._log else y

    def _down(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels below the top of the plot."""
        return PADDING_PX + self._px * (self._top - scaled)

    def spots(self, texts: Sequence[tuple[float, float, str]]) -> list[Spot]:
        """A spot for each (x, y, text); later ones keep off the earlier ones."""
        taken: list[_Box] = []
        found = []
        for x, y, text in texts:
            height = float(self._down(self._scaled(np.array([y])))[0])
            share = (x - self._left) / self._length
            boxes = {spot: _boxes(share, height, text, spot) for spot in _candidates(share)}
            free = min(boxes, key=lambda spot: self._cost(boxes[spot], taken))
            found.append(free)
            taken.extend(boxes[free])
        return found

    def _cost(self, boxes: list[_Box], taken: list[_Box]) -> float:
        """0 where a text stands free."""
        cost = 0.0
        for box in boxes:
            half = _TEXT_PX / 2
            sideways = box.left < 0 or box.right > box.width
            beyond = box.middle < half or box.middle > self._height_px - half
            cost += _OUTSIDE * (sideways or beyond)
            cost += _COVERED * sum(box.meets(other) for other in taken)
            cost += sum(self._covered(box, track) for track in self._tracks)
        return cost

    def _covered(self, box: _Box, track: Track) -> float:
        """Share of a text that lies upon a curve."""
        x, heights = track
        at = self._left + self._length / box.width * np.linspace(box.left, box.right, _SAMPLES)
        at = at[(at >= x[0]) & (at <= x[-1])]
        near = np.abs(np.interp(at, x, heights) - box.middle) < _TEXT_PX / 2 + _CLEAR_PX
        return float(near.sum()) / _SAMPLES


def _candidates(share: float) -> list[Spot]:
    """Nearest first; towards the middle of the plot before away from it.

    Args:
        share: how far to the right the point lies, 0 to 1.
    """
    sides = [(-_BESIDE_PX, "right"), (_BESIDE_PX, "left")]
    ordered = sides if share > 0.6 else sides[::-1]
    return [
        Spot(dx, sign * away, align)
        for away in _AWAY_PX
        for dx, align in ordered
        for sign in (-1, 1)
    ]


def _boxes(share: float, height: float, text: str, spot: Spot) -> list[_Box]:
    length = _LETTER_PX * len(text)
    boxes = []
    for width in WIDTHS_PX:
        left = share * width + spot.dx - (length if spot.align == "right" else 0)
        boxes.append(_Box(width, left, left + length, height + spot.dy))
    return boxes
