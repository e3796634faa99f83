"""The algebra against sets of whole numbers, where every answer can be counted."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.traces.intervals import Intervals, gaps, overlap, paint, subtract, union

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), max_size=25)


def build(spans: list[tuple[int, int]]) -> Intervals:
    return union([a for a, _ in spans], [a + d for a, d in spans])


def cells(spans: list[tuple[int, int]]) -> set[int]:
    return {cell for a, d in spans for cell in range(a, a + d)}


def covered(where: Intervals) -> set[int]:
    return {
        cell for a, b in zip(where.start, where.end, strict=True) for cell in range(int(a), int(b))
    }


@given(SPANS)
def test_union_covers_the_same_time_in_sorted_disjoint_pieces(spans):
    where = build(spans)
    assert covered(where) == cells(spans)
    assert where.measure == len(cells(spans))
    assert (where.start[1:] > where.end[:-1]).all()


@given(SPANS, SPANS)
def test_subtract_and_overlap_split_a_set_exactly(one, other):
    a, b = build(one), build(other)
    assert covered(subtract(a, b)) == cells(one) - cells(other)
    assert covered(overlap(a, b)) == cells(one) & cells(other)
    assert subtract(a, b).measure + overlap(a, b).measure == a.measure
    for part in (subtract(a, b), overlap(a, b)):
        assert (part.start < part.end).all()
        assert (part.start[1:] > part.end[:-1]).all()


@given(SPANS, st.integers(0, 30), st.integers(0, 50))
def test_measure_within_a_range_is_the_measure_of_the_clipped_set(spans, low, width):
    where = build(spans)
    high = low + width
    assert where.within(low, high) == len(cells(spans) & set(range(low, high)))
    assert where.clip(low, high).measure == where.within(low, high)


@given(SPANS)
def test_gaps_and_busy_time_tile_the_window(spans):
    where = build(spans).clip(5, 50)
    idle = gaps(where, 5, 50)
    assert where.measure + idle.measure == 45
    assert overlap(where, idle).measure == 0


@given(SPANS, SPANS, SPANS)
def test_cutting_a_painted_partition_tiles_each_interval_with_the_topmost_label(low, top, asked):
    state = paint([(1, build(low)), (2, build(top))], background=0)
    where = build(asked)
    start, end, label, owner = state.cut(where.start, where.end)
    assert (end > start).all()
    sums = np.bincount(owner, end - start, minlength=len(where))
    assert np.array_equal(sums, where.end - where.start)
    for code, expected in (
        (2, cells(top)),
        (1, cells(low) - cells(top)),
        (0, set(range(100)) - cells(low) - cells(top)),
    ):
        mine = label == code
        assert covered(union(start[mine], end[mine])) == expected & cells(asked)


@given(st.lists(SPANS, max_size=20))
def test_the_last_layer_of_many_is_what_shows(layers):
    state = paint([(10 + i, build(spans)) for i, spans in enumerate(layers)], background=3)
    wanted = dict.fromkeys(range(80), 3)
    for i, spans in enumerate(layers):
        wanted.update(dict.fromkeys(cells(spans), 10 + i))
    cell = np.arange(80.0)
    _, _, label, _ = state.cut(cell, cell + 1)
    assert label.tolist() == list(wanted.values())


def test_half_open_intervals_hold_their_start_and_not_their_end():
    where = union([1.0], [2.0])
    assert where.contains([1.0, 2.0]).tolist() == [True, False]
