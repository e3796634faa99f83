"""What methods of values give that the script does not define itself."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from core.lint import knowledge
from core.lint.builtin_calls import unknown_call
from core.lint.survey import names_device, names_dtype
from core.lint.values import (
    HOST,
    MODULES,
    UNKNOWN,
    Kind,
    Value,
    either,
    element,
    many,
    sequence,
    side_of,
    sides,
    tensor,
)

if TYPE_CHECKING:
    from core.lint.machine import Machine


def result(
    machine: Machine,
    node: ast.Call,
    owner: Value,
    name: str,
    args: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """What ``owner.name(...)`` returns."""
    if owner.is_tensor or owner.kind is Kind.MAYBE:
        return of_tensor(machine, node, owner, name, args, keywords)
    if owner.kind in MODULES:
        return _of_module(machine, node, owner, name, args, keywords)
    if owner.kind in (Kind.MANY, Kind.SEQUENCE):
        return _of_container(machine, node, owner, name, args)
    if owner.kind is Kind.HOST:
        return HOST
    if name in ("prepare", "setup", "setup_dataloaders", "setup_module", "prepare_data_loader"):
        return _prepared(args)
    if name in ("to", "cuda"):
        if owner.kind is Kind.OBJECT and isinstance(owner.ref, str):
            return moved(machine, node, Value(Kind.MODULE, ref=owner.ref), args, keywords)
        # Of a value that is not known: what can be moved to a device is a tensor or a module.
        return moved(machine, node, Value(Kind.TENSORS, sure=False), args, keywords)
    return unknown_call(machine, args, keywords)


def _prepared(args: list[Value]) -> Value:
    """``accelerator.prepare(model, optimizer, loader)``: the same, batches on the device."""
    for arg in args:
        for facts in (arg.ref or ()) if arg.kind is Kind.LOADER else ():
            facts.moved = True
    given_back = [replace(arg, device=True) if arg.kind is Kind.LOADER else arg for arg in args]
    return given_back[0] if len(given_back) == 1 else sequence(given_back)


def of_tensor(
    machine: Machine,
    node: ast.Call,
    owner: Value,
    name: str,
    args: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """What a method of a tensor (or of a structure of tensors) gives."""
    if name in ("to", "cuda", "cpu"):
        return moved(machine, node, owner, args, keywords)
    if name in ("item", "numpy", "tolist") or name in knowledge.HOST_METHODS:
        return HOST
    if owner.kind is Kind.TENSORS and name in ("items", "values", "keys", "get", "pop"):
        return _of_mapping(owner, name)
    if owner.kind is Kind.MAYBE:
        return replace(owner, grad=owner.grad and name not in knowledge.NO_GRAPH)
    if name in knowledge.BOOLEANS:
        return HOST
    if name in knowledge.LISTS:
        return many(tensor(owner.device, grad=owner.grad))
    return _computed(machine, owner, name, args, keywords)


def _of_mapping(owner: Value, name: str) -> Value:
    if name == "items":
        return many(sequence([HOST, owner]))
    if name == "keys":
        return many(HOST)
    return many(owner) if name == "values" else owner


def _computed(
    machine: Machine, owner: Value, name: str, args: list[Value], keywords: dict[str, Value]
) -> Value:
    tensors = [arg for arg in args if arg.is_tensor]
    grad = machine.frame.grad is not False and (owner.grad or any(arg.grad for arg in tensors))
    grad = grad and name not in knowledge.NO_GRAPH
    on = sides(owner, *tensors)
    if name in knowledge.PAIRS:
        whole = not args and not keywords
        paired = name in knowledge.ALWAYS_PAIRS or not (whole or tensors)
        if paired:
            return sequence([tensor(on, grad=grad), tensor(on)])
    made = tensor(on, grad=grad)
    return made if owner.sure else replace(made, sure=owner.kind is Kind.TENSORS)


def moved(
    machine: Machine,
    node: ast.Call,
    owner: Value,
    args: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """``.to``, ``.cuda`` and ``.cpu`` of a tensor, a structure of tensors or a module."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if name == "cpu":
        return replace(owner, device=False, ref=None)
    if name == "cuda":
        return replace(owner, device=True, ref=_kept(owner))
    target = target_side(machine, node, args, keywords)
    if target is None:
        return owner
    return replace(owner, device=target, ref=_kept(owner))


def _kept(owner: Value) -> object:
    """A module stays what it is; a batch that was moved is no batch of its loader any more."""
    return owner.ref if owner.kind in MODULES else None


def target_side(
    machine: Machine, node: ast.Call, args: list[Value], keywords: dict[str, Value]
) -> bool | None:
    """Where ``.to(...)`` moves to: True the device, False the host, None only another type."""
    value = keywords.get("device", args[0] if args else None)
    if value is None:
        return None
    known = side_of(value)
    if known is not None:
        return known
    syntax = next((k.value for k in node.keywords if k.arg == "device"), None)
    text = ast.unparse(syntax or node.args[0]) if syntax or node.args else ""
    if value.kind is Kind.NAME and str(value.ref).startswith("torch."):
        return None
    if names_dtype(text) and not names_device(text):
        return None
    return True if machine.survey.uses_device else None


def _of_module(
    machine: Machine,
    node: ast.Call,
    owner: Value,
    name: str,
    args: list[Value],
    keywords: dict[str, Value],
) -> Value:
    if name in ("to", "cuda", "cpu"):
        return moved(machine, node, owner, args, keywords)
    if name in ("train", "eval", "half", "float", "bfloat16", "double", "requires_grad_", "apply"):
        return owner
    weight = tensor(machine.survey.uses_device or None, grad=True)
    if name == "parameters":
        return many(weight)
    if name in ("named_parameters", "named_buffers"):
        return many(sequence([HOST, weight]))
    if name in ("children", "modules"):
        return many(Value(Kind.MODULE))
    return unknown_call(machine, args, keywords)


def _of_container(
    machine: Machine, node: ast.Call, owner: Value, name: str, args: list[Value]
) -> Value:
    func = node.func
    if name in ("append", "add", "insert", "extend", "update", "setdefault") and args:
        item = element(args[-1]) if name in ("extend", "update") else args[-1]
        held = many(either(element(owner), item) if owner.items else item)
        if isinstance(func, ast.Attribute) and isinstance(func.value, (ast.Name, ast.Attribute)):
            machine.assign(func.value, held)
        return HOST
    if name == "items":
        return many(sequence([HOST, element(owner)]))
    if name == "values":
        return many(element(owner))
    if name in ("pop", "get", "popleft"):
        return element(owner)
    if name == "keys":
        return many(HOST)
    if name in ("copy", "to"):
        return owner
    return UNKNOWN if name not in ("index", "count", "join") else HOST
