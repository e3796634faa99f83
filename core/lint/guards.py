"""Conditions: whether what they guard runs in every step, and whether graphs are made.

A condition on settings alone (``if args.amp``, ``if rank == 0``, ``if scaler is not None``) is the
same in every step, so what it guards counts as run in every step. One on the number of the step,
the time or a result is not.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING

from core.lint.facts import Def, Function, Place
from core.lint.survey import dotted

if TYPE_CHECKING:
    from core.lint.machine import Frame


class Guard(Enum):
    """What a condition is."""

    CONFIGURED = auto()
    """The same in every step."""
    RARE = auto()
    """True once in many steps: its ``else`` is the rule."""
    OPEN = auto()
    """Nobody can tell."""


_RARELY = re.compile(
    r"log|print|debug|verbose|report|display|show|save|plot|every|interval|freq|first|last|profil"
    r"|visual|sanity|warmup|step|iter|batch|time|check",
    re.IGNORECASE,
)
"""Names of conditions that may hold only now and then, or only for a look."""
_ASKED_ONCE = re.compile(
    r"is_available|isinstance|hasattr|is_main|is_master|is_rank|get_rank|is_initialized|main_process"
    r"|is_local|callable|len|getattr|bool|is_distributed|get_world_size"
)
_GRAD = re.compile(r"no_grad|inference_mode")


def classify(test: ast.expr, frame: Frame) -> Guard:
    """What an ``if`` with this test is, for the innermost loop (or the function) around."""
    if any(isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mod) for part in _walk(test)):
        return Guard.RARE
    changing = frame.loops[-1].assigned if frame.loops else frozenset()
    for part in _walk(test):
        if isinstance(part, (ast.Name, ast.Attribute)):
            text = dotted(part)
            if text in changing or _RARELY.search(text.rpartition(".")[2]):
                return Guard.OPEN
        elif isinstance(part, ast.Call):
            if not _ASKED_ONCE.search(dotted(part.func).rpartition(".")[2]):
                return Guard.OPEN
        elif isinstance(part, (ast.NamedExpr, ast.Await, ast.Yield)):
            return Guard.OPEN
    return Guard.CONFIGURED


def _walk(node: ast.expr) -> Iterator[ast.AST]:
    return ast.walk(node)


def leaves(body: Sequence[ast.stmt]) -> bool:
    """Whether a block ends by leaving the loop's round, the loop or the function."""
    last = body[-1] if body else None
    return isinstance(last, (ast.Continue, ast.Break, ast.Return, ast.Raise))


def skips_rest(node: ast.If, frame: Frame) -> bool:
    """``if step % 100: continue``: what follows it runs only now and then."""
    skips = bool(node.body) and isinstance(node.body[-1], (ast.Continue, ast.Return))
    return skips and not node.orelse and classify(node.test, frame) is Guard.RARE


def is_static(node: Def) -> bool:
    """Whether a method has no ``self``."""
    return any(dotted(each) == "staticmethod" for each in node.decorator_list)


def grad_of_function(function: Function) -> bool | None:
    """Whether a function's body makes graphs, by its decorators and its callers."""
    if not isinstance(function.node, ast.Module):
        for decorator in function.node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if _GRAD.search(dotted(called)):
                return False
    return not (function.fixed is Place.EVALUATION or function.grad_off)


def grad_of_context(node: ast.expr, now: bool | None) -> bool | None:
    """Whether graphs are made inside a ``with``: True, False, None unknown; ``now`` outside."""
    called = node.func if isinstance(node, ast.Call) else node
    name = dotted(called)
    if isinstance(node, ast.Call) and name.endswith("set_grad_enabled"):
        value = node.args[0] if node.args else None
        return value.value is True if isinstance(value, ast.Constant) else None
    if _GRAD.search(name):
        return False
    if name.endswith("enable_grad"):
        return True
    return None if re.search(r"grad|infer", name, re.IGNORECASE) else now


def captured(pattern: ast.pattern) -> Iterator[str]:
    """Names that a pattern binds."""
    for part in ast.walk(pattern):
        name = getattr(part, "name", None) or getattr(part, "rest", None)
        if isinstance(name, str):
            yield name
