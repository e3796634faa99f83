"""Who belongs to a family, and in which order."""

from __future__ import annotations

from pathlib import Path

from core.compare import family_of, parent_of
from core.runs import Run


def _run(name: str, parent: str | None = None, family: str = "", created: float = 0.0) -> Run:
    job = {"id": name, "parent": parent, "family": family, "created": created}
    return Run(name, Path("/r") / name, job=job)


def _names(run: Run, runs: list[Run]) -> list[tuple[str, str, int]]:
    return [
        (each.run.key, each.parent.key if each.parent else "", each.depth)
        for each in family_of(run, runs)
    ]


def test_children_follow_their_parents_the_oldest_first() -> None:
    runs = [
        _run("late", "root", created=5),
        _run("grandchild", "early", created=9),
        _run("early", "root", created=2),
        _run("root", created=1),
        _run("stranger", created=0),
    ]
    found = [("root", "", 0), ("early", "root", 1), ("grandchild", "early", 2), ("late", "root", 1)]
    for run in runs[:4]:
        assert _names(run, runs) == found
    assert _names(runs[4], runs) == [("stranger", "", 0)]


def test_a_sweep_is_one_family_with_all_that_was_made_of_it() -> None:
    runs = [
        _run("s1", family="sweep-1", created=1),
        _run("s2", family="sweep-1", created=2),
        _run("child", "s2", created=3),
    ]
    assert _names(runs[2], runs) == [("s1", "", 0), ("s2", "", 0), ("child", "s2", 1)]


def test_a_parent_that_is_gone_makes_a_root_of_its_child() -> None:
    orphan = _run("orphan", "gone")
    assert parent_of(orphan, [orphan]) is None
    assert _names(orphan, [orphan]) == [("orphan", "", 0)]


def test_hand_made_circles_and_odd_files_do_no_harm() -> None:
    one, two = _run("one", "two"), _run("two", "one")
    assert _names(one, [one, two]) == [("one", "", 0)]
    assert _names(_run("self", "self"), [_run("self", "self")]) == [("self", "", 0)]
    odd = Run("odd", Path("/r/odd"), job={"id": ["x"], "parent": 3, "family": {}})
    foreign = Run("foreign", Path("/r/foreign"))
    for run in (odd, foreign):
        assert _names(run, [odd, foreign, one]) == [(run.key, "", 0)]
