"""A fix as a unified diff: edits of text by position, as the syntax tree gives them."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from core.lint.sources import Source


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace what is between two places by a text.

    Attributes:
        start, end: (line from 1, offset in bytes of UTF-8), as in syntax trees.
        text: what stands there instead.
    """

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


def start_of(node: ast.expr | ast.stmt) -> tuple[int, int]:
    """Where the text of a node begins."""
    return node.lineno, node.col_offset


def end_of(node: ast.expr | ast.stmt) -> tuple[int, int]:
    """Where it ends."""
    return node.end_lineno or node.lineno, node.end_col_offset or node.col_offset


def replaced(node: ast.expr | ast.stmt, text: str) -> Edit:
    """A node replaced by a text."""
    return Edit(start_of(node), end_of(node), text)


def inserted(at: tuple[int, int], text: str) -> Edit:
    """A text put in."""
    return Edit(at, at, text)


def text_of(source: Source, node: ast.expr | ast.stmt) -> str:
    """The text of a node as it stands."""
    start, end = start_of(node), end_of(node)
    lines = [line.encode() for line in source.lines[start[0] - 1 : end[0]]]
    lines[-1] = lines[-1][: end[1]]
    lines[0] = lines[0][start[1] :]
    return b"\n".join(lines).decode(errors="replace")


def column_of(source: Source, line: int, offset: int) -> int:
    """Column from 1, in characters, of an offset in bytes."""
    return len(source.lines[line - 1].encode()[:offset].decode(errors="replace")) + 1


def indent_of(source: Source, node: ast.stmt) -> str:
    """The white space before a statement; "" where it does not begin its line."""
    before = source.lines[node.lineno - 1].encode()[: node.col_offset].decode(errors="replace")
    return before if not before.strip() else ""


def line_edits_indented(source: Source, node: ast.stmt) -> list[Edit] | None:
    """Edits that indent a statement; None where that would change it
    (text over several lines) or it does not stand alone."""
    first, last = node.lineno, node.end_lineno or node.lineno
    by = "\t" if "\t" in indent_of(source, node) else "    "
    lines = source.lines[first - 1 : last]
    moved = "\n".join(["if 0:", *(f"{by}{line}" if line.strip() else line for line in lines)])
    try:
        ((inside,),) = (part.body for part in ast.parse(moved).body if isinstance(part, ast.If))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if ast.dump(inside) != ast.dump(node):
        return None
    return [
        inserted((line, 0), by) for line in range(first, last + 1) if source.lines[line - 1].strip()
    ]


def applied(source: Source, edits: Sequence[Edit]) -> str:
    """The text after the edits; those that overlap an earlier one are left out."""
    lines = [line.encode() for line in source.lines]
    done: tuple[int, int] | None = None
    for edit in sorted(set(edits), reverse=True):
        if done is not None and edit.end > done:
            continue
        (first, left), (last, right) = edit.start, edit.end
        text = lines[first - 1][:left] + edit.text.encode() + lines[last - 1][right:]
        lines[first - 1 : last] = text.split(b"\n")
        done = edit.start
    return b"\n".join(lines).decode(errors="replace")


def diff(source: Source, edits: Sequence[Edit]) -> str:
    """The edits as a unified diff; "" where they change nothing or would break the script."""
    if not edits:
        return ""
    after = applied(source, edits)
    try:
        ast.parse(after)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    lines = difflib.unified_diff(
        source.lines, after.split("\n"), f"a/{source.name}", f"b/{source.name}", lineterm="", n=2
    )
    return "".join(f"{line}\n" for line in lines)
