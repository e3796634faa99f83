"""A profiler around the whole training."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from core.lint import patches
from core.lint.facts import Function, Loop, LoopFacts, Place
from core.lint.patches import Edit
from core.lint.rules.draft import Draft, shown
from core.lint.survey import dotted

if TYPE_CHECKING:
    from core.lint.machine import Machine

_PROFILERS = frozenset({
    "torch.profiler.profile", "torch.autograd.profiler.profile", "torch.profiler.profiler.profile",
    "torch.autograd.profiler.emit_nvtx",
})  # fmt: skip
FEW = 100
"""Steps that a profile without a schedule may take."""
_SCHEDULE = "schedule=torch.profiler.schedule(wait=1, warmup=1, active=3)"


def conclude(machine: Machine) -> Iterator[Draft]:
    """``with profile(...):`` without a schedule around a step loop, or in every step."""
    for node in ast.walk(machine.source.tree):
        if not isinstance(node, (ast.With, ast.AsyncWith)):
            continue
        for item in node.items:
            calls = [part for part in ast.walk(item.context_expr) if isinstance(part, ast.Call)]
            for call in [each for each in calls if _is_profiler(machine, each)]:
                loop = _training_inside(machine, node)
                if loop is not None or _calls_training(machine, node):
                    edits = _scheduled(machine, call, item, loop)
                    function = _function_of(machine, node)
                    line, offset = call.lineno, call.col_offset
                    yield Draft("profiler-always", line, offset, shown(call), function, edits)


def _is_profiler(machine: Machine, call: ast.Call) -> bool:
    top, _, rest = dotted(call.func).partition(".")
    full = machine.survey.imports.get(top, top) + (f".{rest}" if rest else "")
    given = {keyword.arg for keyword in call.keywords}
    return full in _PROFILERS and not given & {"schedule", None}


def _training_inside(machine: Machine, node: ast.With | ast.AsyncWith) -> LoopFacts | None:
    """The first step loop (or loop around one) below that may run for long."""
    for part in ast.walk(node):
        facts = machine.loops.get(part) if isinstance(part, Loop) else None
        if facts is None:
            continue
        if (facts.place >= Place.EVALUATION or facts.has_step_loop) and not is_short(facts.node):
            return facts
    return None


def is_short(node: Loop) -> bool:
    """A loop over few rounds, or one that is left by ``break``."""
    if any(isinstance(part, ast.Break) for part in ast.walk(node)):
        return True
    if isinstance(node, ast.While) or not isinstance(node.iter, ast.Call):
        return False
    numbers = [
        part.value
        for part in ast.walk(node.iter)
        if isinstance(part, ast.Constant) and isinstance(part.value, int)
    ]
    counted = dotted(node.iter.func).rpartition(".")[2] in ("range", "islice", "trange", "zip")
    return counted and bool(numbers) and max(numbers) <= FEW and not _names_in(node.iter)


def _names_in(node: ast.Call) -> bool:
    return any(isinstance(part, ast.Name) for arg in node.args[:1] for part in ast.walk(arg)) and (
        dotted(node.func) == "range"
    )


def _calls_training(machine: Machine, node: ast.With | ast.AsyncWith) -> bool:
    """Whether it calls a function of the script that has a step loop."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
            function = machine.collected.by_text(part.func.id)
            if function is not None and function.has_step_loop:
                loops = [each for each in machine.loops.values() if each.function is function]
                return not all(is_short(each.node) for each in loops)
    return False


def _function_of(machine: Machine, node: ast.stmt) -> Function:
    """The innermost function around a statement."""
    around = [
        each
        for each in machine.collected.functions.values()
        if not isinstance(each.node, ast.Module)
        and each.node.lineno <= node.lineno <= (each.node.end_lineno or 0)
    ]
    return max(around, key=lambda f: f.first_line, default=machine.collected.module)


def _scheduled(
    machine: Machine, call: ast.Call, item: ast.withitem, loop: LoopFacts | None
) -> tuple[Edit, ...]:
    """A schedule, and ``step()`` at the end of the loop's body."""
    imported = machine.survey.imports.get("torch") == "torch"
    name = item.optional_vars.id if isinstance(item.optional_vars, ast.Name) else ""
    inner = loop if loop is not None and loop.place is Place.STEP else None
    steps = name and any(
        isinstance(part, ast.Call) and dotted(part.func) == f"{name}.step"
        for part in ast.walk(machine.source.tree)
    )
    if not imported or not name or (inner is None and not steps):
        return ()
    edits = [_argument(call)]
    if inner is not None and not steps:
        last = inner.node.body[-1]
        indent = patches.indent_of(machine.source, inner.node.body[0])
        line = last.end_lineno or last.lineno
        end = len(machine.source.lines[line - 1].encode())
        edits.append(patches.inserted((line, end), f"\n{indent}{name}.step()"))
    return tuple(edits)


def _argument(call: ast.Call) -> Edit:
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    if not arguments:
        line, offset = patches.end_of(call)
        return patches.inserted((line, offset - 1), _SCHEDULE)
    last = max(arguments, key=patches.end_of)
    return patches.inserted(patches.end_of(last), f", {_SCHEDULE}")
