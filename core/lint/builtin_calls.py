"""What Python's own functions give."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from core.lint.values import (
    HOST,
    UNKNOWN,
    Kind,
    Value,
    either,
    element,
    many,
    sequence,
    sides,
    tensor,
)

if TYPE_CHECKING:
    from core.lint.machine import Machine

BUILTINS = frozenset({
    "print", "float", "int", "bool", "str", "len", "range", "sum", "zip", "enumerate", "list",
    "tuple", "set", "dict", "sorted", "reversed", "iter", "next", "min", "max", "abs", "round",
    "isinstance", "hasattr", "getattr", "setattr", "open", "repr", "format", "type", "id", "map",
    "filter", "all", "any", "super", "vars", "callable", "divmod", "pow", "input", "complex",
})  # fmt: skip

_PASSING = frozenset({"list", "tuple", "set", "sorted", "reversed", "iter"})
"""They give what they get, in a container."""


def loader_in(value: Value) -> Value | None:
    """The DataLoader that a value is, or iterates."""
    if value.kind is Kind.LOADER:
        return value
    return value.ref if value.kind is Kind.MANY and isinstance(value.ref, Value) else None


def over(loader: Value | None, item: Value) -> Value:
    """An iterator that gives ``item`` for each batch of a loader (None: of anything)."""
    made = many(item)
    return made if loader is None else replace(made, ref=loader)


def given(value: Value) -> Value:
    """What iterating gives; of a DataLoader a batch."""
    if value.kind is Kind.LOADER:
        return Value(Kind.TENSORS, device=bool(value.device), ref=value.ref)
    return element(value)


def result(machine: Machine, name: str, args: list[Value], keywords: dict[str, Value]) -> Value:
    """What a builtin function returns."""
    first = args[0] if args else UNKNOWN
    if name == "enumerate":
        return over(loader_in(first), sequence([HOST, given(first)]))
    if name == "zip":
        loaders = [found for arg in args if (found := loader_in(arg)) is not None]
        return over(loaders[0] if loaders else None, sequence(given(arg) for arg in args))
    if name == "next":
        return given(first)
    if name in _PASSING:
        return first if name == "iter" else _contained(first)
    if name in ("sum", "min", "max"):
        return _folded(name, args)
    if name == "abs":
        return first
    if name in ("map", "filter", "getattr", "super", "vars"):
        return UNKNOWN
    if name == "dict":
        return many(_any(keywords)) if keywords else _contained(first) if args else many(UNKNOWN)
    return many(HOST) if name == "range" else HOST


def _any(keywords: dict[str, Value]) -> Value:
    found: Value | None = None
    for value in keywords.values():
        found = either(found, value)
    return found or UNKNOWN


def _contained(first: Value) -> Value:
    if first.kind in (Kind.MANY, Kind.SEQUENCE):
        return first
    if first.kind is Kind.LOADER:
        return over(first, given(first))
    return many(element(first)) if first.is_tensor else many(UNKNOWN)


def _folded(name: str, args: list[Value]) -> Value:
    """``sum`` of a container; ``max`` of a container or of several values."""
    items = args if len(args) > 1 and name != "sum" else [element(arg) for arg in args[:1]]
    found = [item for item in items if item.is_tensor]
    if found:
        return tensor(sides(*found), grad=any(item.grad for item in found))
    if any(item.kind is Kind.MAYBE for item in items):
        return Value(Kind.MAYBE, sides(*items))
    return HOST if all(item.kind is Kind.HOST for item in items) and items else UNKNOWN


def unknown_call(machine: Machine, args: list[Value], keywords: dict[str, Value]) -> Value:
    """Of a function that nobody knows: perhaps a tensor where tensors went in."""
    values = [*args, *keywords.values()]
    loaders = [value for value in values if loader_in(value) is not None]
    if len(loaders) == 1:
        return loaders[0]
    inside = [value for value in values if value.is_tensor or value.kind is Kind.MAYBE]
    if inside:
        grad = machine.frame.grad is not False and any(value.grad for value in inside)
        return Value(Kind.MAYBE, sides(*inside), grad)
    return UNKNOWN
