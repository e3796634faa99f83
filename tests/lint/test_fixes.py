"""Diffs: they apply to the script, and what they mend is not said again."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from core.lint import Record, lint_file, lint_text

CORPUS = Path(__file__).parent / "corpus"
HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")
SCRIPTS = sorted((CORPUS / "killers").glob("*.py"))

# No change of one place mends these: the value is used as text or as a number further on.
WITHOUT = {
    ("classify.py", "sync-format"),
    ("classify.py", "sync-bool"),
    ("trainer.py", "sync-log"),
    ("language.py", "sync-bool"),
    ("language.py", "sync-print"),
    ("loaders.py", "dataset-device"),
    ("loaders.py", "profiler-always"),
}


def patched(text: str, diff: str) -> str:
    """The text after a unified diff; its context has to fit."""
    lines, done, at = text.split("\n"), [], 0
    for line in diff.splitlines()[2:]:
        hunk = HUNK.match(line)
        if hunk:
            start = int(hunk[1]) - (hunk[2] != "0")
            done += lines[at:start]
            at = start
        elif line.startswith("+"):
            done.append(line[1:])
        else:
            assert lines[at] == line[1:]
            done += [lines[at]] if line.startswith(" ") else []
            at += 1
    return "\n".join([*done, *lines[at:]])


def _same(record: Record, others: list[Record]) -> int:
    return sum(other.rule == record.rule for other in others)


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda p: p.stem)
def test_a_fix_applies_and_mends(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    records = lint_file(file)
    for record in records:
        if not record.diff:
            continue
        after = patched(text, record.diff)
        ast.parse(after)
        assert _same(record, lint_text(after)) < _same(record, records), record.diff


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda p: p.stem)
def test_only_where_one_place_is_not_enough_there_is_no_diff(file: Path) -> None:
    for record in lint_file(file):
        assert record.diff or (file.name, record.rule) in WITHOUT, record


def _diff(text: str, rule: str) -> str:
    (record,) = [each for each in lint_text(text, "s.py") if each.rule == rule]
    return "\n".join(
        line
        for line in record.diff.splitlines()
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    )


LOOP = """import torch
model = torch.nn.Linear(2, 2).cuda()
optimizer = torch.optim.SGD(model.parameters(), 0.1)
for x, y in loader:
    loss = model(x.cuda()).sum()
    loss.backward()
    optimizer.step()
"""


def test_a_sum_keeps_its_tensor() -> None:
    text = f"total = 0\n{LOOP}    total += loss.item() * 3\n"
    assert _diff(text, "sync-item") == (
        "-    total += loss.item() * 3\n+    total += loss.detach() * 3"
    )


def test_a_print_is_made_rare_and_the_loop_counted() -> None:
    assert _diff(f"{LOOP}    print(loss.item())\n", "sync-item") == (
        "-for x, y in loader:\n+for step, (x, y) in enumerate(loader):\n"
        "-    print(loss.item())\n"
        "+    if step % 100 == 0:\n+        print(loss.item())"
    )


def test_a_counter_that_is_there_is_used() -> None:
    text = LOOP.replace("for x, y in loader", "for i, (x, y) in enumerate(loader)")
    assert "+    if i % 100 == 0:" in _diff(f"{text}    print(loss)\n", "sync-print")


def test_text_over_several_lines_is_not_moved() -> None:
    text = f'{LOOP}    print("""a\nb""", loss)\n'
    assert _diff(text, "sync-print") == ""


def test_columns_and_diffs_count_characters_not_bytes() -> None:
    text = f'total = 0\n{LOOP}    ä = "ü"; total += loss.item()\n'
    (record,) = [each for each in lint_text(text) if each.rule == "sync-item"]
    assert text.splitlines()[record.line - 1][record.column - 1 :].startswith("item()")
    assert 'ä = "ü"; total += loss.detach()' in record.diff


def test_an_explicit_wait_is_deleted_or_passed() -> None:
    assert _diff(f"{LOOP}    torch.cuda.synchronize()\n", "sync-explicit") == (
        "-    torch.cuda.synchronize()"
    )
    text = f"{LOOP}    if model.training:\n        torch.cuda.synchronize()\n"
    assert "+        pass" in _diff(text, "sync-explicit")
