"""The catalogue and the code agree: no key is missing, none is left over."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from core.ui.texts import catalogue, t

ROOT = Path(__file__).parents[2]
SOURCES = [*(ROOT / "core" / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py")]


def _used() -> tuple[set[str], list[re.Pattern[str]]]:
    """Keys given literally, and a pattern for each key built from parts."""
    literal: set[str] = set()
    built: list[re.Pattern[str]] = []
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "t"):
                continue
            key = node.args[0]
            if isinstance(key, ast.Constant):
                literal.add(str(key.value))
            elif isinstance(key, ast.JoinedStr):
                parts = [
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+"
                    for part in key.values
                ]
                built.append(re.compile("".join(parts)))
    return literal, built


def test_every_key_that_the_code_uses_is_there() -> None:
    literal, built = _used()
    assert literal <= set(catalogue())
    for pattern in built:
        assert any(pattern.fullmatch(key) for key in catalogue()), pattern.pattern


def test_no_sentence_is_left_over() -> None:
    literal, built = _used()
    left = set(catalogue()) - literal
    assert {key for key in left if not any(p.fullmatch(key) for p in built)} == set()


def test_values_are_put_in() -> None:
    assert t("runs.more", shown=2, total=3).startswith("2 of 3")


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        t("no.such.key")
