"""Scalars as columns grouped by tag: the order within a tag is that of the file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events.rows import Rows, empty, from_columns, merge

POINTS = st.lists(st.sampled_from(["b", "a", "loss/ü", "", "z"]), max_size=30)


def rows_of(tags: list[str], first: int = 0) -> Rows:
    """A row for each tag; its columns number the rows."""
    names = list(dict.fromkeys(tags))
    number = np.arange(first, first + len(tags))
    code = np.array([names.index(tag) for tag in tags], np.int32)
    return from_columns(names, [code, number, number + 0.5, number.astype(np.float32)])


def as_dict(rows: Rows) -> dict[str, list[int]]:
    assert list(rows.tags) == sorted(set(rows.tags))
    assert rows.bounds[0] == 0
    assert rows.bounds[-1] == len(rows)
    assert (np.diff(rows.bounds) > 0).all()
    assert rows.wall_time.tolist() == [step + 0.5 for step in rows.step.tolist()]
    assert rows.value.dtype == np.float64
    assert rows.value.tolist() == rows.step.tolist()
    return {tag: rows.step[part].tolist() for tag, part in rows.parts()}


def expected(tags: list[str], first: int = 0) -> dict[str, list[int]]:
    grouped: dict[str, list[int]] = {}
    for number, tag in enumerate(tags, first):
        grouped.setdefault(tag, []).append(number)
    return grouped


@given(POINTS)
def test_columns_are_grouped_by_tag(tags):
    rows = rows_of(tags)
    assert as_dict(rows) == expected(tags)
    assert [rows.tags[code] for code in rows.codes()] == sorted(tags)


@given(st.lists(POINTS, max_size=5))
def test_parts_follow_each_other_within_each_tag(parts):
    starts = np.cumsum([0, *map(len, parts)]).tolist()
    merged = merge([rows_of(tags, first) for tags, first in zip(parts, starts, strict=False)])
    assert as_dict(merged) == expected([tag for tags in parts for tag in tags])


@given(POINTS, st.lists(st.sampled_from(["a", "b", "z", "missing"]), max_size=5))
def test_only_some_tags(tags, wanted):
    found = as_dict(rows_of(tags).only(wanted))
    assert found == {tag: rows for tag, rows in expected(tags).items() if tag in wanted}


def test_names_without_rows_are_left_out():
    ones = np.ones(1)
    rows = from_columns(["c", "b", "a"], [np.array([1]), np.array([4]), ones, ones])
    assert rows.tags == ("b",)
    assert rows.step.tolist() == [4]


def test_more_tags_than_16_bits_count():
    count = 40_000
    names = [f"{number:05}" for number in range(count)][::-1]
    code = np.arange(count, dtype=np.int32)
    rows = from_columns(names, [code, code.astype(np.int64), code * 1.0, code * 1.0])
    assert rows.tags == tuple(reversed(names))
    assert rows.step.tolist() == list(range(count))[::-1]


def test_no_rows():
    for none in (
        empty(),
        merge([]),
        merge([empty(), empty()]),
        rows_of([]),
        rows_of(["a"]).only([]),
    ):
        assert as_dict(none) == {}
        assert len(none) == 0


def test_columns_that_are_shared_cannot_be_written_to():
    for rows in (rows_of(["a", "b", "a"]), merge([rows_of(["a"]), rows_of(["a"])])):
        with pytest.raises(ValueError, match="read-only"):
            rows.value[0] = 7
