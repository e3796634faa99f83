"""The functions and classes of a script, and what its loops assign."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from core.lint.facts import ClassInfo, Def, Function, Loop, Place
from core.lint.knowledge import LIGHTNING_EVALUATION, LIGHTNING_STEPS, TRAINER_STEPS
from core.lint.survey import dotted
from core.lint.values import Kind, Value, either


@dataclass(slots=True)
class Collected:
    """What a script defines.

    Attributes:
        module: code outside of all functions.
        functions: by their syntax, the module first.
        classes: by their syntax.
        by_name: classes by name.
    """

    module: Function
    functions: dict[ast.AST, Function] = field(default_factory=dict)
    classes: dict[ast.AST, ClassInfo] = field(default_factory=dict)
    by_name: dict[str, ClassInfo] = field(default_factory=dict)

    def by_text(self, text: str) -> Function | None:
        """The function of this name, at any depth; None where there is none, or several."""
        found = [each for each in self.functions.values() if each.name == text]
        return found[0] if len(found) == 1 else None


def collect(tree: ast.Module, imports: dict[str, str]) -> Collected:
    """Find all functions and classes, at any depth."""
    module = Function(tree)
    found = Collected(module, {tree: module})
    _inside(tree, module, None, found)
    for info in found.classes.values():
        _inherit(info, found.by_name, imports, set())
    for function in found.functions.values():
        function.place = function.fixed = _fixed_place(function)
    return found


def _inside(node: ast.AST, parent: Function, owner: ClassInfo | None, found: Collected) -> None:
    waiting = [(node, parent, owner)]
    while waiting:
        node, parent, owner = waiting.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Def):
                function = found.functions[child] = Function(child, owner, parent)
                if owner is not None:
                    owner.methods[child.name] = function
                waiting.append((child, function, None))
            elif isinstance(child, ast.ClassDef):
                info = found.classes[child] = ClassInfo(child)
                found.by_name[child.name] = info
                waiting.append((child, parent, info))
            elif not isinstance(child, ast.expr):
                waiting.append((child, parent, owner))


def _inherit(
    info: ClassInfo, classes: dict[str, ClassInfo], imports: dict[str, str], seen: set[ClassInfo]
) -> None:
    """Bases by their full names; methods of bases that the script defines."""
    if info in seen:
        return
    seen.add(info)
    for base in info.node.bases:
        text = dotted(base.value if isinstance(base, ast.Subscript) else base)
        known = classes.get(text)
        if known is not None and known is not info:
            _inherit(known, classes, imports, seen)
            info.bases |= known.bases
            info.parents |= {known, *known.parents}
            info.methods = {**known.methods, **info.methods}
        elif text:
            top, _, rest = text.partition(".")
            full = imports.get(top, top)
            info.bases.add(f"{full}.{rest}" if rest else full)


def _fixed_place(function: Function) -> Place:
    """Where a framework calls a method from."""
    owner = function.owner
    if owner is None:
        return Place.ELSEWHERE
    if owner.is_lightning:
        if function.name in LIGHTNING_STEPS:
            return Place.STEP
        return Place.EVALUATION if function.name in LIGHTNING_EVALUATION else Place.ELSEWHERE
    trainer = any(name.rpartition(".")[2].endswith("Trainer") for name in owner.bases)
    return Place.STEP if trainer and function.name in TRAINER_STEPS else Place.ELSEWHERE


def given_by_framework(function: Function) -> dict[str, Value]:
    """Parameters of a method that a framework calls: the batch, and the model if it is one."""
    if function.fixed is Place.ELSEWHERE or isinstance(function.node, ast.Module):
        return {}
    batch = Value(Kind.TENSORS, device=True, sure=False)
    trainer = function.name in TRAINER_STEPS and not (
        function.owner and function.owner.is_lightning
    )
    kinds = [Value(Kind.MODULE), batch] if trainer else [batch]
    names = [arg.arg for arg in function.node.args.args[1:]]
    return dict(zip(names, kinds, strict=False))


def assigned_names(loop: Loop) -> frozenset[str]:
    """Dotted texts that a loop assigns, its own targets among them."""
    names: set[str] = set()
    for node in ast.walk(loop):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            names.add(dotted(node))
    return frozenset(names)


def joined(known: dict[str, Value], name: str, value: Value) -> None:
    """Add a value to what is known under a name."""
    known[name] = either(known[name], value) if name in known else value


def instance_of(info: ClassInfo) -> Value:
    """An object of a class of the script."""
    if info.is_module:
        return Value(Kind.MODULE, ref=info)
    return Value(Kind.DATASET if info.is_dataset else Kind.OBJECT, ref=info)
