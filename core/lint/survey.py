"""What a first look over a whole script tells: imports, devices, and what names are used as.

A name that nothing in the script defines (a parameter of a function that another file calls) is
known by what is done with it: what has ``.zero_grad()`` and ``.step()`` is an optimizer, what has
``.backward()`` a loss with its graph, what has ``.parameters()`` or ``.eval()`` a module.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from dataclasses import dataclass, field

from core.lint.values import UNKNOWN, Kind, Value, tensor

_ARGUMENTS = frozenset({"args", "opt", "opts", "options", "config", "cfg", "hparams", "flags"})
"""What parsed command lines are called."""
_TORCH = re.compile(r"torch|lightning|pytorch_lightning|accelerate|transformers|timm")
_ACCELERATORS = ("cuda", "mps", "xpu", "npu", "hpu", "gpu")
# Calls that a script which computes on the CPU may make as well.
_HARMLESS = frozenset({
    "is_available", "manual_seed", "manual_seed_all", "device_count", "FloatTensor",
    "empty_cache", "set_device", "synchronize", "is_initialized", "init",
})  # fmt: skip
_DEVICE_NAME = re.compile(r"device|gpu|cuda|\brank\b|local_rank", re.IGNORECASE)
_CARRIERS = re.compile(
    r"^(lightning|pytorch_lightning|accelerate|transformers\.Trainer|torch_xla|deepspeed)\b"
)
"""Libraries that put model and batches on the device themselves."""
LOADER_NAME = re.compile(r"loader", re.IGNORECASE)
_DTYPE_NAME = re.compile(r"dtype|float|half|int|long|double|bool", re.IGNORECASE)


@dataclass(slots=True)
class Survey:
    """Facts of a whole script.

    Attributes:
        imports: name -> full dotted name.
        uses_device: whether anything in it may run on an accelerator.
        uses_cuda: whether that may be a GPU of NVIDIA or AMD.
        used_as: dotted text -> what its uses tell.
        trained: names that a backward uses, or that flow into those.
        dictionaries: name -> the only dictionary that it ever holds.
        defaults: option of the command line -> its default.
        names: every variable and parameter.
        mentions: every name, attribute and keyword in it.
    """

    imports: dict[str, str] = field(default_factory=dict)
    uses_device: bool = False
    uses_cuda: bool = False
    used_as: dict[str, Value] = field(default_factory=dict)
    trained: set[str] = field(default_factory=set)
    dictionaries: dict[str, ast.Dict] = field(default_factory=dict)
    defaults: dict[str, ast.Constant] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    mentions: set[str] = field(default_factory=set)

    @property
    def is_torch(self) -> bool:
        """Whether the script uses PyTorch at all."""
        return any(_TORCH.match(name) for name in self.imports.values())

    def is_off(self, node: ast.expr | None) -> bool:
        """An option that is absent, 0 or False, also by the default of the command line."""
        if node is None:
            return True
        found = self.default_of(node)
        return isinstance(found, ast.Constant) and not found.value

    def default_of(self, node: ast.expr) -> ast.expr:
        """The default of ``args.workers``; the node itself where it is no such option."""
        base, _, name = dotted(node).rpartition(".")
        return self.defaults.get(name, node) if base in _ARGUMENTS else node

    def better(self, text: str, value: Value) -> Value:
        """What the uses of a name tell, where its value alone tells less."""
        told = self.used_as.get(text)
        if told is None or not value.is_vague:
            return value
        if told.kind is Kind.TENSOR and (value.is_tensor or value.kind is Kind.MAYBE):
            on = told.device if value.device is None else value.device
            return tensor(on, grad=value.grad)
        return value if value.kind is told.kind else told


_USUAL = {
    "torch": "torch",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "optim": "torch.optim",
    "np": "numpy",
    "DataLoader": "torch.utils.data.DataLoader",
    "Dataset": "torch.utils.data.Dataset",
}
"""What ``from utils import *`` may bring: names that mean the same in every script."""


def dotted(node: ast.AST) -> str:
    """``self.model`` of names and attributes, "" of anything else."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def survey(tree: ast.Module) -> Survey:
    """Look over a script."""
    found = Survey()
    methods: dict[str, set[str]] = defaultdict(set)
    cpu_names = _cpu_names(tree)
    for node in ast.walk(tree):
        _import(found, node)
        if isinstance(node, (ast.Name, ast.arg)):
            found.names.add(node.id if isinstance(node, ast.Name) else node.arg)
        elif isinstance(node, ast.Attribute):
            found.mentions.add(node.attr)
        elif isinstance(node, ast.keyword) and node.arg:
            found.mentions.add(node.arg)
        elif isinstance(node, ast.Call):
            _method(node, methods)
            _default(found, node)
        if not (found.uses_device and found.uses_cuda):
            _devices(found, node, cpu_names)
    if any(_CARRIERS.match(name) for name in found.imports.values()):
        found.uses_device = found.uses_cuda = True
    for text, names in methods.items():
        known = _kind(names)
        if known is not UNKNOWN:
            found.used_as[text] = known
    found.mentions |= found.names
    _losses(tree, found)
    found.dictionaries = _dictionaries(tree)
    return found


def _dictionaries(tree: ast.Module) -> dict[str, ast.Dict]:
    """Names that hold one dictionary that never changes; of ``{…} if … else {}`` the full one."""
    held: dict[str, list[ast.expr]] = defaultdict(list)
    changed: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                held[dotted(target)].append(node.value)
                if isinstance(target, ast.Subscript):
                    changed.add(dotted(target.value))
        elif isinstance(node, ast.Attribute) and node.attr in ("update", "pop", "setdefault"):
            changed.add(dotted(node.value))
    return {
        name: full[0]
        for name, values in held.items()
        if name not in changed and len(values) == 1 and len(full := _full(values[0])) == 1
    }


def _full(value: ast.expr) -> list[ast.Dict]:
    """The dictionaries that a value may be, without empty ones."""
    parts = (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,)
    return [p for p in parts if isinstance(p, ast.Dict) and p.keys and None not in p.keys]


def _default(found: Survey, node: ast.Call) -> None:
    """``parser.add_argument("--workers", default=0)``."""
    if not (isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument"):
        return
    flags = [str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)]
    names = [flag.lstrip("-").replace("-", "_") for flag in flags if flag[:2] == "--"]
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    name, default = given.get("dest"), given.get("default")
    if isinstance(name, ast.Constant):
        names = [str(name.value)]
    if isinstance(default, ast.Constant) and names:
        found.defaults[names[0]] = default


def _import(found: Survey, node: ast.AST) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name if alias.asname else alias.name.split(".")[0]
            found.imports[alias.asname or top] = top
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                found.imports = {**_USUAL, **found.imports}
            else:
                found.imports[alias.asname or alias.name] = f"{module}.{alias.name}"


def _method(node: ast.Call, methods: dict[str, set[str]]) -> None:
    if isinstance(node.func, ast.Attribute):
        text = dotted(node.func.value)
        if text:
            bare = not node.args and not node.keywords
            methods[text].add(f"{node.func.attr}()" if bare else node.func.attr)


def _kind(methods: set[str]) -> Value:
    """What has these methods called; ``name()`` is a call without arguments."""
    bare = {name.removesuffix("()") for name in methods}
    if "zero_grad" in bare and "step" in bare:
        return Value(Kind.OPTIMIZER)
    if {"parameters()", "named_parameters()", "eval()"} & methods:
        return Value(Kind.MODULE)
    if "train()" in methods and "fit" not in bare and {"cuda", "to", "state_dict"} & bare:
        return Value(Kind.MODULE)
    return UNKNOWN


def _losses(tree: ast.Module, found: Survey) -> None:
    """Names with ``.backward()``, also by way of a scaler or an accelerator."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr not in ("backward", "manual_backward"):
            continue
        subject = node.args[0] if node.args else node.func.value
        whole = dotted(subject)
        for part in [subject] if whole else ast.walk(subject):
            text = dotted(part)
            if text and (whole or re.search(r"loss|err|cost", text, re.IGNORECASE)):
                found.used_as[text] = tensor(found.uses_device or None, grad=True)
        found.trained |= {dotted(part) for part in ast.walk(subject)} - {""}
    _flows_into(tree, found.trained)


def _flows_into(tree: ast.Module, names: set[str]) -> None:
    """Add the names out of which these are made, as far as plain assignments tell."""
    made: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            of = {dotted(part) for part in ast.walk(node.value)} - {""}
            for target in targets:
                for part in ast.walk(target):
                    made[dotted(part)] |= of
    waiting = list(names)
    while waiting:
        new = made.get(waiting.pop(), set()) - names
        names |= new
        waiting += new


def _cpu_names(tree: ast.Module) -> set[str]:
    """Names that are only ever set to the CPU."""
    said: dict[str, set[bool]] = defaultdict(set)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and node.value is not None:
            for target in node.targets:
                text = dotted(target)
                if text:
                    said[text].add(_is_cpu(node.value))
    return {text for text, values in said.items() if values == {True}}


def _is_cpu(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and node.args and dotted(node.func) in ("torch.device", "device"):
        node = node.args[0]
    return isinstance(node, ast.Constant) and node.value == "cpu"


def _devices(found: Survey, node: ast.AST, cpu_names: set[str]) -> None:
    """Whether this node mentions an accelerator."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        name = re.split(r"[:\W]", node.value)[0].lower()
        if name in _ACCELERATORS:
            found.uses_device = True
            found.uses_cuda |= name in ("cuda", "gpu")
    elif isinstance(node, ast.Attribute):
        base = dotted(node)
        cuda = base.startswith("torch.cuda.") and base.split(".")[2] not in _HARMLESS
        if cuda or base.startswith("torch.accelerator"):
            found.uses_device = found.uses_cuda = True
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        target = node.args[0] if node.args else None
        moved = node.func.attr == "to" and target is not None and _is_device(target, cpu_names)
        if moved or node.func.attr == "cuda":
            found.uses_device = found.uses_cuda = True


def _is_device(node: ast.expr, cpu_names: set[str]) -> bool:
    """Whether an argument of ``.to`` is a device that is not the CPU by sight."""
    text = dotted(node)
    return bool(text) and text not in cpu_names and _DEVICE_NAME.search(text) is not None


def names_device(text: str) -> bool:
    """Whether the text of an argument of ``.to`` reads like a device."""
    return _DEVICE_NAME.search(text) is not None and not _DTYPE_NAME.search(text)


def names_dtype(text: str) -> bool:
    """Whether it reads like a data type."""
    return _DTYPE_NAME.search(text) is not None
