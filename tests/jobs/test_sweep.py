"""Sweeps: which settings they hold, and that one bad setting queues nothing."""

from __future__ import annotations

import pytest

from core import jobs
from core.errors import BadInput
from core.jobs import sweep


def test_a_grid_has_every_combination():
    assert sweep.grid({"lr": ["0.1", "0.01"], "dropout": ["0", "0.5"]}) == [
        {"lr": "0.1", "dropout": "0"},
        {"lr": "0.1", "dropout": "0.5"},
        {"lr": "0.01", "dropout": "0"},
        {"lr": "0.01", "dropout": "0.5"},
    ]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "this one has 0"),
        ({"lr": []}, "lr has no value"),
        ({"a": ["1"] * 15, "b": ["1"] * 15}, "this one has 225"),
    ],
)
def test_a_grid_that_is_none_is_refused(values, words):
    with pytest.raises(BadInput, match=words):
        sweep.grid(values)


def test_draws_stay_in_their_ranges_and_repeat_for_a_seed():
    values = {"lr": "1e-4..1e-1 log", "dropout": "0.0..0.5", "epochs": "2..5", "kind": "a, b"}

    found = sweep.drawn(values, 50, seed=3)

    assert found == sweep.drawn(values, 50, seed=3)
    assert found != sweep.drawn(values, 50, seed=4)
    rates = [float(row["lr"]) for row in found]
    assert all(1e-4 <= rate <= 1e-1 for rate in rates)
    assert 10 < sum(rate < 3e-3 for rate in rates) < 40, "uniform in the logarithm"
    assert {row["epochs"] for row in found} == {"2", "3", "4", "5"}
    assert {row["kind"] for row in found} == {"a", "b"}


@pytest.mark.parametrize("text", ["5..1", "0..1 log", "1..e", ","])
def test_a_range_that_is_none_is_refused(text):
    with pytest.raises(BadInput, match="lr"):
        sweep.drawn({"lr": text}, 1, 0)


def test_a_family_is_queued_as_a_whole_or_not_at_all(common_room):
    base = jobs.make_spec("train", "digits", {"epochs": 1}, "cpu", note="why")

    with pytest.raises(BadInput, match="dropout"):
        sweep.launch_family(base, [{"dropout": "0.1"}, {"dropout": "7"}])
    assert jobs.list_jobs() == []

    family = sweep.launch_family(base, [{"dropout": "0.1"}, {"dropout": "0.2"}])
    assert [job.params["dropout"] for job in family] == [0.1, 0.2]
    assert {job.note for job in family} == {"why"}
    assert len({job.family for job in family}) == 1
