"""Static pictures: a stretch of the timeline, and how busy the device was."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from core.report.markup import ms, text
from core.traces import Diagnosis, Lanes, TimelineView, view
from core.traces.lanes import COLOURS, KINDS

WIDTH = 1000
_PIXELS = 500
"""Columns that short spans are summed into."""
_LABEL_PX, _LANE_PX, _TALL_PX, _AXIS_PX = 17, 16, 24, 24
_MAX_LANES = 16
_LETTER_PX = 6.6
_LEVELS = 4
"""Opacities that shares are rounded up to: what has one colour is one path."""
_ZOOM = 0.03
"""An instance shorter than this share of its step is shown with so much of it around."""

Range = tuple[float, float]


def worst(found: Diagnosis) -> tuple[Range, Range | None, str]:
    """What to show of a trace (µs), what to outline, and what it is in words.

    The step around the worst instance of the first finding; a step in the middle where there is
    none; the whole window where there are no steps.
    """
    window = found.window
    finding = next((each for each in found.findings if each.ranges_us), None)
    if finding is None:
        number = window.steps // 2
        around = _step(found, number) if window.steps else (window.start_us, window.end_us)
        return around, None, "A step in the middle." if window.steps else "The whole window."
    mark = finding.ranges_us[0]
    words = f"{finding.title}: its worst instance, {ms((mark[1] - mark[0]) / 1e3)}, is outlined."
    if not window.steps:
        return _around(found, mark, 1.0), mark, words
    number = int(np.searchsorted(window.step_start, mark[0], side="right")) - 1
    low, high = _step(found, max(number, 0))
    if mark[1] - mark[0] < _ZOOM * (high - low):
        return _around(found, mark, 0.5 / _ZOOM), mark, words
    return (min(low, mark[0]), max(high, mark[1])), mark, words


def _step(found: Diagnosis, number: int) -> Range:
    starts = np.append(found.window.step_start, found.window.end_us)
    return float(starts[number]), float(starts[number + 1])


def _around(found: Diagnosis, mark: Range, times: float) -> Range:
    """A range with ``times`` its length of context on either side, inside the window."""
    margin = times * (mark[1] - mark[0])
    return max(mark[0] - margin, found.window.start_us), min(mark[1] + margin, found.window.end_us)


def timeline(lanes: Lanes, around: Range, mark: Range | None, words: str) -> str:
    """A stretch of the timeline as SVG with its legend; "" where it shows nothing."""
    if not min(around[1], lanes.high) > max(around[0], lanes.low):
        return ""
    shown = view(lanes, *around, pixels=_PIXELS)
    used = np.unique(shown.lane)[:_MAX_LANES].tolist()
    if not used:
        return ""
    tops, height = _places(lanes, used)
    parts = [_lane(shown, lane, tops[lane]) for lane in used]
    parts.append(_axis(shown, height))
    if mark is not None:
        parts.append(_outline(shown, mark, height))
    total = height + _AXIS_PX
    picture = (
        f'<svg viewBox="0 0 {WIDTH} {total}" role="img" aria-label="{text(words)}">'
        f"{''.join(parts)}</svg>"
    )
    return f'<div class="scroll">{picture}</div>{_legend(shown, used)}'


def _places(lanes: Lanes, used: list[int]) -> tuple[dict[int, float], int]:
    tops: dict[int, float] = {}
    y = 0
    for lane in used:
        tops[lane] = y
        y += _LABEL_PX + _height(lanes, lane)
    return tops, y


def _height(lanes: Lanes, lane: int) -> int:
    return _TALL_PX if lanes.emphasis[lane] else _LANE_PX


def _lane(shown: TimelineView, lane: int, top: float) -> str:
    """One lane: its label, a path for each colour and opacity, names where there is room."""
    height, y = _height(shown.lanes, lane), top + _LABEL_PX
    rows = np.flatnonzero(shown.lane == lane)
    scale = WIDTH / (shown.high_us - shown.low_us)
    left = (shown.start[rows] - shown.low_us) * scale
    width = np.maximum((shown.end[rows] - shown.start[rows]) * scale, 0.5)
    level = np.clip(np.ceil(_LEVELS * shown.share[rows]), 1, _LEVELS).astype(int)
    paths: dict[tuple[int, int], list[str]] = defaultdict(list)
    for x, w, kind, opacity in zip(left, width, shown.kind[rows], level, strict=True):
        paths[int(kind), int(opacity)].append(f"M{x:.1f} {y:g}h{w:.1f}v{height}h-{w:.1f}z")
    drawn = [
        f'<path fill="{COLOURS[KINDS[kind]][1]}" opacity="{opacity / _LEVELS:g}" '
        f'd="{"".join(moves)}"/>'
        for (kind, opacity), moves in paths.items()
    ]
    label = f'<text x="2" y="{top + 12:g}" class="lane">{text(shown.lanes.labels[lane])}</text>'
    return label + "".join(drawn) + _names(shown, rows, left, width, y + height - 4)


def _names(
    shown: TimelineView, rows: np.ndarray, left: np.ndarray, width: np.ndarray, y: float
) -> str:
    room = (width / _LETTER_PX).astype(int) - 1
    told = np.flatnonzero((shown.name[rows] >= 0) & (room >= 4))
    words = []
    for i in told.tolist():
        name = shown.lanes.names[shown.name[rows[i]]]
        cut = name if len(name) <= room[i] else f"{name[: room[i] - 1]}…"
        words.append(f'<text x="{left[i] + 3:.1f}" y="{y:g}" class="on">{text(cut)}</text>')
    return "".join(words)


def _axis(shown: TimelineView, y: int) -> str:
    """Five times on the axis, from the start of the picture."""
    length = shown.high_us - shown.low_us
    parts = []
    for i in range(5):
        x, end = WIDTH * i / 4, ("start", "middle", "middle", "middle", "end")[i]
        parts.append(f'<path class="rule" d="M{x:g} {y}v6"/>')
        parts.append(
            f'<text x="{x:g}" y="{y + 18}" text-anchor="{end}" class="lane">'
            f"{text(ms(length * i / 4e3) if i else '0')}</text>"
        )
    return "".join(parts)


def _outline(shown: TimelineView, mark: Range, height: int) -> str:
    scale = WIDTH / (shown.high_us - shown.low_us)
    x = (max(mark[0], shown.low_us) - shown.low_us) * scale
    w = max((min(mark[1], shown.high_us) - shown.low_us) * scale - x, 1.5)
    return f'<rect class="mark" x="{x:.1f}" y="1" width="{w:.1f}" height="{height - 2}"/>'


def _legend(shown: TimelineView, used: list[int]) -> str:
    kinds = np.unique(shown.kind[np.isin(shown.lane, used)])
    by_colour = {COLOURS[KINDS[kind]][1]: COLOURS[KINDS[kind]][0] for kind in kinds}
    entries = [
        f'<span><i style="background:{colour}"></i>{text(title)}</span>'
        for colour, title in by_colour.items()
    ]
    return f'<p class="legend">{"".join(entries)}</p>'


def utilisation(found: Diagnosis) -> str:
    """Busy share of each part of the window as columns (100 high)."""
    busy = found.utilisation_pct
    step = WIDTH / len(busy)
    moves = [
        f"M{i * step:.1f} 100v-{max(value, 0):.1f}h{step - 2:.1f}v{max(value, 0):.1f}z"
        for i, value in enumerate(busy.tolist())
    ]
    words = f"Busy {busy.mean():.0f} % on average"
    return (
        f'<svg class="use" viewBox="0 0 {WIDTH} 100" preserveAspectRatio="none" role="img" '
        f'aria-label="{words}"><path class="frame" d="M0 .5H{WIDTH}M0 99.5H{WIDTH}"/>'
        f'<path class="busy" d="{"".join(moves)}"/></svg>'
    )
