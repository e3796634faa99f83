"""What imported functions and classes give: PyTorch's own, and those of its common companions."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from core.lint import knowledge
from core.lint.builtin_calls import given, loader_in, over, unknown_call
from core.lint.facts import LoaderFacts
from core.lint.survey import dotted
from core.lint.values import (
    HOST,
    MODULES,
    UNKNOWN,
    Kind,
    Value,
    element,
    many,
    sequence,
    side_of,
    sides,
    tensor,
)

if TYPE_CHECKING:
    from core.lint.machine import Machine

Keywords = dict[str, Value]

LOADER_OPTIONS = (
    "dataset", "batch_size", "shuffle", "sampler", "batch_sampler", "num_workers", "collate_fn",
    "pin_memory", "drop_last", "timeout", "worker_init_fn",
)  # fmt: skip
"""Positional parameters of ``torch.utils.data.DataLoader``, in their order."""


LOADERS = frozenset({
    "torch.utils.data.DataLoader", "torch.utils.data.dataloader.DataLoader",
    "torch_geometric.loader.DataLoader", "torch_geometric.data.DataLoader",
    "monai.data.DataLoader",
})  # fmt: skip
"""PyTorch's DataLoader, and those of others that pass their options on to it."""


def result(
    machine: Machine, node: ast.Call, name: str, args: list[Value], keywords: Keywords
) -> Value:
    """What calling an imported name returns."""
    if name in knowledge.WRAPPERS or name.endswith("DistributedDataParallel"):
        return args[0] if args else UNKNOWN
    if name in LOADERS:
        return Value(Kind.LOADER, ref=frozenset({_loader(machine, node, args)}))
    last = name.rpartition(".")[2]
    if last.endswith("DataLoader") or last.endswith("NeighborLoader"):
        return Value(Kind.LOADER)
    if name.startswith("torch."):
        return _of_torch(machine, name, last, node, args, keywords)
    return _of_others(machine, name, last, args, keywords)


def _loader(machine: Machine, node: ast.Call, args: list[Value]) -> LoaderFacts:
    frame = machine.frame
    if node not in machine.loaders:
        loop = frame.loops[-1] if frame.loops else None
        statement = frame.statement or ast.Pass()
        machine.loaders[node] = LoaderFacts(node, frame.function, loop, statement)
    facts = machine.loaders[node]
    facts.options = dict(zip(LOADER_OPTIONS, node.args, strict=False))
    facts.open_ended = any(isinstance(arg, ast.Starred) for arg in node.args)
    facts.spread = None
    for keyword in node.keywords:
        if keyword.arg is not None:
            facts.options[keyword.arg] = keyword.value
            continue
        spread = machine.survey.dictionaries.get(dotted(keyword.value))
        facts.open_ended |= spread is None
        facts.spread = spread
        for key, value in zip(spread.keys, spread.values, strict=True) if spread else ():
            if isinstance(key, ast.Constant):
                facts.options[str(key.value)] = value
    dataset = args[0] if args else None
    syntax = facts.options.get("dataset")
    if dataset is None and syntax is not None:
        dataset = machine.evaluate(syntax)
    facts.dataset = dataset
    pin = facts.options.get("pin_memory")
    facts.pinned = pin is not None and not machine.survey.is_off(pin)
    return facts


def _of_torch(
    machine: Machine, name: str, last: str, node: ast.Call, args: list[Value], keywords: Keywords
) -> Value:
    if name == "torch.device":
        side = side_of(args[0]) if args else None
        on = True if side is None else side
        return Value(Kind.OBJECT, device=on, ref="torch.device")
    if last in ("Subset", "random_split", "ConcatDataset") and args:
        return many(args[0]) if last == "random_split" else args[0]
    made = _object_of_torch(name, last, args)
    if made is not None:
        return made
    if _is_tensor_function(name, last):
        return _function(machine, last, args, keywords)
    if last in knowledge.HOST_FUNCTIONS or name.startswith(("torch.cuda.", "torch.distributed.")):
        return HOST if last[:1].islower() else Value(Kind.OBJECT, ref=name)
    if last in knowledge.BOOLEANS:
        return HOST
    return (
        Value(Kind.OBJECT, ref=name)
        if last[:1].isupper()
        else unknown_call(machine, args, keywords)
    )


_KINDS = (
    ("torch.optim.lr_scheduler.", Kind.OBJECT),
    ("torch.optim.", Kind.OPTIMIZER),
    ("torch.utils.data.", Kind.DATASET),
    ("torch.distributed.optim", Kind.OPTIMIZER),
    ("torch.hub.load", Kind.MODULE),
)


def _object_of_torch(name: str, last: str, args: list[Value]) -> Value | None:
    """An instance of one of its classes."""
    for prefix, kind in _KINDS:
        if name.startswith(prefix):
            return Value(kind, device=sides(*args), ref=name)
    if name == "torch.nn.ModuleList":
        return many(element(args[0])) if args else many(Value(Kind.MODULE))
    if name.startswith("torch.nn.") and last[:1].isupper():
        loss = last.endswith("Loss") or last == "CosineSimilarity"
        return Value(Kind.LOSS if loss else Kind.MODULE, ref=name)
    return None


def _is_tensor_function(name: str, last: str) -> bool:
    parts = name.split(".")
    plain = len(parts) == 2 and last not in knowledge.HOST_FUNCTIONS | knowledge.BOOLEANS
    family = len(parts) > 2 and parts[1] in ("linalg", "special", "fft", "nn")
    return (plain or family) and (last[:1].islower() or last in knowledge.CREATION)


def _function(machine: Machine, last: str, args: list[Value], keywords: Keywords) -> Value:
    """A function of ``torch`` on tensors."""
    flat = [*args, *keywords.values()]
    inside = [v for v in flat if v.is_tensor or v.kind is Kind.MAYBE]
    inside += [element(v) for v in flat if v.kind in (Kind.MANY, Kind.SEQUENCE)]
    inside = [v for v in inside if v.is_tensor or v.kind is Kind.MAYBE]
    if last in knowledge.CREATION:
        side = side_of(keywords["device"]) if "device" in keywords else False
        return tensor(machine.survey.uses_device if side is None else side)
    grad = machine.frame.grad is not False and any(v.grad for v in inside)
    grad = grad and last not in knowledge.NO_GRAPH and not last.startswith("clip_grad")
    on = sides(*inside) if inside else None
    if last.startswith("clip_grad"):
        return tensor(machine.survey.uses_device or None)
    pair = last in knowledge.ALWAYS_PAIRS
    pair |= last in knowledge.PAIRS and (
        "dim" in keywords or (len(args) > 1 and not args[1].is_tensor)
    )
    if pair:
        return sequence([tensor(on, grad=grad), tensor(on)])
    if last in knowledge.LISTS or last in ("meshgrid", "broadcast_tensors"):
        return many(tensor(on, grad=grad))
    made = tensor(on, grad=grad)
    return made if inside else replace(made, sure=False)


def _of_others(
    machine: Machine, name: str, last: str, args: list[Value], keywords: Keywords
) -> Value:
    top = name.split(".")[0]
    if top in ("numpy", "np", "math", "time", "os", "random", "json", "scipy", "pandas", "sys"):
        return HOST
    if name.startswith(knowledge.PROGRESS) or last in ("tqdm", "trange", "track"):
        return progress(args, keywords)
    if name in ("itertools.islice", "itertools.chain", "itertools.cycle"):
        return over(loader_in(args[0]), given(args[0])) if args else UNKNOWN
    if "from_pretrained" in name or name.endswith("from_config"):
        model = any(word in name for word in ("Model", "For", "Net", "Transformer"))
        return Value(Kind.MODULE) if model else UNKNOWN
    if name.startswith(("torchvision.models.", "timm.create_model", "segmentation_models")):
        return Value(Kind.MODULE, ref=name)
    if top in ("torchvision", "torchaudio") and "dataset" in name.lower():
        return Value(Kind.DATASET, ref=name)
    if any(arg.kind in MODULES for arg in args) and last.endswith(("DataParallel", "DDP", "EMA")):
        return args[0]
    if last in ("AdamW", "Adam", "SGD", "Adafactor", "Lion", "LAMB", "FusedAdam"):
        return Value(Kind.OPTIMIZER, ref=name)
    if last[:1].isupper() and not any(arg.is_tensor for arg in args):
        # What is given a device or a model may hold device tensors: a dataset, for one.
        given_device = any(v.ref == "torch.device" or v.kind in MODULES for v in args)
        return Value(Kind.OBJECT, device=given_device or None, ref=name)
    return unknown_call(machine, args, keywords)


def progress(args: list[Value], keywords: Keywords) -> Value:
    """``tqdm(iterable)``: gives what the iterable gives."""
    inner = args[0] if args else keywords.get("iterable")
    if inner is None:
        return Value(Kind.OBJECT, ref="tqdm")
    if inner.kind in (Kind.MANY, Kind.SEQUENCE):
        return inner
    loader = loader_in(inner)
    if loader is not None:
        return over(loader, given(loader))
    return many(element(inner))
