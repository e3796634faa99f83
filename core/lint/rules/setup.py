"""Settings that stay as they are by mistake: zeroed gradients, FP32 matrix products."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from core.lint import methods, patches
from core.lint.frames import Seen
from core.lint.rules.draft import Draft, position, shown
from core.lint.survey import dotted
from core.lint.values import Kind

if TYPE_CHECKING:
    from core.lint.machine import Machine

_PRECISION = frozenset({
    "set_float32_matmul_precision", "allow_tf32", "fp32_precision", "autocast", "GradScaler",
    "half", "bfloat16", "float16", "amp", "precision", "mixed_precision", "fp16", "bf16", "apex",
    "Accelerator", "Fabric", "Trainer", "deepspeed", "use_amp", "double", "float64",
})  # fmt: skip
"""A script that mentions one of these has thought of precision."""
_PRODUCTS = re.compile(r"^(Transformer\w*|MultiheadAttention|matmul|bmm|einsum|addmm)$|attention")
_CONVOLUTIONS = re.compile(r"^(Conv[123]d|ConvTranspose[123]d|conv[123]d)$")
WIDE = 1024
"""Linear layers that are narrower take no time worth speaking of."""
_WORDS = re.compile(r"vocab|n_?tokens?|num_tokens|n_words|d_model|n_embd", re.IGNORECASE)
"""Widths by these names are those of language models."""


def watch(machine: Machine, kind: str, seen: Seen) -> Iterator[Draft]:
    """``zero_grad(set_to_none=False)``; remembers where the first module goes to the device."""
    if kind != "call" or not isinstance(seen.node, ast.Call):
        return
    node = seen.node
    if isinstance(node.func, ast.Attribute) and node.func.attr == "zero_grad":
        given = [k.value for k in node.keywords if k.arg == "set_to_none"] or node.args[:1]
        if given and isinstance(given[0], ast.Constant) and given[0].value is False:
            func = patches.text_of(machine.source, node.func)
            edits = (patches.replaced(node, f"{func}()"),)
            line, offset = position(node)
            yield Draft("grads-zeroed", line, offset, shown(node), seen.frame.function, edits)
    if seen.name == "torch.nn.Linear":
        machine.wide |= any(isinstance(v.ref, int) and v.ref >= WIDE for v in seen.args)
        machine.wide |= any(_WORDS.search(ast.unparse(arg)) for arg in node.args)
    if machine.first_move is None and _moves_module(machine, node, seen):
        machine.first_move = (node, seen.frame.statement, seen.frame.function)


def _moves_module(machine: Machine, node: ast.Call, seen: Seen) -> bool:
    foreign = seen.value.kind is Kind.OBJECT and isinstance(seen.value.ref, str)
    module = seen.value.kind is Kind.MODULE or foreign
    if not module or not isinstance(node.func, ast.Attribute):
        return False
    if node.func.attr == "cuda":
        return True
    args = list(seen.args)
    return node.func.attr == "to" and (
        methods.target_side(machine, node, args, seen.keywords) is True
    )


def conclude(machine: Machine) -> Iterator[Draft]:
    """FP32 matrix products in a script that trains on a GPU and never speaks of precision."""
    survey = machine.survey
    if machine.first_move is None or not survey.uses_cuda or not _is_entry(machine):
        return
    if not any(loop.trains for loop in machine.loops.values()):
        return
    names = survey.mentions | {p for full in survey.imports.values() for p in full.split(".")}
    if names & _PRECISION or not _multiplies(machine, names):
        return
    node, statement, function = machine.first_move
    edits = ()
    if statement is not None and survey.imports.get("torch") == "torch":
        indent = patches.indent_of(machine.source, statement)
        text = f'{indent}torch.set_float32_matmul_precision("high")\n'
        edits = (patches.inserted((statement.lineno, 0), text),)
    line, offset = position(node)
    yield Draft("fp32-matmul", line, offset, shown(node), function, edits)


def _is_entry(machine: Machine) -> bool:
    """Whether the script is one to start: it trains at its top, or has a main part."""
    if machine.collected.module.has_step_loop:
        return True
    return any(
        isinstance(node, ast.Compare) and dotted(node.left) == "__name__"
        for node in machine.source.tree.body
        for node in [getattr(node, "test", None)]
    )


def _multiplies(machine: Machine, names: set[str]) -> bool:
    """Whether matrix products are most of the work, as far as the script shows its model."""
    imported = machine.survey.imports.values()
    hugging = any(re.match(r"transformers\..*(Model|For)", name) for name in imported)
    if any(_PRODUCTS.search(name) for name in names) or hugging:
        return True
    return machine.wide and not any(_CONVOLUTIONS.match(name) for name in names)
