"""What calls give, and what is learned from them of functions, loops and DataLoaders."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from core.lint import builtin_calls, knowledge, methods, torch_calls
from core.lint.attributes import attribute
from core.lint.builtin_calls import unknown_call
from core.lint.collecting import instance_of, joined
from core.lint.facts import ClassInfo, Function, LoaderFacts, LoopFacts, Place
from core.lint.frames import Seen
from core.lint.survey import dotted
from core.lint.values import (
    MODULES,
    UNKNOWN,
    Kind,
    Value,
    sides,
    tensor,
)

if TYPE_CHECKING:
    from core.lint.machine import Machine

Arguments = tuple[list[Value], dict[str, Value]]


def call(machine: Machine, node: ast.Call) -> Value:
    """What a call gives; rules see it."""
    func = node.func
    owner: Value | None = None
    if isinstance(func, ast.Attribute):
        text = dotted(func)
        if text in machine.frame.env:
            callee = machine.frame.env[text]
        else:
            owner = machine.evaluate(func.value)
            callee = attribute(owner, func.attr)
            callee = machine.survey.better(text, callee)
    else:
        callee = machine.evaluate(func)
    arguments = _arguments(machine, node, callee)
    name = str(callee.ref) if callee.kind is Kind.NAME else getattr(func, "attr", "")
    seen = Seen(node, machine.frame, owner or callee, name, *arguments)
    machine.tell("call", seen)
    _note_training(machine, node, owner, callee, arguments)
    return _result(machine, node, callee, owner, arguments)


def _arguments(machine: Machine, node: ast.Call, callee: Value) -> Arguments:
    before = machine.frame.printing
    machine.frame.printing = before or callee.ref == "builtins.print"
    args = [machine.evaluate(arg) for arg in node.args]
    keywords: dict[str, Value] = {}
    for keyword in node.keywords:
        value = machine.evaluate(keyword.value)
        if keyword.arg is not None:
            keywords[keyword.arg] = value
    machine.frame.printing = before
    return args, keywords


def _result(
    machine: Machine, node: ast.Call, callee: Value, owner: Value | None, arguments: Arguments
) -> Value:
    args, keywords = arguments
    if callee.kind is Kind.FUNCTION:
        return call_function(machine, callee, node, arguments)
    if callee.kind is Kind.CLASS:
        return _instance(machine, callee.ref, node, arguments)
    if callee.kind in MODULES:
        return _module(machine, node, callee, arguments)
    if callee.kind is Kind.NAME:
        name = str(callee.ref)
        if name.startswith("builtins."):
            return builtin_calls.result(machine, name.partition(".")[2], args, keywords)
        return torch_calls.result(machine, node, name, args, keywords)
    if callee.kind is Kind.OBJECT and isinstance(callee.ref, ClassInfo):
        method = callee.ref.methods.get("__call__")
        if method is not None:
            bound = Value(Kind.FUNCTION, ref=method, bound=callee)
            return call_function(machine, bound, node, arguments)
    if owner is not None and isinstance(node.func, ast.Attribute):
        return methods.result(machine, node, owner, node.func.attr, args, keywords)
    return unknown_call(machine, args, keywords)


def call_function(machine: Machine, callee: Value, node: ast.Call, arguments: Arguments) -> Value:
    """A function of the script: what it is given, where it is called, what it returns."""
    function: Function = callee.ref
    _bind(function, callee, node, arguments)
    frame = machine.frame
    learned = function.next
    learned.place = max(learned.place, frame.place)
    learned.repeated |= bool(frame.loops) or frame.function.repeated
    learned.callers.add(frame.function)
    learned.grad.add(frame.grad is not False)
    versions = [function, *_overrides(machine, function)]
    if any(version.trains for version in versions):
        machine.note_training()
    if any(version.has_step_loop for version in versions):
        machine.note_step_loop(frame.loops)
    for text, grad in function.models.items():
        note_model(machine, text, grad and frame.grad is not False)
    return function.returns or UNKNOWN


def _overrides(machine: Machine, function: Function) -> list[Function]:
    """What subclasses in the script put in place of a method."""
    owner = function.owner
    if owner is None:
        return []
    infos = [info for info in machine.collected.classes.values() if owner in info.parents]
    own = (info.methods[function.name] for info in infos if function.name in info.methods)
    return [method for method in own if method is not function]


def _bind(function: Function, callee: Value, node: ast.Call, arguments: Arguments) -> None:
    if isinstance(function.node, ast.Module):
        return
    args, keywords = arguments
    names = [arg.arg for arg in (*function.node.args.posonlyargs, *function.node.args.args)]
    if callee.bound is not None:
        names = names[1:]
    known = function.next.params
    starred = any(isinstance(arg, ast.Starred) for arg in node.args)
    for name, value in zip(names, [] if starred else args, strict=False):
        joined(known, name, value)
    only = {arg.arg for arg in function.node.args.kwonlyargs}
    for name, value in keywords.items():
        if name in names or name in only:
            joined(known, name, value)


def _instance(machine: Machine, info: ClassInfo, node: ast.Call, arguments: Arguments) -> Value:
    made = instance_of(info)
    start = info.methods.get("__init__")
    if start is not None:
        call_function(machine, Value(Kind.FUNCTION, ref=start, bound=made), node, arguments)
    return made


def _module(machine: Machine, node: ast.Call, callee: Value, arguments: Arguments) -> Value:
    """The output of a module: on the device where the script uses one, with a graph if made."""
    args, keywords = arguments
    values = [*args, *keywords.values()]
    grad = machine.frame.grad is not False
    if callee.kind is Kind.LOSS:
        inside = [value for value in values if value.is_tensor or value.kind is Kind.MAYBE]
        known = sides(*inside) if inside else None
        on = machine.survey.uses_device or None if known is None else known
        return tensor(on, grad=grad and (not inside or any(value.grad for value in inside)))
    note_model(machine, ast.unparse(node.func), grad)
    on = (machine.survey.uses_device or None) if callee.device is None else callee.device
    output = Value(Kind.TENSORS, on, grad)
    if isinstance(callee.ref, ClassInfo):
        forward = callee.ref.methods.get("forward")
        if forward is not None:
            bound = Value(Kind.FUNCTION, ref=forward, bound=callee)
            returned = call_function(machine, bound, node, arguments)
            return _output(returned, output, grad)
        return output
    if isinstance(callee.ref, str) and callee.ref.startswith("torch.nn."):
        return replace(output, kind=Kind.TENSOR) if _one_output(callee.ref) else output
    return output


def _one_output(name: str) -> bool:
    last = name.rpartition(".")[2]
    return not last.startswith(("LSTM", "GRU", "RNN", "Multihead", "Sequential", "Module"))


def _output(returned: Value, output: Value, grad: bool) -> Value:
    """What ``forward`` returns, on the side of the model, with a graph if one is made."""
    if returned.is_tensor or returned.kind is Kind.MAYBE:
        kind = Kind.TENSORS if returned.kind is Kind.MAYBE else returned.kind
        return replace(output, kind=kind, grad=grad)
    if returned.kind is Kind.SEQUENCE:
        items = tuple(_output(item, output, grad and item.grad) for item in returned.items)
        return replace(returned, items=items)
    if returned.kind in (Kind.UNKNOWN, Kind.MANY):
        return output
    return returned


def note_model(machine: Machine, text: str, grad: bool) -> None:
    """A module is called here: loops up to the one over the DataLoader run it."""
    frame = machine.frame
    grad = grad and not frame.guarded[-1]
    for loop in reversed(frame.loops):
        loop.next_models[text] = loop.next_models.get(text, False) or grad
        if loop.over_loader is not None:
            return
    function = frame.function
    function.next_models[text] = function.next_models.get(text, False) or grad


def _note_training(
    machine: Machine,
    node: ast.Call,
    owner: Value | None,
    callee: Value,
    arguments: Arguments,
) -> None:
    """``loss.backward()``, ``optimizer.step()``, ``scaler.step(optimizer)``; and what may train."""
    attr = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    name = attr or dotted(node.func)
    values = [*arguments[0], *arguments[1].values()]
    if callee.kind is Kind.FUNCTION:
        return
    steps = attr == "step" and (
        (owner is not None and owner.kind is Kind.OPTIMIZER)
        or any(value.kind is Kind.OPTIMIZER for value in values)
    )
    if steps:
        for value in values:
            if value.kind is Kind.FUNCTION:
                call_function(machine, value, ast.Call(node.func, [], []), ([], {}))
    if attr in ("backward", "manual_backward") or steps:
        machine.note_training()
        return
    passed = [value for value in values if value.kind is Kind.LOADER]
    if passed and any(value.kind in MODULES for value in values) and attr not in _PREPARING:
        for loader in passed:
            note_iteration(machine, loader)
    unknown = callee.kind in (Kind.UNKNOWN, Kind.NAME) and (owner is None or not owner.is_tensor)
    trains = any(word in name.lower() for word in knowledge.TRAINING_WORDS) and name != "train"
    given = any(value.kind is Kind.OPTIMIZER for value in values)
    gradient = isinstance(callee.ref, str) and callee.ref.endswith("autograd.grad")
    if (unknown and (trains or given)) or gradient:
        for loop in machine.frame.loops:
            loop.unclear = True


_PREPARING = ("prepare", "setup", "setup_dataloaders", "prepare_data_loader")


def note_iteration(machine: Machine, loader: Value, by: LoopFacts | None = None) -> None:
    """A loop over a DataLoader stands here (None: it is in another file): is it begun again?"""
    frame = machine.frame
    for facts in loader.ref or ():
        if by is not None:
            facts.iterated.add(by)
        around = any(not _inside(facts, loop) for loop in frame.loops)
        again = frame.function.repeated and facts.function is not frame.function
        facts.repeated |= around or again or frame.function.place is Place.STEP


def _inside(facts: LoaderFacts, loop: LoopFacts) -> bool:
    """Whether a DataLoader is made inside a loop."""
    first, last = loop.node.lineno, loop.node.end_lineno or loop.node.lineno
    return first <= facts.call.lineno <= last and facts.function is loop.function
