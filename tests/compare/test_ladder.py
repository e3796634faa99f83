"""A family as a ladder: each rung against its parent and the first one; promises kept or not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core import compare, runs
from core.compare import Ladder, family_at
from core.errors import NotFound
from core.promises import KEY, Promised

Write = Callable[..., Path]


def _job(
    folder: Path, parent: str | None, created: float, promise: Promised | None = None, **params
):
    folder.mkdir(parents=True, exist_ok=True)
    job = {"id": folder.name, "kind": "profile", "workload": "w", "parent": parent,
           "created": created, "params": params}  # fmt: skip
    if promise is not None:
        job[KEY] = promise.to_json()
    (folder / "job.json").write_text(json.dumps(job))


@pytest.fixture
def family(tmp_path: Path, write_trace: Write, write_losses: Write) -> Path:
    """No workers, then four; then one that trained without a profile, and one of another tag."""
    told = Promised("Workers", "first", "x", ("D1",), {"workers": 4}, 1.5, 3.0, 2.0)
    for name, parent, workers, promise in (("first", None, 0, None), ("second", "first", 4, told)):
        write_trace(
            tmp_path / name / "trace/x.pt.trace.json", data_ms=60.0, workers=workers, kernels=60
        )
        _job(tmp_path / name, parent, len(name), promise, workers=workers)
    write_losses(tmp_path / "third", [1.0, 0.5], [1.0, 0.6])
    _job(tmp_path / "third", "second", 9, workers=4, lr=0.1)
    return tmp_path


def _rungs(found: Ladder) -> dict:
    return {rung.key: rung for rung in found.rungs}


def test_gains_are_over_the_parent_and_over_the_first(family: Path) -> None:
    found = family_at(family / "third")
    assert [rung.key for rung in found.rungs] == ["first", "second", "third"]
    rungs = _rungs(found)
    first, second, third = rungs["first"], rungs["second"], rungs["third"]
    assert (first.over_parent, first.over_root, first.promise) == (None, None, None)
    assert second.over_parent is not None
    assert second.over_parent.speedup.value == pytest.approx(first.step_ms / second.step_ms)
    assert second.over_root is not None
    assert second.over_root.speedup == second.over_parent.speedup
    assert second.changed == (("workers", "0", "4"),)
    assert third.over_parent is None
    assert third.facts.verdict is not None
    assert third.changed == (("lr", "–", "0.1"),)


def test_a_promise_of_the_launch_is_held_against_what_was_measured(family: Path) -> None:
    second = _rungs(family_at(family / "first"))["second"]
    assert second.promise is not None
    value = second.over_parent.speedup.value
    assert second.promise.verdict == ("within" if 1.5 <= value <= 3 else "above")
    assert "in their predicted range" in family_at(family / "first").summary


def test_the_sentence_names_the_fastest_and_its_change(family: Path) -> None:
    summary = family_at(family / "first").summary
    assert "The fastest is second" in summary
    assert "workers 0 → 4" in summary


def test_the_record_is_plain_json(family: Path) -> None:
    record = json.loads(json.dumps(family_at(family / "first").to_json(), allow_nan=False))
    assert (record["kind"], record["root"], len(record["runs"])) == ("family", "first", 3)
    second = record["runs"][1]
    assert second["over_parent"]["by"] == "profile"
    assert second["step"]["steps"] >= 2
    assert second["step"]["interval_ms"][0] <= second["step"]["mean_ms"]
    assert record["runs"][2]["over_root"] is None


def test_a_run_alone_says_how_a_ladder_begins(family: Path) -> None:
    (only,) = [run for run in runs.discover([family]) if run.key == "first"]
    members = compare.family_of(only, [only])
    found = compare.make_ladder(members, {"first": compare.gather(only)})
    assert "alone" in found.summary


def test_a_place_without_a_run_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", tmp_path / "gone"):
        with pytest.raises(NotFound, match="run"):
            family_at(place)
