"""Which points of a restarted run count, against the definition in plain Python."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from core.events import latest, superseded

LIMITS = np.iinfo(np.int64)
STEPS = st.one_of(
    st.integers(0, 6),
    st.sampled_from([LIMITS.min, LIMITS.min + 1, -1, 2**53, 2**53 + 1, LIMITS.max - 1, LIMITS.max]),
)
ROWS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), STEPS), max_size=25)


def by_definition(rows: list[tuple[str, str, int]]) -> list[bool]:
    return [
        any(later[:2] == row[:2] and later[2] <= row[2] for later in rows[index + 1 :])
        for index, row in enumerate(rows)
    ]


def frame_of(rows: list[tuple[str, str, int]], kind: str = "category") -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["run", "tag", "step"])
    return frame.astype({"run": kind, "tag": kind, "step": "int64"})


@given(ROWS, st.sampled_from(["category", "str"]))
def test_a_point_is_superseded_by_a_later_one_of_its_step_or_before(rows, kind):
    assert superseded(frame_of(rows, kind)).tolist() == by_definition(rows)


@given(ROWS)
def test_the_latest_rows_are_the_others(rows):
    kept = latest(frame_of(rows))
    wanted = [row for row, old in zip(rows, by_definition(rows), strict=True) if not old]
    assert list(zip(kept["run"], kept["tag"], kept["step"], strict=True)) == wanted
    assert kept.index.tolist() == list(range(len(wanted)))
    assert not superseded(kept).any()


@given(ROWS)
def test_the_index_of_the_frame_plays_no_part(rows):
    frame = frame_of(rows)
    frame.index = [0] * len(rows)
    assert superseded(frame).tolist() == by_definition(rows)


@given(st.lists(STEPS, max_size=15))
def test_a_frame_without_runs_is_of_one_run(steps):
    rows = [("", "x", step) for step in steps]
    assert superseded(frame_of(rows).drop(columns="run")).tolist() == by_definition(rows)
