"""The host waits for the device in the step loop: reading a device tensor's value.

Only what is a tensor on the device by flow, in every step: what a script that never names an
accelerator does is not said, nor what stands behind a condition on the step, the time or a result.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from core.lint import knowledge, methods
from core.lint.facts import Place
from core.lint.frames import Seen
from core.lint.rules import mending
from core.lint.rules.draft import Draft, position, shown
from core.lint.values import Kind, Value, element

if TYPE_CHECKING:
    from core.lint.machine import Machine

_METHODS = {"item": "sync-item", "numpy": "sync-numpy", "tolist": "sync-tolist"}
_RESULTS = frozenset({"sync-cpu", "sync-numpy", "sync-tolist"})
"""What evaluation computes has to come to the host at some time."""
_NUMBERS = frozenset({"builtins.float", "builtins.int", "builtins.complex", "builtins.round"})
_TEXTS = frozenset({"builtins.str", "builtins.repr", "builtins.format"})
_EXPLICIT = frozenset({
    "torch.cuda.synchronize", "torch.mps.synchronize", "torch.xpu.synchronize",
    "torch.accelerator.synchronize", "torch.npu.synchronize",
})  # fmt: skip
_CACHES = frozenset({"torch.cuda.empty_cache", "torch.mps.empty_cache", "torch.xpu.empty_cache"})


def watch(machine: Machine, kind: str, seen: Seen) -> Iterator[Draft]:
    """Everything that reads a device tensor's value, and the explicit waits."""
    if seen.frame.place < Place.EVALUATION or not machine.survey.uses_device:
        return
    rule = ""
    if kind == "call":
        rule = _of_call(machine, seen)
    elif kind == "test" and _single(seen.value):
        rule = "sync-bool"
    elif kind == "format" and _certain(seen.value):
        rule = "sync-print" if seen.frame.printing else "sync-format"
    if rule in _RESULTS and seen.frame.place is Place.EVALUATION:
        return
    if rule:
        line, offset = position(seen.node)
        edits = mending.of_wait(machine, seen, rule)
        what = shown(seen.node)
        yield Draft(rule, line, offset, what, seen.frame.function, edits, seen.frame.place)


def _of_call(machine: Machine, seen: Seen) -> str:
    name, owner = seen.name, seen.value
    if owner.kind is Kind.NAME:
        return _of_name(seen)
    readable = owner.is_tensor or owner.kind is Kind.MAYBE
    if readable and owner.device is True:
        if name in _METHODS:
            return _METHODS[name]
        if name == "cpu" or (name == "to" and _to_host(machine, seen)):
            return "sync-cpu"
        if name in knowledge.BOOLEANS:
            return "sync-bool"
    return _of_logger(seen)


def _to_host(machine: Machine, seen: Seen) -> bool:
    node = seen.node
    free = seen.keywords.get("non_blocking")
    if not isinstance(node, ast.Call) or (free is not None and free.ref is not False):
        return False
    return methods.target_side(machine, node, list(seen.args), seen.keywords) is False


def _of_name(seen: Seen) -> str:
    """Functions by their full name."""
    name = seen.name
    first = seen.args[0] if seen.args else None
    if name in _EXPLICIT:
        return "sync-explicit"
    if name in _CACHES:
        return "empty-cache"
    if name == "builtins.print" and any(_holds(arg) for arg in seen.args):
        return "sync-print"
    if first is None:
        return ""
    if (name in _NUMBERS or name.startswith("math.")) and _certain(first):
        return "sync-float"
    if name == "builtins.bool" and _single(first):
        return "sync-bool"
    if name in ("builtins.min", "builtins.max") and len(seen.args) > 1:
        return "sync-bool" if any(_single(arg) for arg in seen.args) else ""
    if name in _TEXTS and _certain(first):
        return "sync-print" if seen.frame.printing else "sync-format"
    return _of_library(seen, name, first)


def _of_library(seen: Seen, name: str, first: Value) -> str:
    if name.startswith("numpy.") and _certain(first):
        return "sync-numpy"
    if name.startswith("torch.") and name.rpartition(".")[2] in knowledge.BOOLEANS:
        return "sync-bool" if any(_certain(arg) for arg in seen.args) else ""
    if name in ("wandb.log", "mlflow.log_metric", "mlflow.log_metrics"):
        return "sync-log" if any(_holds(arg) for arg in seen.args) else ""
    if name.startswith("logging.") and name.rpartition(".")[2] in knowledge.LOG_METHODS:
        return "sync-log" if any(_holds(arg) for arg in seen.args[1:]) else ""
    return ""


def _of_logger(seen: Seen) -> str:
    """Methods of progress bars, writers, loggers; ``str.format``."""
    name = seen.name
    values = [*seen.args, *seen.keywords.values()]
    if not any(_holds(value) for value in values):
        return ""
    if name == "set_postfix" or name in knowledge.WRITER_METHODS:
        return "sync-log"
    if name == "format" and isinstance(seen.value.ref, str) and seen.value.kind is Kind.HOST:
        return "sync-print" if seen.frame.printing else "sync-format"
    func = seen.node.func if isinstance(seen.node, ast.Call) else None
    logger = isinstance(func, ast.Attribute) and "log" in ast.unparse(func.value).lower()
    if logger and name in knowledge.LOG_METHODS - {"log", "debug"}:
        return "sync-log" if any(_holds(arg) for arg in seen.args[1:]) else ""
    return ""


def _certain(value: Value) -> bool:
    return value.is_tensor and value.sure and value.device is True


def _single(value: Value) -> bool:
    return value.kind is Kind.TENSOR and value.sure and value.device is True


def _holds(value: Value) -> bool:
    """A device tensor, or a container of some."""
    return _certain(value) or (bool(value.items) and _certain(element(value)))
