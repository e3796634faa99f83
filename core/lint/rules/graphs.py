"""Sums and lists over steps that keep the graph of every step alive."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from core.lint import patches
from core.lint.facts import Place
from core.lint.frames import Frame, Seen
from core.lint.patches import Edit
from core.lint.rules.draft import Draft, position, shown
from core.lint.survey import dotted
from core.lint.values import Kind, Value

if TYPE_CHECKING:
    from core.lint.machine import Machine


def watch(machine: Machine, kind: str, seen: Seen) -> Iterator[Draft]:
    """``total += loss`` and ``losses.append(loss)`` of a loss with its graph."""
    if seen.frame.place < Place.EVALUATION or seen.frame.grad is not True:
        return
    if kind == "add" and isinstance(seen.node, ast.AugAssign):
        target, added, value = seen.node.target, seen.node.value, seen.value
    elif kind == "call" and seen.name == "append" and seen.value.kind in _LISTS:
        node = seen.node
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return
        if len(node.args) != 1 or not seen.args:
            return
        target, added, value = node.func.value, node.args[0], seen.args[0]
    else:
        return
    if _has_graph(value) and outlives_step(machine, seen.frame, dotted(target)):
        line, offset = position(seen.node)
        edits = (detached(machine, added),)
        yield Draft("graph-kept", line, offset, shown(seen.node), seen.frame.function, edits)


_LISTS = frozenset({Kind.MANY, Kind.SEQUENCE})


def _has_graph(value: Value) -> bool:
    return value.is_tensor and value.grad


def detached(machine: Machine, node: ast.expr) -> Edit:
    """The added expression without its graph."""
    text = patches.text_of(machine.source, node)
    simple = isinstance(node, (ast.Name, ast.Attribute, ast.Call, ast.Subscript))
    return patches.replaced(node, f"{text}.detach()" if simple else f"({text}).detach()")


def outlives_step(machine: Machine, frame: Frame, text: str) -> bool:
    """Whether a variable goes on from step to step and no backward uses it up."""
    if not text or text in machine.survey.trained:
        return False
    loop = frame.step_loop
    if loop is not None:
        return not _reset_in(loop.node.body, text) and _known_before(machine, loop.node, text)
    owner = frame.function.owner
    if owner is None or owner.is_module or not text.startswith("self."):
        return False
    steps = [each for each in owner.methods.values() if each.place is Place.STEP]
    return not any(_reset_in(each.node.body, text) for each in steps)


_BLOCKS = (ast.With, ast.Try, ast.For, ast.While)


def _reset_in(body: list[ast.stmt], text: str) -> bool:
    """Whether a block assigns the variable anew in every round."""
    for statement in body:
        if isinstance(statement, ast.Assign):
            names = [dotted(part) for target in statement.targets for part in ast.walk(target)]
            if text in names:
                return True
        elif (isinstance(statement, ast.AnnAssign) and dotted(statement.target) == text) or (
            isinstance(statement, _BLOCKS) and _reset_in(statement.body, text)
        ):
            return True
    return False


def _known_before(machine: Machine, loop: ast.AST, text: str) -> bool:
    """Whether it is a variable of this script that was there before the loop."""
    for node in ast.walk(machine.source.tree):
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {dotted(part) for target in targets for part in ast.walk(target)}
            if text in names and not _within(node, loop):
                return True
    return False


def _within(node: ast.stmt, loop: ast.AST) -> bool:
    first, last = getattr(loop, "lineno", 0), getattr(loop, "end_lineno", 0)
    return first <= node.lineno <= last
