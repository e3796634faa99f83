"""DataLoaders: workers, pinned memory, copies, where they are built, what datasets do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from core.lint import methods, patches
from core.lint.facts import ClassInfo, Function, LoaderFacts, LoopFacts, Place
from core.lint.frames import Seen
from core.lint.knowledge import CREATION
from core.lint.patches import Edit
from core.lint.rules.draft import Draft, position, shown
from core.lint.survey import dotted
from core.lint.values import MODULES, Kind, side_of

if TYPE_CHECKING:
    from core.lint.machine import Machine

WORKERS = 4
"""Workers that a fix begins with; tuning finds the best number."""


def watch(machine: Machine, kind: str, seen: Seen) -> Iterator[Draft]:
    """Copies of pinned batches that block, and devices inside a dataset."""
    if kind != "call" or not isinstance(seen.node, ast.Call):
        return
    node = seen.node
    if seen.name == "builtins.iter" and node.args and not seen.frame.loops:
        first = node.args[0]
        made = machine.loaders.get(first) if isinstance(first, ast.Call) else None
        if made is not None:
            made.single = True
    line, offset = position(node)
    if _to_device(machine, node, seen):
        if _moves_pinned_batch(seen) and not _is_free(node):
            edits = (_with_option(machine, node, "non_blocking=True"),)
            yield Draft("copy-blocking", line, offset, shown(node), seen.frame.function, edits)
        if seen.value.kind not in MODULES and _in_dataset(seen.frame.function):
            edits = (Edit(patches.end_of(_owner(node)), patches.end_of(node), ""),)
            yield Draft("dataset-device", line, offset, shown(node), seen.frame.function, edits)
    elif _made_on_device(machine, node, seen) and _in_dataset(seen.frame.function):
        yield Draft("dataset-device", line, offset, shown(node), seen.frame.function)


def _moves_pinned_batch(seen: Seen) -> bool:
    """Whether it is a batch of pinned DataLoaders, in a loop; notes that their batches move."""
    if not seen.value.is_tensor or not isinstance(seen.value.ref, frozenset):
        return False
    for facts in seen.value.ref:
        facts.moved = True
    pinned = bool(seen.value.ref) and all(facts.pinned for facts in seen.value.ref)
    return pinned and seen.frame.place >= Place.EVALUATION


def _owner(node: ast.Call) -> ast.expr:
    return node.func.value if isinstance(node.func, ast.Attribute) else node.func


def _to_device(machine: Machine, node: ast.Call, seen: Seen) -> bool:
    if not isinstance(node.func, ast.Attribute) or seen.value.kind is Kind.NAME:
        return False
    if node.func.attr == "cuda":
        return True
    if node.func.attr != "to":
        return False
    return methods.target_side(machine, node, list(seen.args), seen.keywords) is True


def _is_free(node: ast.Call) -> bool:
    """Whether ``non_blocking`` is given, by name or as a bare True."""
    named = any(keyword.arg in ("non_blocking", None) for keyword in node.keywords)
    return named or any(isinstance(a, ast.Constant) and a.value is True for a in node.args)


def _made_on_device(machine: Machine, node: ast.Call, seen: Seen) -> bool:
    created = seen.name.startswith("torch.") and seen.name.rpartition(".")[2] in CREATION
    return created and "device" in seen.keywords and side_of(seen.keywords["device"]) is True


def _in_dataset(function: Function) -> bool:
    """Whether a dataset runs this for each sample: in ``__getitem__`` or what that calls."""
    for each in (function, *function.callers):
        owner = each.owner
        if owner is None or each.name not in ("__getitem__", "__getitems__", "__iter__"):
            continue
        plain = {"__getitem__", "__len__"} <= set(owner.methods) and not owner.is_module
        if owner.is_dataset or (plain and each.name != "__iter__"):
            return True
    return False


def conclude(machine: Machine) -> Iterator[Draft]:
    """What each ``DataLoader(...)`` of the script lacks."""
    if not machine.survey.uses_device:
        return
    for facts in machine.loaders.values():
        yield from _built_in_loop(machine, facts)
        if facts.open_ended or facts.is_read_once or _on_device_already(machine, facts):
            continue
        rules = [_workers(machine, facts)]
        if machine.survey.uses_cuda and facts.moved:
            rules.append(_pinned(machine, facts))
        for rule, edits in filter(None, rules):
            yield _draft(facts, rule, edits)


def _draft(facts: LoaderFacts, rule: str, edits: tuple[Edit, ...]) -> Draft:
    call = facts.call
    return Draft(rule, call.lineno, call.col_offset, shown(call), facts.function, edits)


def _workers(machine: Machine, facts: LoaderFacts) -> tuple[str, tuple[Edit, ...]] | None:
    given = facts.options.get("num_workers")
    keeps = facts.options.get("persistent_workers")
    off = machine.survey.is_off
    if off(given):
        if _in_memory(facts):
            return None
        edits = [_option(machine, facts, "num_workers", str(WORKERS))]
        if keeps is None and facts.repeated:
            more = f"num_workers={WORKERS}, persistent_workers=True"
            edits = [_option(machine, facts, "num_workers", str(WORKERS), whole=more)]
        return "workers-none", tuple(edits)
    if given is None or not off(keeps) or not facts.repeated:
        return None
    known = isinstance(given, ast.Constant)
    text = "True" if known else f"{patches.text_of(machine.source, given)} > 0"
    return "workers-restart", (_option(machine, facts, "persistent_workers", text),)


def _pinned(machine: Machine, facts: LoaderFacts) -> tuple[str, tuple[Edit, ...]] | None:
    if not machine.survey.is_off(facts.options.get("pin_memory")):
        return None
    return "pin-none", (_option(machine, facts, "pin_memory", "True"),)


def _option(machine: Machine, facts: LoaderFacts, name: str, value: str, whole: str = "") -> Edit:
    """The edit that sets an option of the DataLoader."""
    given = facts.options.get(name)
    if given is not None:
        default = machine.survey.default_of(given)
        more = whole.partition("=")[2] if whole and default is given else value
        return patches.replaced(default, more)
    if facts.spread is not None and facts.spread.values:
        end = patches.end_of(facts.spread.values[-1])
        return patches.inserted(end, f', "{name}": {value}')
    return _with_option(machine, facts.call, whole or f"{name}={value}")


def _with_option(machine: Machine, call: ast.Call, option: str) -> Edit:
    """One more argument at the end of a call."""
    line, offset = patches.end_of(call)
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    if not arguments:
        return patches.inserted((line, offset - 1), option)
    last = max(arguments, key=patches.end_of)
    return patches.inserted(patches.end_of(last), f", {option}")


def _in_memory(facts: LoaderFacts) -> bool:
    """A dataset whose samples cost nothing to fetch: workers would only add work."""
    value = facts.dataset
    if value is None:
        return False
    if value.is_tensor or value.kind in (Kind.SEQUENCE, Kind.MANY):
        return not value.items or not isinstance(value.items[0].ref, (ClassInfo, str))
    if isinstance(value.ref, str):
        return value.ref.endswith("TensorDataset")
    if isinstance(value.ref, ClassInfo):
        fetch = value.ref.methods.get("__getitem__")
        calls = [p for p in ast.walk(fetch.node) if isinstance(p, ast.Call)] if fetch else []
        return fetch is not None and all(
            dotted(call.func).rpartition(".")[2] in _CHEAP for call in calls
        )
    return False


_CHEAP = frozenset({"from_numpy", "as_tensor", "tensor", "Tensor", "int", "float", "len"})
"""What a ``__getitem__`` may call and still cost nothing."""


def _on_device_already(machine: Machine, facts: LoaderFacts) -> bool:
    """Its dataset or its ``collate_fn`` puts samples on the device: neither workers nor pinning."""
    if facts.dataset is not None and facts.dataset.device is True:
        return True
    nodes: list[ast.AST] = []
    if facts.dataset is not None and isinstance(facts.dataset.ref, ClassInfo):
        nodes.append(facts.dataset.ref.node)
    collate = facts.options.get("collate_fn")
    if collate is not None:
        value = machine.collected.by_text(dotted(collate))
        nodes.append(value.node if value is not None else collate)
    return any(_DEVICE.search(ast.unparse(node)) for node in nodes)


_DEVICE = re.compile(r"\.cuda\(|\.to\((self\.)?(\w+\.)?device|device=(?!['\"]cpu)")


def _built_in_loop(machine: Machine, facts: LoaderFacts) -> Iterator[Draft]:
    """The same DataLoader made again in each round of the loop around the step loop."""
    loop = facts.loop
    if loop is None or not (loop.has_step_loop or loop.place >= Place.STEP):
        return
    inner = [each for each in machine.loops.values() if each.outer is loop]
    if any(each.has_step_loop for each in inner):
        return
    used = {dotted(n) for n in ast.walk(facts.call) if isinstance(n, (ast.Name, ast.Attribute))}
    if used & loop.assigned or any(isinstance(n, ast.Call) for n in _arguments(facts.call)):
        return
    yield _draft(facts, "loader-in-loop", _moved_out(machine, facts, loop))


def _arguments(call: ast.Call) -> Iterator[ast.AST]:
    for part in (*call.args, *call.keywords):
        yield from ast.walk(part)


def _moved_out(machine: Machine, facts: LoaderFacts, loop: LoopFacts) -> tuple[Edit, ...]:
    """The statement taken from the loop's body and put before the loop."""
    statement, source = facts.statement, machine.source
    simple = isinstance(statement, ast.Assign) and statement in loop.node.body
    first, last = statement.lineno, getattr(statement, "end_lineno", 0)
    if not simple or first != last or len(loop.node.body) == 1 or last >= len(source.lines):
        return ()
    text = source.lines[first - 1].strip()
    indent = patches.indent_of(source, loop.node)
    return (
        patches.inserted((loop.node.lineno, 0), f"{indent}{text}\n"),
        Edit((first, 0), (last + 1, 0), ""),
    )
