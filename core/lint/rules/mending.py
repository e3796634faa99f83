"""Edits that take a wait for the device out of the step."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from core.lint import patches
from core.lint.facts import LoopFacts
from core.lint.frames import Frame, Seen
from core.lint.patches import Edit

if TYPE_CHECKING:
    from core.lint.machine import Machine

EVERY = 100
"""Steps between two looks at a value."""

_LOGGING = ("log", "log_dict")
_COLLECTING = ("append", "extend", "add", "update", "add_", "insert")
_READS = frozenset({"sync-item", "sync-cpu", "sync-numpy", "sync-tolist", "sync-float"})


def of_wait(machine: Machine, seen: Seen, rule: str) -> tuple[Edit, ...]:
    """What mends a wait: delete the statement, run it now and then, or keep the tensor."""
    statement = seen.frame.statement
    if statement is None:
        return ()
    if rule in ("sync-explicit", "empty-cache"):
        return deleted(machine, statement, seen.node)
    if isinstance(statement, ast.Expr) and not _takes_tensors(statement):
        return now_and_then(machine, statement, seen.frame)
    if isinstance(statement, (ast.If, ast.Assert)):
        return _guarded_test(machine, statement, seen)
    if rule in _READS and isinstance(seen.node, ast.Call):
        return _kept_on_device(machine, seen.node)
    return ()


def _takes_tensors(statement: ast.Expr) -> bool:
    """A container, a meter, or Lightning's ``self.log``: they may hold the tensor itself."""
    call = statement.value
    func = call.func if isinstance(call, ast.Call) else None
    own = isinstance(func, ast.Attribute) and ast.unparse(func.value) == "self"
    return isinstance(func, ast.Attribute) and func.attr in (_LOGGING if own else _COLLECTING)


def deleted(machine: Machine, statement: ast.stmt, node: ast.AST) -> tuple[Edit, ...]:
    """The statement taken out, where it is nothing but this call."""
    if not isinstance(statement, ast.Expr) or statement.value is not node:
        return ()
    first, last = statement.lineno, statement.end_lineno or statement.lineno
    alone = patches.indent_of(machine.source, statement) or statement.col_offset == 0
    end = len(machine.source.lines[last - 1].encode())
    rest = machine.source.lines[last - 1].encode()[statement.end_col_offset : end].strip()
    if not alone or (rest and not rest.startswith(b"#")) or _only_child(machine, statement):
        return (patches.replaced(statement, "pass"),)
    if last < len(machine.source.lines):
        return (Edit((first, 0), (last + 1, 0), ""),)
    return (Edit((first, 0), (last, end), ""),)


def _only_child(machine: Machine, statement: ast.stmt) -> bool:
    for node in ast.walk(machine.source.tree):
        for name in ("body", "orelse", "finalbody"):
            if getattr(node, name, None) == [statement]:
                return True
    return False


def now_and_then(machine: Machine, statement: ast.stmt, frame: Frame) -> tuple[Edit, ...]:
    """``if step % 100 == 0:`` before a statement that is indented below it."""
    counted = counter(machine, frame)
    indent = patches.indent_of(machine.source, statement)
    moved = patches.line_edits_indented(machine.source, statement)
    if counted is None or moved is None or (not indent and statement.col_offset):
        return ()
    name, edits = counted
    head = f"{indent}if {name} % {EVERY} == 0:\n{moved[0].text}"
    return (patches.inserted(moved[0].start, head), *moved[1:], *edits)


def counter(machine: Machine, frame: Frame) -> tuple[str, tuple[Edit, ...]] | None:
    """The number of the step in the step loop, and the edits that make one where there is none."""
    loop = frame.step_loop
    if loop is None or not isinstance(loop.node, (ast.For, ast.AsyncFor)):
        return None
    target, iterable = loop.node.target, loop.node.iter
    called = iterable.func if isinstance(iterable, ast.Call) else None
    name = called.id if isinstance(called, ast.Name) else ""
    if name == "enumerate" and isinstance(target, ast.Tuple):
        first = target.elts[0]
        return (first.id, ()) if isinstance(first, ast.Name) and first.id != "_" else None
    if name in ("range", "trange") and isinstance(target, ast.Name) and target.id != "_":
        return target.id, ()
    return _enumerated(machine, loop)


def _enumerated(machine: Machine, loop: LoopFacts) -> tuple[str, tuple[Edit, ...]] | None:
    node = loop.node
    if not isinstance(node, ast.For):
        return None
    free = (n for n in ("step", "batch_index", "iteration") if n not in machine.survey.names)
    name = next(free, None)
    if name is None:
        return None
    bound = patches.text_of(machine.source, node.target)
    bare = isinstance(node.target, ast.Tuple) and not bound.startswith("(")
    iterable = patches.text_of(machine.source, node.iter)
    return name, (
        patches.replaced(node.target, f"{name}, ({bound})" if bare else f"{name}, {bound}"),
        patches.replaced(node.iter, f"enumerate({iterable})"),
    )


def _guarded_test(machine: Machine, statement: ast.If | ast.Assert, seen: Seen) -> tuple[Edit, ...]:
    counted = counter(machine, seen.frame)
    inside = any(part is seen.node for part in ast.walk(statement.test))
    if counted is None or not inside or _is_elif(machine, statement):
        return ()
    if isinstance(statement, ast.Assert):
        return now_and_then(machine, statement, seen.frame)
    if statement.orelse:
        return ()
    name, edits = counted
    text = patches.text_of(machine.source, statement.test)
    grouped = f"({text})" if isinstance(statement.test, (ast.BoolOp, ast.IfExp)) else text
    test = f"{name} % {EVERY} == 0 and {grouped}"
    return (patches.replaced(statement.test, test), *edits)


def _is_elif(machine: Machine, statement: ast.stmt) -> bool:
    line = machine.source.lines[statement.lineno - 1].encode()[statement.col_offset :]
    return line.startswith(b"elif")


def _kept_on_device(machine: Machine, node: ast.Call) -> tuple[Edit, ...]:
    """``loss.item()`` becomes ``loss.detach()``, ``float(loss)`` too."""
    if not isinstance(node.func, ast.Attribute):
        if len(node.args) != 1 or node.keywords:
            return ()
        inner = patches.text_of(machine.source, node.args[0])
        simple = isinstance(node.args[0], (ast.Name, ast.Attribute, ast.Call, ast.Subscript))
        text = f"{inner}.detach()" if simple else f"({inner}).detach()"
        return (patches.replaced(node, text),)
    owner = node.func.value
    inner = owner.func if isinstance(owner, ast.Call) else None
    detached = isinstance(inner, ast.Attribute) and inner.attr == "detach"
    outer = _chain_end(machine, node)
    kept = "" if detached else ".detach()"
    return (Edit(patches.end_of(owner), patches.end_of(outer), kept),)


def _chain_end(machine: Machine, node: ast.Call) -> ast.Call:
    """``.numpy()``, ``.item()`` or ``.tolist()`` behind a ``.cpu()`` goes with it."""
    for part in ast.walk(machine.source.tree):
        if (
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Attribute)
            and part.func.value is node
            and part.func.attr in ("numpy", "item", "tolist")
        ):
            return part
    return node
