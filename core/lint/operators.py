"""What operators, comparisons and conditions give."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from core.lint import guards
from core.lint.values import (
    CONTAINERS,
    HOST,
    UNKNOWN,
    Kind,
    Value,
    constant,
    either,
    either_of,
    element,
    many,
    side_of,
    sides,
)

if TYPE_CHECKING:
    from core.lint.machine import Machine


def binary(machine: Machine, node: ast.BinOp) -> Value:
    if isinstance(node.op, ast.Mod) and isinstance(node.left, (ast.Constant, ast.JoinedStr)):
        return _formatted(machine, node)
    operands = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp):
        operands.append(machine.evaluate(left.right))
        left = left.left
    operands.append(machine.evaluate(left))
    result = operands.pop()
    while operands:
        result = combined(result, operands.pop())
    return result


def _formatted(machine: Machine, node: ast.BinOp) -> Value:
    """``"%.3f" % loss``, unless it is a number's remainder."""
    left = machine.evaluate(node.left)
    right = machine.evaluate(node.right)
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
    if a.kind in CONTAINERS or b.kind in CONTAINERS:
        held = [element(v) for v in (a, b) if v.kind in CONTAINERS]
        return many(either_of(held))
    if Kind.MAYBE in (a.kind, b.kind):
        return Value(Kind.MAYBE, sides(a, b), a.grad or b.grad)
    return HOST if Kind.HOST in (a.kind, b.kind) else UNKNOWN


def unary(machine: Machine, node: ast.UnaryOp) -> Value:
    if isinstance(node.op, ast.Not):
        machine.test(node.operand)
        return HOST
    value = machine.evaluate(node.operand)
    if isinstance(node.op, ast.USub) and isinstance(value.ref, int):
        return constant(-value.ref)
    return value


def compare(machine: Machine, node: ast.Compare) -> Value:
    values = [machine.evaluate(part) for part in (node.left, *node.comparators)]
    if any(isinstance(op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for op in node.ops):
        return HOST
    found = [value for value in values if value.is_tensor]
    if not found:
        return HOST
    certain = any(value.kind is Kind.TENSOR and value.sure for value in found)
    return Value(Kind.TENSOR, sides(*values), sure=certain)


def boolean(machine: Machine, node: ast.BoolOp) -> Value:
    """``a and b`` for its value: all but the last are asked for their truth."""
    *asked, last = node.values
    found: Value | None = None
    with machine.guarding(False):
        for part in asked:
            found = either(found, _asked(machine, part))
        return either(found, machine.evaluate(last))


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
        value = machine.evaluate(part)
        machine.tell("test", machine.seen(part, value))
    identity = isinstance(part, ast.Compare) and isinstance(part.ops[0], (ast.Is, ast.IsNot))
    if not identity and guards.classify(part, machine.frame) is not guards.Guard.CONFIGURED:
        machine.frame.guarded[-1] = True
    return value


def conditional(machine: Machine, node: ast.IfExp) -> Value:
    machine.test(node.test)
    guard = guards.classify(node.test, machine.frame)
    with machine.guarding(guard is not guards.Guard.CONFIGURED):
        first = machine.evaluate(node.body)
    with machine.guarding(guard is guards.Guard.OPEN):
        second = machine.evaluate(node.orelse)
    devices = [side_of(first), side_of(second)]
    if True in devices and first.kind is second.kind is Kind.HOST:
        return first if devices[0] else second
    return either(first, second)
