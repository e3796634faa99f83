"""What a rule hands in."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from core.lint.facts import Function, Place
from core.lint.patches import Edit


@dataclass(frozen=True, slots=True)
class Draft:
    """A record before it has its words.

    Attributes:
        rule: identifier.
        line, offset: where, the offset in bytes.
        what: the code that does it, as it stands.
        function: where it stands.
        edits: of the text, that mend it; none where that is not sure to be right.
        place: how often it runs.
    """

    rule: str
    line: int
    offset: int
    what: str
    function: Function
    edits: tuple[Edit, ...] = ()
    place: Place = Place.STEP


def position(node: ast.expr | ast.stmt) -> tuple[int, int]:
    """Where a record points: at the name of a method, else at the beginning."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        func = node.func
        line = func.end_lineno or func.lineno
        return line, (func.end_col_offset or 0) - len(func.attr.encode())
    return node.lineno, node.col_offset


def shown(node: ast.AST, most: int = 60) -> str:
    """Code as one short line."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= most else f"{text[: most - 1]}…"
