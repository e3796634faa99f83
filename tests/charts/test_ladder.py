"""The ladder of a family: measured on top of predicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import compare
from core.charts.compare import MORE
from core.charts.ladder import label, ladder_chart
from core.charts.theme import BEST, RULE
from core.compare import Facts, Ladder, Member, Use
from core.promises import Promised
from core.runs import Run


def _facts(name: str, ms: list[float], promise: Promised | None = None, **params: float) -> Facts:
    run = Run(name, Path("/r") / name, job={"id": name})
    logged = {"Speed/step_ms": np.array(ms)} if ms else {}
    return Facts(run, None, dict(params), logged, None, {}, Use(), promise)


def _ladder(*told: tuple[Facts, str | None]) -> Ladder:
    facts = {each.run.key: each for each, _ in told}
    members = [
        Member(each.run, facts[parent].run if parent else None, 0 if parent is None else 1)
        for each, parent in told
    ]
    return compare.make_ladder(members, facts)


@pytest.fixture
def found() -> Ladder:
    promise = Promised("x", "b", rules=("D1",), low=1.5, high=2.5)
    return _ladder(
        (_facts("a", [99.0, 100.0, 101.0], workers=0), None),
        (_facts("b", [49.0, 50.0, 51.0], workers=2), "a"),
        (_facts("c", [24.0, 25.0, 26.0], promise, workers=4), "b"),
        (_facts("slow", [198.0, 200.0, 202.0], workers=0), "a"),
        (_facts("mute", []), "a"),
    )


def _rows(spec: dict) -> dict[str, dict]:
    rows = (row for data in spec["datasets"].values() for row in data if "run" in row)
    return {row["run"]: row for row in rows}


def test_gains_stand_over_the_first_run_with_colour_by_certainty(found: Ladder) -> None:
    rows = _rows(ladder_chart(found).to_dict())
    assert {name: round(row["speedup"], 2) for name, row in rows.items()} == {
        "a": 1.0, "b": 2.0, "c": 4.0, "slow": 0.5,
    }  # fmt: skip
    assert [rows[name]["colour"] for name in ("a", "b", "slow")] == [RULE, BEST, MORE]
    assert rows["b"]["low"] < 2 < rows["b"]["high"]


def test_a_prediction_stands_on_what_its_parent_had_gained(found: Ladder) -> None:
    row = _rows(ladder_chart(found).to_dict())["c"]
    assert (row["told_low"], row["told_high"]) == pytest.approx((3.0, 5.0))
    assert row["predicted"] == "3.00 to 5.00"


def test_rungs_are_called_by_their_change(found: Ladder) -> None:
    names = [label(number, rung) for number, rung in enumerate(found.rungs, 1)]
    assert names[:4] == ["1  first", "2  workers 0 → 2", "3  workers 2 → 4",
                         "4  no parameter changed"]  # fmt: skip


def test_a_family_without_step_times_says_so() -> None:
    mute = _ladder((_facts("a", []), None), (_facts("b", []), "a"))
    assert "No two runs" in str(ladder_chart(mute).to_dict())
