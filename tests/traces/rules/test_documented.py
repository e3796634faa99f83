"""Every rule is in ``docs/rules.md``, with its threshold, its source and its peers."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
RULE = re.compile(r"[A-Z]\d")


def in_code() -> set[str]:
    """String constants that look like a rule's identifier."""
    found = set()
    traces = ROOT / "core/traces"
    for file in [*(traces / "rules").glob("*.py"), *(traces / "ranks").glob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value} if RULE.fullmatch(node.value) else set()
    return found


def table(number: int) -> dict[str, list[str]]:
    """Rule -> its other cells, of the first or second table."""
    blocks = re.findall(r"(?:^\|.*\n)+", (ROOT / "docs/rules.md").read_text(), re.MULTILINE)
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in blocks[number].splitlines()[2:]
    ]
    return {row[0]: row[1:] for row in rows}


def test_findings_and_their_table_name_the_same_rules():
    assert in_code() == set(table(0))


def test_every_line_says_when_from_where_and_who_else():
    for rule, cells in table(0).items():
        assert len(cells) == 4, rule
        assert all(cells), rule


def test_everything_that_torchs_patterns_find_is_covered():
    said = " ".join(" ".join(cells) for cells in table(0).values())
    for pattern in (
        *("ExtraCUDACopyPattern", "ForLoopIndexingPattern", "FP32MatMulPattern"),
        *("OptimizerSingleTensorPattern", "SynchronizedDataLoaderPattern"),
        *("GradNotSetToNonePattern", "Conv2dBiasFollowedByBatchNorm2dPattern"),
        "MatMulDimInFP16Pattern",
    ):
        assert pattern in said


def test_every_rule_is_tested_to_fire():
    tests = "".join(p.read_text() for p in (ROOT / "tests/traces").rglob("test_*.py"))
    assert {rule for rule in in_code() if f'"{rule}"' not in tests} == set()
