"""Walks statements: assignments, branches, loops, contexts, definitions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.lint import expressions, guards, operators
from core.lint.collecting import assigned_names
from core.lint.facts import Def, Loop, LoopFacts
from core.lint.survey import dotted
from core.lint.values import HOST, UNKNOWN, Kind, Value, either

if TYPE_CHECKING:
    from core.lint.machine import Machine


def walk(machine: Machine, node: ast.stmt) -> None:
    """Walk a statement; of a kind that is not known its expressions are still looked at."""
    handler = _HANDLERS.get(type(node))
    if handler is not None:
        handler(machine, node)
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            machine.evaluate(child)


def _functiondef(machine: Machine, node: Def) -> None:
    function = machine.collected.functions[node]
    machine.assign_name(node.name, Value(Kind.FUNCTION, ref=function))
    values = [*node.args.defaults, *node.args.kw_defaults]
    for default in values:
        if default is not None:
            machine.evaluate(default)


def _classdef(machine: Machine, node: ast.ClassDef) -> None:
    info = machine.collected.classes[node]
    machine.assign_name(node.name, Value(Kind.CLASS, ref=info))
    outer = machine.frame.env
    machine.frame.env = dict(outer)
    machine.block([part for part in node.body if not isinstance(part, Def)])
    machine.frame.env = outer


def _import(machine: Machine, node: ast.Import | ast.ImportFrom) -> None:
    for alias in node.names:
        machine.frame.env.pop(alias.asname or alias.name.split(".")[0], None)


def _expr(machine: Machine, node: ast.Expr) -> None:
    machine.evaluate(node.value)


def _assign(machine: Machine, node: ast.Assign) -> None:
    value = machine.evaluate(node.value)
    for target in node.targets:
        machine.assign(target, value)


def _annassign(machine: Machine, node: ast.AnnAssign) -> None:
    said = expressions.annotated(machine, node.annotation)
    if node.value is not None:
        value = machine.evaluate(node.value)
        machine.assign(node.target, said if value.kind is Kind.UNKNOWN else value)


def _augassign(machine: Machine, node: ast.AugAssign) -> None:
    before = machine.evaluate(node.target)
    value = machine.evaluate(node.value)
    if isinstance(node.op, ast.Add):
        machine.tell("add", machine.seen(node, value))
    machine.assign(node.target, operators.combined(before, value))


def _return(machine: Machine, node: ast.Return) -> None:
    value = machine.evaluate(node.value) if node.value is not None else HOST
    learned = machine.frame.function.next
    known = learned.returns
    learned.returns = value if known is None else either(known, value)


def _raise(machine: Machine, node: ast.Raise) -> None:
    with machine.guarding(True):
        for part in (node.exc, node.cause):
            if part is not None:
                machine.evaluate(part)


def _assert(machine: Machine, node: ast.Assert) -> None:
    machine.test(node.test)
    if node.msg is not None:
        with machine.guarding(True):
            machine.evaluate(node.msg)


def _if(machine: Machine, node: ast.If) -> None:
    ends: list[dict[str, Value]] = []
    branch: ast.If | None = node
    outer = machine.frame.guarded[-1]
    while branch is not None:
        machine.test(branch.test)
        kind = guards.classify(branch.test, machine.frame)
        start = machine.frame.env
        ends.append(_branch(machine, branch.body, kind is not guards.Guard.CONFIGURED))
        machine.frame.env = dict(start)
        if kind is guards.Guard.OPEN:
            machine.frame.guarded[-1] = True
        rest = branch.orelse
        branch = rest[0] if len(rest) == 1 and isinstance(rest[0], ast.If) else None
        if branch is None:
            machine.block(rest)
    machine.frame.guarded[-1] = outer
    _merge(machine, [*ends, machine.frame.env])


def _branch(machine: Machine, body: Sequence[ast.stmt], guarded: bool) -> dict[str, Value]:
    """Walk a branch from the present variables; where it ends up."""
    machine.frame.env = dict(machine.frame.env)
    with machine.guarding(guarded):
        machine.block(body)
    return {} if guards.leaves(body) else machine.frame.env


def _merge(machine: Machine, ends: Sequence[dict[str, Value]]) -> None:
    merged: dict[str, Value] = {}
    for env in ends:
        for name, value in env.items():
            known = merged.get(name)
            merged[name] = value if known is None else either(known, value)
    machine.frame.env = merged


def _for(machine: Machine, node: ast.For | ast.AsyncFor) -> None:
    loop = _loop(machine, node)
    iterated = machine.evaluate(node.iter)
    given = expressions.iterated(machine, loop, node.iter, iterated)
    _body(machine, loop, lambda: machine.assign(node.target, given))


def _while(machine: Machine, node: ast.While) -> None:
    _body(machine, _loop(machine, node), lambda: machine.test(node.test))


def _loop(machine: Machine, node: Loop) -> LoopFacts:
    if node not in machine.loops:
        outer = machine.frame.loops[-1] if machine.frame.loops else None
        names = assigned_names(node)
        machine.loops[node] = LoopFacts(node, machine.frame.function, outer, names)
    loop = machine.loops[node]
    loop.grad_off = machine.frame.grad is False
    loop.models, loop.next_models = loop.next_models, {}
    return loop


def _body(machine: Machine, loop: LoopFacts, head: Callable[[], None]) -> None:
    before = dict(machine.frame.env)
    if loop.back is not None:
        _merge(machine, [machine.frame.env, loop.back])
    machine.frame.loops.append(loop)
    machine.frame.guarded.append(False)
    start = dict(machine.frame.env)
    head()
    machine.block(loop.node.body)
    machine.frame.loops.pop()
    machine.frame.guarded.pop()
    end = machine.frame.env
    loop.back = {name: value for name, value in end.items() if start.get(name) is not value}
    _merge(machine, [before, machine.frame.env])
    machine.block(loop.node.orelse)


def _with(machine: Machine, node: ast.With | ast.AsyncWith) -> None:
    before = machine.frame.grad
    for item in node.items:
        value = machine.evaluate(item.context_expr)
        machine.frame.grad = guards.grad_of_context(item.context_expr, machine.frame.grad)
        if item.optional_vars is not None:
            machine.assign(item.optional_vars, value)
    machine.block(node.body)
    machine.frame.grad = before


def _try(machine: Machine, node: ast.Try) -> None:
    machine.block(node.body)
    machine.block(node.orelse)
    ends = [dict(machine.frame.env)]
    for handler in node.handlers:
        ends.append(_branch(machine, handler.body, True))
        machine.frame.env = dict(ends[0])
    _merge(machine, ends)
    machine.block(node.finalbody)


def _match(machine: Machine, node: ast.Match) -> None:
    machine.evaluate(node.subject)
    start = dict(machine.frame.env)
    ends = [start]
    for case in node.cases:
        machine.frame.env = dict(start)
        for name in guards.captured(case.pattern):
            machine.assign_name(name, UNKNOWN)
        ends.append(_branch(machine, case.body, True))
    _merge(machine, ends)


def _delete(machine: Machine, node: ast.Delete) -> None:
    for target in node.targets:
        machine.frame.env.pop(dotted(target), None)


_HANDLERS: dict[type, Callable[..., None]] = {
    ast.FunctionDef: _functiondef,
    ast.AsyncFunctionDef: _functiondef,
    ast.ClassDef: _classdef,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Expr: _expr,
    ast.Assign: _assign,
    ast.AnnAssign: _annassign,
    ast.AugAssign: _augassign,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Assert: _assert,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.Match: _match,
    ast.Delete: _delete,
}
