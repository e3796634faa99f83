"""What expressions give: names, attributes, items, operators, comprehensions, f-strings."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.lint import attributes, builtin_calls, calls, guards, operators
from core.lint.facts import Function, LoopFacts
from core.lint.survey import LOADER_NAME, dotted
from core.lint.values import (
    HOST,
    UNKNOWN,
    Kind,
    Value,
    constant,
    either_of,
    element,
    many,
    named,
    sequence,
    tensor,
)

if TYPE_CHECKING:
    from core.lint.machine import Machine


def evaluate(machine: Machine, node: ast.expr) -> Value:
    """What an expression gives; of a kind that is not known its parts are still looked at."""
    handler = _HANDLERS.get(type(node))
    if handler is not None:
        return handler(machine, node)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            evaluate(machine, child)
    return UNKNOWN


def _constant(machine: Machine, node: ast.Constant) -> Value:
    return UNKNOWN if node.value is None else constant(node.value)


def _name(machine: Machine, node: ast.Name) -> Value:
    return _hinted(machine, node.id, look_up(machine, node.id))


def _hinted(machine: Machine, text: str, value: Value) -> Value:
    """What the uses of a name tell, where nothing else does."""
    value = machine.survey.better(text, value)
    named_so = value.kind is Kind.UNKNOWN and _LOADER.search(text)
    return Value(Kind.LOADER) if named_so else value


_LOADER = re.compile(r"(^|_|\b)(data_?)?loader$", re.IGNORECASE)
"""A name that nothing defines here (a parameter) and that is iterated is taken by its word."""


def look_up(machine: Machine, name: str) -> Value:
    """What a name holds here."""
    if name in machine.frame.env:
        return machine.frame.env[name]
    scope: Function | None = machine.frame.function.parent
    while scope is not None:
        if name in scope.finals:
            return scope.finals[name]
        scope = scope.parent
    if name in machine.frame.function.finals:
        return machine.frame.function.finals[name]
    if name in machine.survey.imports:
        return named(machine.survey.imports[name])
    return named(f"builtins.{name}") if name in builtin_calls.BUILTINS else UNKNOWN


def _attribute(machine: Machine, node: ast.Attribute) -> Value:
    text = dotted(node)
    if text in machine.frame.env:
        return _hinted(machine, text, machine.frame.env[text])
    base = evaluate(machine, node.value)
    return _hinted(machine, text, attributes.attribute(base, node.attr))


def _call(machine: Machine, node: ast.Call) -> Value:
    return calls.call(machine, node)


def _subscript(machine: Machine, node: ast.Subscript) -> Value:
    base = evaluate(machine, node.value)
    index = evaluate(machine, node.slice)
    text = dotted(node.value)
    if base.kind is Kind.SEQUENCE and isinstance(index.ref, int):
        at = index.ref
        if -len(base.items) <= at < len(base.items):
            return base.items[at]
    if base.kind is Kind.SEQUENCE and isinstance(node.slice, ast.Slice):
        return many(element(base))
    if base.kind is Kind.UNKNOWN and LOADER_NAME.search(text):
        return Value(Kind.LOADER)
    return element(base)


def _sequence(machine: Machine, node: ast.Tuple | ast.List | ast.Set) -> Value:
    return sequence(evaluate(machine, part) for part in node.elts)


def _dictionary(machine: Machine, node: ast.Dict) -> Value:
    for key in node.keys:
        if key is not None:
            evaluate(machine, key)
    return many(either_of([evaluate(machine, value) for value in node.values]))


def _starred(machine: Machine, node: ast.Starred) -> Value:
    return evaluate(machine, node.value)


def _joined(machine: Machine, node: ast.JoinedStr) -> Value:
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            value = evaluate(machine, part.value)
            machine.tell("format", machine.seen(part.value, value))
            if part.format_spec is not None:
                evaluate(machine, part.format_spec)
    return HOST


def _walrus(machine: Machine, node: ast.NamedExpr) -> Value:
    value = evaluate(machine, node.value)
    machine.assign(node.target, value)
    return value


def _lambda(machine: Machine, node: ast.Lambda) -> Value:
    return UNKNOWN


def _comprehension(
    machine: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
) -> Value:
    outer = machine.frame.env
    machine.frame.env = dict(outer)
    before = machine.frame.guarded[-1]
    for part in node.generators:
        given = builtin_calls.given(evaluate(machine, part.iter))
        machine.assign(part.target, given)
        for test in part.ifs:
            machine.test(test)
            if guards.classify(test, machine.frame) is not guards.Guard.CONFIGURED:
                machine.frame.guarded[-1] = True
    if isinstance(node, ast.DictComp):
        evaluate(machine, node.key)
        value = evaluate(machine, node.value)
    else:
        value = evaluate(machine, node.elt)
    machine.frame.guarded[-1] = before
    machine.frame.env = outer
    return many(value)


def iterated(machine: Machine, loop: LoopFacts, node: ast.expr, value: Value) -> Value:
    """What a ``for`` binds in each round; notes that the loop is over a DataLoader."""
    loader = builtin_calls.loader_in(value)
    if loader is None:
        return builtin_calls.given(value)
    loop.over_loader = loader
    machine.note_step_loop(machine.frame.loops)
    calls.note_iteration(machine, loader, loop)
    return builtin_calls.given(value)


def unpack(machine: Machine, targets: Sequence[ast.expr], value: Value) -> None:
    """Bind several targets at once."""
    if value.kind is Kind.SEQUENCE and len(value.items) == len(targets):
        for target, item in zip(targets, value.items, strict=True):
            machine.assign(target, item)
        return
    for target in targets:
        machine.assign(target, element(value))


_TENSOR_NAMES = re.compile(r"^(torch\.)?(Float|Long|Bool)?Tensor$")


def annotated(machine: Machine, node: ast.expr | None) -> Value:
    """What an annotation says of a parameter or a variable."""
    if node is None:
        return UNKNOWN
    text = dotted(node)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    top, _, rest = text.partition(".")
    full = machine.survey.imports.get(top, top) + (f".{rest}" if rest else "")
    if _TENSOR_NAMES.match(full) or full == "torch.Tensor":
        return tensor(None)
    if text in ("int", "float", "str", "bool"):
        return HOST
    last = full.rpartition(".")[2]
    if last == "DataLoader":
        return Value(Kind.LOADER)
    if last == "Optimizer":
        return Value(Kind.OPTIMIZER)
    return Value(Kind.MODULE) if full in ("torch.nn.Module", "torch.nn.modules.Module") else UNKNOWN


_HANDLERS: dict[type, Callable[..., Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.Subscript: _subscript,
    ast.BinOp: operators.binary,
    ast.UnaryOp: operators.unary,
    ast.Compare: operators.compare,
    ast.BoolOp: operators.boolean,
    ast.IfExp: operators.conditional,
    ast.Tuple: _sequence,
    ast.List: _sequence,
    ast.Set: _sequence,
    ast.Dict: _dictionary,
    ast.Starred: _starred,
    ast.JoinedStr: _joined,
    ast.NamedExpr: _walrus,
    ast.Lambda: _lambda,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _comprehension,
}
