"""What expressions give: names, attributes, items, operators, comprehensions, f-strings."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.lint import attributes, builtin_calls, calls, guards
from core.lint.facts import Function, LoopFacts
from core.lint.survey import LOADER_NAME, dotted
from core.lint.values import (
    HOST,
    UNKNOWN,
    Kind,
    Value,
    constant,
    either,
    either_of,
    element,
    many,
    named,
    sequence,
    side_of,
    sides,
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


def _binary(machine: Machine, node: ast.BinOp) -> Value:
    if isinstance(node.op, ast.Mod) and isinstance(node.left, (ast.Constant, ast.JoinedStr)):
        return _formatted(machine, node)
    operands = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp):
        operands.append(evaluate(machine, left.right))
        left = left.left
    operands.append(evaluate(machine, left))
    result = operands.pop()
    while operands:
        result = combined(result, operands.pop())
    return result


def _formatted(machine: Machine, node: ast.BinOp) -> Value:
    """``"%.3f" % loss``, unless it is a number's remainder."""
    left = evaluate(machine, node.left)
    right = evaluate(machine, node.right)
    if not isinstance(left.ref, str) and not isinstance(node.left, ast.JoinedStr):
        return combined(left, right)
    parts = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
    values = right.items if right.kind is Kind.SEQUENCE else (right,)
    for part, value in zip(parts, values, strict=False):
        machine.tell("format", machine.seen(part, value))
    return HOST


def combined(a: Value, b: Value) -> Value:
    """The result of an operator on two values."""
    if a.is_tensor or b.is_tensor:
        sure = (a.is_tensor and a.sure) or (b.is_tensor and b.sure)
        grad = (a.is_tensor and a.grad) or (b.is_tensor and b.grad)
        return Value(Kind.TENSOR, sides(a, b), grad, sure)
    if a.kind in (Kind.SEQUENCE, Kind.MANY) or b.kind in (Kind.SEQUENCE, Kind.MANY):
        held = [element(v) for v in (a, b) if v.kind in (Kind.SEQUENCE, Kind.MANY)]
        return many(either_of(held))
    if Kind.MAYBE in (a.kind, b.kind):
        return Value(Kind.MAYBE, sides(a, b), a.grad or b.grad)
    return HOST if Kind.HOST in (a.kind, b.kind) else UNKNOWN


def _unary(machine: Machine, node: ast.UnaryOp) -> Value:
    if isinstance(node.op, ast.Not):
        machine.test(node.operand)
        return HOST
    value = evaluate(machine, node.operand)
    if isinstance(node.op, ast.USub) and isinstance(value.ref, int):
        return constant(-value.ref)
    return value


def _compare(machine: Machine, node: ast.Compare) -> Value:
    values = [evaluate(machine, part) for part in (node.left, *node.comparators)]
    if any(isinstance(op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for op in node.ops):
        return HOST
    found = [value for value in values if value.is_tensor]
    if not found:
        return HOST
    certain = any(value.kind is Kind.TENSOR and value.sure for value in found)
    return Value(Kind.TENSOR, sides(*values), sure=certain)


def _boolean(machine: Machine, node: ast.BoolOp) -> Value:
    """``a and b`` for its value: all but the last are asked for their truth."""
    *asked, last = node.values
    found: Value | None = None
    with machine.guarding(False):
        for part in asked:
            found = either(found, _asked(machine, part))
        return either(found, evaluate(machine, last))


def test_in_turn(machine: Machine, node: ast.BoolOp) -> None:
    """``a and b`` as a condition: all are asked for their truth."""
    with machine.guarding(False):
        for part in node.values:
            _asked(machine, part)


def _asked(machine: Machine, part: ast.expr) -> Value:
    """The truth of an operand; what follows one that may be false is looked at only sometimes."""
    value = UNKNOWN
    if isinstance(part, ast.BoolOp):
        test_in_turn(machine, part)
    else:
        value = evaluate(machine, part)
        machine.tell("test", machine.seen(part, value))
    identity = isinstance(part, ast.Compare) and isinstance(part.ops[0], (ast.Is, ast.IsNot))
    if not identity and guards.classify(part, machine.frame) is not guards.Guard.CONFIGURED:
        machine.frame.guarded[-1] = True
    return value


def _conditional(machine: Machine, node: ast.IfExp) -> Value:
    machine.test(node.test)
    guard = guards.classify(node.test, machine.frame)
    with machine.guarding(guard is not guards.Guard.CONFIGURED):
        first = evaluate(machine, node.body)
    with machine.guarding(guard is guards.Guard.OPEN):
        second = evaluate(machine, node.orelse)
    devices = [side_of(first), side_of(second)]
    if True in devices and first.kind is second.kind is Kind.HOST:
        return first if devices[0] else second
    return either(first, second)


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
        given = element_of_iteration(evaluate(machine, part.iter))
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


def element_of_iteration(value: Value) -> Value:
    """What a loop over a value binds; of a DataLoader a batch on the host."""
    if value.kind is Kind.LOADER:
        return batch(value)
    return element(value)


def batch(loader: Value) -> Value:
    """What a DataLoader yields: tensors on the host, or where its wrapper puts them."""
    return Value(Kind.TENSORS, device=bool(loader.device), ref=loader.ref)


def iterated(machine: Machine, loop: LoopFacts, node: ast.expr, value: Value) -> Value:
    """What a ``for`` binds in each round; notes that the loop is over a DataLoader."""
    loader = builtin_calls.loader_in(value)
    if loader is None:
        return element_of_iteration(value)
    loop.over_loader = loader
    machine.note_step_loop(machine.frame.loops)
    calls.note_iteration(machine, loader)
    if value.kind is Kind.LOADER:
        return batch(value)
    return element(value)


def unpack(machine: Machine, targets: Sequence[ast.expr], value: Value) -> None:
    """Bind several targets at once."""
    if value.kind is Kind.SEQUENCE and len(value.items) == len(targets):
        for target, item in zip(targets, value.items, strict=True):
            machine.assign(target, item)
        return
    for target in targets:
        machine.assign(target, element(value))


def read_target(machine: Machine, node: ast.expr) -> Value:
    """What the target of ``+=`` holds before."""
    return evaluate(machine, node)


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
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.BoolOp: _boolean,
    ast.IfExp: _conditional,
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
