"""A promise survives its way through job.json, and nothing else passes for one."""

from __future__ import annotations

import json

import pytest

from core.promises import KEY, MOST_STEPS, Promised, promise_in

TOLD = Promised(
    title="The DataLoader works in the training process",
    base="photos-profile-1",
    source="photos.pt.trace.json.gz",
    rules=("D1",),
    changes={"num_workers": 2, "pin_memory": True},
    low=1.2,
    high=2.0,
    expected=1.6,
    assumption="two workers",
    before_ms=(120.0, 130.5),
)


def test_what_is_written_is_read_back() -> None:
    assert promise_in({KEY: json.loads(json.dumps(TOLD.to_json()))}) == TOLD


def test_it_holds_only_for_a_job_that_makes_the_change() -> None:
    assert TOLD.made_in({"num_workers": 2, "pin_memory": True, "lr": 0.1})
    assert not TOLD.made_in({"num_workers": 4, "pin_memory": True})
    assert not TOLD.made_in({})


@pytest.mark.parametrize(
    "content", [None, [], "text", {}, {"title": "x"}, {"title": 3, "base": "a"}, {"base": "a"}]
)
def test_anything_else_is_no_promise(content: object) -> None:
    assert promise_in({KEY: content}) is None
    assert promise_in(None) is None


@pytest.mark.parametrize(
    ("low", "expected", "high"),
    [(2.0, 1.5, 1.0), (0, 1, 2), (None, 1, 2), ("1", 1, 2), (float("nan"), 1, 2), (True, 1, 2),
     (1, 1, 10**400)],
)  # fmt: skip
def test_a_range_that_is_none_promises_no_speed(low, expected, high) -> None:
    record = TOLD.to_json() | {"low": low, "expected": expected, "high": high}
    found = promise_in({KEY: record})
    assert found is not None
    assert (found.low, found.expected, found.high) == (None, None, None)


def test_step_times_are_all_good_or_none_and_bounded() -> None:
    for times in ([1.0, -2.0], [1.0, "2"], {"a": 1}, [float("inf")]):
        found = promise_in({KEY: TOLD.to_json() | {"before_ms": times}})
        assert found is not None
        assert found.before_ms == ()
    long = Promised("x", "a", before_ms=(1.0,) * (3 * MOST_STEPS)).to_json()
    assert len(long["before_ms"]) == MOST_STEPS  # type: ignore[arg-type]
