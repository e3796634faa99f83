"""``docs/lint.md`` and the code name the same rules, with the same costs."""

from __future__ import annotations

import re
from pathlib import Path

from core.lint import COSTS, RULES

PAGE = (Path(__file__).parents[2] / "docs/lint.md").read_text(encoding="utf-8")


def table() -> dict[str, list[str]]:
    """Rule -> its other cells."""
    block = re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE)[0]
    rows = [
        [cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()[2:]
    ]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_the_page_lists_exactly_the_rules_of_the_code() -> None:
    assert list(table()) == list(RULES)


def test_every_line_says_what_when_how_often_and_from_where() -> None:
    for key, cells in table().items():
        assert len(cells) == 4, key
        assert all(cells), key
        assert cells[2] == RULES[key].cost, key


def test_costs_are_those_of_the_code() -> None:
    assert {rule.cost for rule in RULES.values()} <= set(COSTS)


def test_the_page_states_its_precision_and_every_script() -> None:
    section = PAGE.partition("## Precision on real scripts")[2]
    scripts = re.findall(r"^\| (\S+/\S+) \| (\S+) \|.*\| (.+) \|$", section, re.MULTILINE)
    assert len({script[:2] for script in scripts}) >= 30
    stated = re.search(r"(\d+) of (\d+) alarms are true", section)
    assert stated is not None
    counted = sum(int(n) for *_, alarms in scripts for n in re.findall(r"[a-z] (\d+)", alarms))
    assert counted == int(stated[2])
    told = re.search(r"Alarms by rule: (.+)\.", section)
    assert told is not None
    by_rule = dict(re.findall(r"`(\S+)` (\d+)", told[1]))
    assert set(by_rule) <= set(RULES)
    assert sum(map(int, by_rule.values())) == counted
