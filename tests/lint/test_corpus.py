"""Every planted killer is found, on its line and by its rule, and nothing in the fixed twins."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.lint import COSTS, RULES, lint_file

CORPUS = Path(__file__).parent / "corpus"


def _scripts(kind: str) -> list[Path]:
    return sorted((CORPUS / kind).glob("*.py"))


def _marks(file: Path) -> set[tuple[int, str]]:
    """(line, rule) of each ``# killer: RULE, RULE`` in a script."""
    found = set()
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        match = re.search(r"# killer: (.+)$", line)
        if match:
            found |= {(number, rule.strip()) for rule in match[1].split(",")}
    return found


@pytest.mark.parametrize("file", _scripts("killers"), ids=lambda p: p.stem)
def test_exactly_the_planted_killers_are_found(file: Path) -> None:
    assert {(record.line, record.rule) for record in lint_file(file)} == _marks(file)


@pytest.mark.parametrize("file", [*_scripts("fixed"), *_scripts("clean")], ids=lambda p: p.stem)
def test_fixed_twins_and_clean_scripts_are_left_alone(file: Path) -> None:
    assert lint_file(file) == []


def test_every_killer_has_a_fixed_twin() -> None:
    assert [p.name for p in _scripts("killers")] == [p.name for p in _scripts("fixed")]


def test_every_rule_is_planted() -> None:
    planted = {rule for file in _scripts("killers") for _, rule in _marks(file)}
    assert planted == set(RULES)


@pytest.mark.parametrize("file", _scripts("killers"), ids=lambda p: p.stem)
def test_a_record_says_where_what_why_how_often_and_what_instead(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    for record in lint_file(file):
        assert record.file == str(file)
        assert 1 <= record.column <= len(lines[record.line - 1])
        assert all((record.message, record.why, record.fix))
        assert record.cost in COSTS


def test_in_evaluation_a_wait_costs_every_evaluation_step() -> None:
    costs = {r.line: r.cost for r in lint_file(CORPUS / "killers/engine.py") if "item" in r.rule}
    assert sorted(costs.values()) == ["every evaluation step", "every step", "every step"]
