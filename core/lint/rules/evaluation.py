"""Loops over a DataLoader that only evaluate: graphs made for nothing, training mode left on."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from core.lint import patches
from core.lint.facts import Function, LoopFacts, Place
from core.lint.patches import Edit
from core.lint.rules.draft import Draft
from core.lint.survey import dotted

if TYPE_CHECKING:
    from core.lint.machine import Machine

_EVALUATES = re.compile(r"val|test|eval|infer|predict|\bdev|feature|embed", re.IGNORECASE)
_BEHAVES = re.compile(r"dropout|batchnorm|batch_norm|droppath|norm1d|norm2d", re.IGNORECASE)
_MODES = ("eval", "set_mode", "eval_mode")


def conclude(machine: Machine) -> Iterator[Draft]:
    """Each evaluation loop, once the whole script is known."""
    for loop in machine.loops.values():
        if loop.place is not Place.EVALUATION or loop.unclear:
            continue
        eval_mode = _mode_is_set(loop.function)
        by_name = _says_evaluation(loop)
        if any(loop.models.values()) and (eval_mode or by_name):
            yield _draft(loop, "eval-grad", _no_grad(machine, loop))
        if by_name and not eval_mode and _mode_matters(machine):
            yield _draft(loop, "eval-mode", _set_mode(machine, loop))


def _draft(loop: LoopFacts, rule: str, edits: tuple[Edit, ...]) -> Draft:
    node = loop.node
    head = ast.unparse(node).splitlines()[0]
    return Draft(rule, node.lineno, node.col_offset, head[:60], loop.function, edits)


def _says_evaluation(loop: LoopFacts) -> bool:
    """The function's name or what is iterated says so."""
    iterated = ast.unparse(loop.node.iter) if isinstance(loop.node, (ast.For, ast.AsyncFor)) else ""
    return bool(_EVALUATES.search(loop.function.name) or _EVALUATES.search(iterated))


def _mode_is_set(function: Function) -> bool:
    """``.eval()`` (or ``.train(False)``) in the function, or in one that calls it."""
    seen: set[Function] = set()
    waiting = [function]
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.add(each)
        if _sets_mode(each.node):
            return True
        waiting += each.callers
        if each.parent is not None and not each.callers:
            waiting.append(each.parent)
    return False


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a function; of a module without what its functions hold."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        yield each
        if not (isinstance(node, ast.Module) and isinstance(each, (*_DEFS, ast.ClassDef))):
            waiting += ast.iter_child_nodes(each)


_DEFS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _sets_mode(node: ast.AST) -> bool:
    for part in _own(node):
        if not (isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute)):
            continue
        if part.func.attr in _MODES:
            return True
        if part.func.attr == "train" and (part.args or part.keywords):
            return True
    return False


def _mode_matters(machine: Machine) -> bool:
    """False where all modules are in sight and none of them behaves otherwise in evaluation."""
    own = any(info.is_module for info in machine.collected.classes.values())
    behaves = any(_BEHAVES.search(name) for name in machine.survey.mentions)
    elsewhere = any(
        name.startswith(("torchvision.models", "timm", "transformers"))
        for name in machine.survey.imports.values()
    )
    return behaves or elsewhere or not own


def _no_grad(machine: Machine, loop: LoopFacts) -> tuple[Edit, ...]:
    """A decorator where the function only evaluates, else ``with`` around the loop."""
    if machine.survey.imports.get("torch") != "torch":
        return ()
    node = loop.function.node
    others = [
        each
        for each in machine.loops.values()
        if each.function is loop.function and each is not loop and each.place is Place.STEP
    ]
    source = machine.source
    alone = not others and not loop.function.trains and loop.outer is None
    if not isinstance(node, ast.Module) and alone:
        indent = patches.indent_of(source, node)
        return (patches.inserted((loop.function.first_line, 0), f"{indent}@torch.no_grad()\n"),)
    moved = patches.line_edits_indented(source, loop.node)
    if not moved:
        return ()
    indent = patches.indent_of(source, loop.node)
    head = f"{indent}with torch.no_grad():\n{moved[0].text}"
    return (patches.inserted(moved[0].start, head), *moved[1:])


def _set_mode(machine: Machine, loop: LoopFacts) -> tuple[Edit, ...]:
    models = [text for text in loop.models if text.isidentifier() or dotted(ast.parse(text))]
    indent = patches.indent_of(machine.source, loop.node)
    if len(models) != 1:
        return ()
    return (patches.inserted((loop.node.lineno, 0), f"{indent}{models[0]}.eval()\n"),)
