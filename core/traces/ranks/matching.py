"""Clocks of ranks brought together, and the same collective found on every rank.

A collective ends on all its ranks at about the same moment (measured on eight V100: within 7 µs),
whoever came late. So the clock of one rank against another is the shift that brings most ends of
equal collectives together; then a collective's counterpart is the one that ends nearest. Drops,
windows that begin elsewhere and clocks minutes apart all come out of this, without a rule each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

NOISE_US = 10.0
"""Differences below this are no difference: ends agree to about 7 µs."""
_BAND = 48
"""So many collectives of a kind may be missing at one window's beginning."""
_ANCHORS = 512
"""Collectives that vote for a shift; more do not make it better."""
_WIDTHS_US = (20.0, 200.0, 2_000.0, 20_000.0)
"""How far apart ends may lie: NCCL, PCIe machines, gloo on a busy machine, anything."""
_MOVES = 8
"""So many places a series of host collectives is moved to see whether it then fits better."""
_TRUST_CLOCK, _TRUST_ORDER = 0.5, 0.75
"""Where spreads are alike, clocks are right as they are, and windows begin together."""


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """Collectives of one rank, sorted by bucket, then by end.

    Attributes:
        bucket: int64[n]; only collectives of one bucket can be the same.
        end: float64[n] µs on a clock common to the machine (not yet to the job).
        row: int64[n], where each stands in the rank's own arrays.
    """

    bucket: Rows
    end: Floats
    row: Rows

    @classmethod
    def of(cls, bucket: Rows, end: Floats) -> Ends:
        """Sort a rank's collectives."""
        order = np.lexsort((end, bucket))
        return cls(bucket[order], end[order], order.astype(np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Two ranks' common collectives.

    Attributes:
        one, other: int64[m], positions in the ranks' :class:`Ends`.
        shift_us: what to take off the other's clock.
        spread_us: median distance of the ends after that, which is how well the clocks agree.
    """

    one: Rows
    other: Rows
    shift_us: float
    spread_us: float

    @property
    def cost(self) -> float:
        """Smaller is better: close ends, few left alone."""
        return (self.spread_us + NOISE_US / 4) / max(self.one.size, 1) ** 2


def align(one: Ends, other: Ends) -> Match | None:
    """The shift between two ranks' clocks, None where they have no collective in common."""
    here, there = _thinned(one), _thinned(other)
    left, right = _band_pairs(here, there)
    if not left.size:
        return None
    difference = there.end[right] - here.end[left]
    together = _same_position(here, there, left, right)
    trials: list[tuple[float, float]] = [(0.0, _TRUST_CLOCK)]
    if together.any():
        trials.append((float(np.median(difference[together])), _TRUST_ORDER))
    trials += [(_densest(difference, width), 1.0) for width in _WIDTHS_US]
    tried = [(_settled(one, other, shift), trust) for shift, trust in trials]
    most = max(match.one.size for match, _ in tried)
    # One pair has no spread at all: what leaves most collectives alone is no candidate.
    likely = [(match, trust) for match, trust in tried if 2 * match.one.size >= most]
    best = min(likely, key=lambda pair: pair[0].cost * pair[1])[0]
    if not best.one.size:
        return None
    if abs(best.shift_us) <= max(NOISE_US, 3 * best.spread_us):
        # Not told from the noise of the ends: the machine's clock is the better one.
        return Match(best.one, best.other, 0.0, best.spread_us)
    return best


def pair_up(one: Ends, other: Ends, shift_us: float, limit_us: float) -> tuple[Rows, Rows]:
    """Collectives of equal bucket whose ends are each other's nearest and within the limit.

    Args:
        one, other: two ranks.
        shift_us: taken off the other's ends.
        limit_us: how far apart ends may lie.
    """
    if not one.end.size or not other.end.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    shifted = other.end - shift_us
    low = min(float(one.end.min()), float(shifted.min()))
    span = 4 * (max(float(one.end.max()), float(shifted.max())) - low) + 1.0
    a = one.bucket * span + (one.end - low)
    b = other.bucket * span + (shifted - low)
    forth, back = _nearest(a, b), _nearest(b, a)
    mutual = np.flatnonzero(back[forth] == np.arange(a.size))
    close = np.abs(a[mutual] - b[forth[mutual]]) <= limit_us
    same = one.bucket[mutual] == other.bucket[forth[mutual]]
    mutual = mutual[close & same]
    return mutual, forth[mutual]


def in_order(one: Ends, other: Ends, pairs: tuple[Rows, Rows]) -> tuple[Rows, Rows]:
    """Replace pairs by those that stand at the same place of their bucket, where that fits best.

    For host collectives (gloo): they end milliseconds apart on a busy machine, so that the nearest
    end is often the wrong one, but they are issued in the same order everywhere. A bucket of
    which the ranks hold different numbers, or that fits better when moved, keeps its pairs.

    Args:
        one, other: two ranks, clocks set.
        pairs: what :func:`pair_up` found.
    """
    left, right = pairs
    for bucket in np.intersect1d(one.bucket, other.bucket).tolist():
        mine, theirs = _issued(one, bucket), _issued(other, bucket)
        if mine.size != theirs.size or not _fits_unmoved(one.end[mine], other.end[theirs]):
            continue
        close = np.abs(one.end[mine] - other.end[theirs]) <= _WIDTHS_US[-1]
        kept = one.bucket[left] != bucket
        left, right = np.r_[left[kept], mine[close]], np.r_[right[kept], theirs[close]]
    return left, right


def _issued(ends: Ends, bucket: int) -> Rows:
    """The collectives of a bucket in the order of the rank's own arrays."""
    rows = np.flatnonzero(ends.bucket == bucket)
    return rows[np.argsort(ends.row[rows])]


def _fits_unmoved(one: Floats, other: Floats) -> bool:
    """Whether moving one series against the other by a few places does not halve the distance."""
    size, reach = one.size, min(_MOVES, one.size // 2)

    def apart(by: int) -> float:
        length = size - abs(by)
        return float(np.abs(one[max(-by, 0) :][:length] - other[max(by, 0) :][:length]).mean())

    return apart(0) <= 2 * min(apart(by) for by in range(-reach, reach + 1))


def _settled(one: Ends, other: Ends, shift: float) -> Match:
    """Match at a shift, correct the shift by what the pairs say, and match again."""
    spread = np.inf
    for limit in (_WIDTHS_US[-1], None):
        reach = limit if limit is not None else max(5 * NOISE_US, 6 * spread)
        left, right = pair_up(one, other, shift, reach)
        if not left.size:
            break
        residual = other.end[right] - shift - one.end[left]
        centre = float(np.median(residual))
        spread = float(np.median(np.abs(residual - centre)))
        shift += centre
    return Match(left, right, shift, spread)


def _nearest(points: Floats, among: Floats) -> Rows:
    """For each point the position of the nearest of ``among`` (sorted)."""
    at = np.searchsorted(among, points)
    before, after = np.maximum(at - 1, 0), np.minimum(at, among.size - 1)
    nearer = np.abs(points - among[before]) <= np.abs(among[after] - points)
    return np.where(nearer, before, after)


def _thinned(ends: Ends) -> Ends:
    """The first collectives, as many as may vote, still sorted by bucket."""
    if ends.end.size <= _ANCHORS:
        return ends
    limit = np.partition(ends.end, _ANCHORS)[_ANCHORS]
    keep = ends.end <= limit
    return Ends(ends.bucket[keep], ends.end[keep], ends.row[keep])


def _positions(ends: Ends) -> tuple[Rows, Rows, Rows]:
    """The buckets present, where each begins, and each collective's number in its bucket."""
    buckets, first = np.unique(ends.bucket, return_index=True)
    count = np.diff(np.r_[first, ends.bucket.size])
    return buckets, first, np.arange(ends.bucket.size) - np.repeat(first, count)


def _band_pairs(one: Ends, other: Ends) -> tuple[Rows, Rows]:
    """Pairs of one bucket whose numbers in it differ by at most the band."""
    _, _, number = _positions(one)
    buckets, first, _ = _positions(other)
    if not buckets.size or not number.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    size = np.diff(np.r_[first, other.bucket.size])
    at = np.minimum(np.searchsorted(buckets, one.bucket), buckets.size - 1)
    known = buckets[at] == one.bucket
    partner = number[:, None] + np.arange(-_BAND, _BAND + 1)[None, :]
    valid = known[:, None] & (partner >= 0) & (partner < size[at][:, None])
    left, _ = np.nonzero(valid)
    return left, (first[at][:, None] + partner)[valid]


def _same_position(one: Ends, other: Ends, left: Rows, right: Rows) -> NDArray[np.bool_]:
    return _positions(one)[2][left] == _positions(other)[2][right]


def _densest(values: Floats, width: float) -> float:
    """The middle of the densest stretch of this width."""
    ordered = np.sort(values)
    count = np.searchsorted(ordered, ordered + width, side="right") - np.arange(ordered.size)
    first = int(count.argmax())
    return float(np.median(ordered[first : first + int(count[first])]))
