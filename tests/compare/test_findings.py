"""Which findings are gone, new, still there; predicted against measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from core.compare.findings import match_findings, place, promises
from core.compare.speed import speedup
from core.traces import Finding, Fix, Prediction


def _finding(rule: str, where: str, gain: tuple[float, float] | None = None) -> Finding:
    told = None if gain is None else Prediction(*gain, "all of it")
    return Finding(rule, rule, "warning", where, 5.0, 0.1, (), (), Fix("", ""), told)


def test_numbers_that_change_from_run_to_run_are_no_part_of_the_place() -> None:
    one = _finding("S1", "thread 25738 (python), aten::item, at train.py(31): step")
    two = _finding("S1", "thread 99 (python), aten::item, at train.py(40): step")
    assert place(one) == place(two)
    assert place(one) != place(_finding("S1", "thread 99 (python), aten::nonzero"))
    assert place(one) != place(_finding("S2", one.where))


def test_findings_are_resolved_introduced_and_kept() -> None:
    a = (_finding("D1", "thread 1 (python)"), _finding("H1", "stream 7, HtoD"))
    b = (_finding("H1", "stream 9, HtoD"), _finding("L1", "thread 2 (python)"))
    found = match_findings(a, b)
    assert [(each.state, each.finding.rule) for each in found] == [
        ("resolved", "D1"),
        ("introduced", "L1"),
        ("kept", "H1"),
    ]
    assert found[0].b_ms is None
    assert found[1].a_ms is None
    assert found[2].finding is b[0]


def test_the_same_finding_twice_is_counted_twice() -> None:
    one, two = (_finding("S1", "thread 1, aten::item") for _ in range(2))
    found = match_findings((one, two), (_finding("S1", "thread 1, aten::item"),))
    assert sorted(each.state for each in found) == ["kept", "resolved"]


@pytest.mark.parametrize(
    ("measured", "verdict"), [(1.2, "below"), (1.4, "within"), (1.5, "within"), (1.8, "above")]
)
def test_a_promise_is_judged_by_its_range(measured: float, verdict: str) -> None:
    gone = match_findings((_finding("D1", "", (1.4, 1.6)),), ())
    (promise,) = promises(gone, speedup([measured], [1.0]))
    assert promise.verdict == verdict
    assert (
        promise.sentence
        == f"Predicted 1.40 to 1.60×, measured {measured:.2f}×: {verdict} the range."
    )


def test_an_interval_that_reaches_into_the_range_is_told() -> None:
    gone = match_findings((_finding("D1", "", (1.4, 1.6)),), ())
    (promise,) = promises(gone, speedup([12, 14, 13, 15], [10, 9, 11, 10.5]))
    assert promise.verdict == "below"
    assert "reaches into it" in promise.sentence


def test_several_promises_are_judged_together_first() -> None:
    a = (_finding("D1", "x", (1.25, 2.0)), _finding("S1", "y", (1.0, 1.25)))
    together, *single = promises(match_findings(a, ()), speedup([2.0], [1.0]))
    assert together.rules == ("D1", "S1")
    # Savings of 20 % and 0 % at least, of 50 % and 20 % at most.
    assert (together.low, together.high) == pytest.approx((1.25, 1 / 0.3))
    assert [each.rules for each in single] == [("D1",), ("S1",)]


def test_several_are_replayed_at_once_where_each_has_an_edit() -> None:
    a = tuple(
        replace(_finding(rule, rule, (1.1, 1.5)), edit=edit)
        for rule, edit in (("D1", "loader"), ("S1", "sync"))
    )
    asked: list[list[str]] = []

    def replayed(edits: Iterable[str]) -> Prediction:
        asked.append(list(edits))
        return Prediction(1.3, 1.8, "", 1.6)

    together, *_ = promises(match_findings(a, ()), speedup([1.5], [1.0]), replayed)
    assert asked == [["loader", "sync"]]
    assert (together.low, together.expected, together.high) == (1.3, 1.6, 1.8)
    refused, *_ = promises(match_findings(a, ()), speedup([1.5], [1.0]), lambda edits: None)
    assert "added up" in refused.title


def test_what_is_expected_is_told_where_it_is_known() -> None:
    told = Prediction(1.2, 1.6, "", 1.3)
    finding = replace(_finding("D1", ""), predicted_speedup=told)
    (promise,) = promises(match_findings((finding,), ()), speedup([1.3], [1.0]))
    assert promise.expected == 1.3
    assert "(expected 1.30×)" in promise.sentence


def test_nothing_is_promised_for_what_is_kept_or_without_a_speedup() -> None:
    finding = _finding("D1", "", (1.4, 1.6))
    assert promises(match_findings((finding,), (finding,)), speedup([2.0], [1.0])) == ()
    assert promises(match_findings((finding,), ()), None) == ()
