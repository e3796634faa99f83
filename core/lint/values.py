"""What the doctor knows of a value: a tensor, on which side, with a graph; or what else it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any


class Kind(Enum):
    """What a value is."""

    UNKNOWN = auto()
    MAYBE = auto()
    """What an unknown call made out of tensors: perhaps one, perhaps a number."""
    TENSOR = auto()
    TENSORS = auto()
    """A batch or the output of a model: a tensor, or a structure of some."""
    HOST = auto()
    """A plain Python or numpy value; reading it waits for nobody."""
    MODULE = auto()
    LOSS = auto()
    """A module whose output is one tensor."""
    OPTIMIZER = auto()
    LOADER = auto()
    DATASET = auto()
    NAME = auto()
    """Something imported; ``ref`` is its full dotted name."""
    FUNCTION = auto()
    CLASS = auto()
    OBJECT = auto()
    """An instance; ``ref`` is its class or the dotted name of it."""
    SEQUENCE = auto()
    """A tuple or list whose elements are known one by one (``items``)."""
    MANY = auto()
    """A container of any length; ``items[0]`` stands for each element."""


TENSOR_LIKE = frozenset({Kind.TENSOR, Kind.TENSORS})
CONTAINERS = frozenset({Kind.SEQUENCE, Kind.MANY})
MODULES = frozenset({Kind.MODULE, Kind.LOSS})
MAX_DEPTH = 3
"""Containers nested deeper than this are not followed."""
MAX_WIDTH = 32
"""Of longer lists only what all elements have in common is kept."""


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of a value.

    Attributes:
        kind: see :class:`Kind`.
        device: True where it is on the accelerator, False on the host, None unknown.
        grad: whether it may carry the graph of its making.
        sure: False where it is something else on another path.
        ref: what it refers to: a dotted name, a function, a class, the facts of the DataLoaders
            it may be (or be a batch of), a constant (of a HOST value).
        items: elements of a SEQUENCE, or the one that stands for all of MANY.
        bound: the object of a bound method.
        depth: how deep ``items`` go.
    """

    kind: Kind = Kind.UNKNOWN
    device: bool | None = None
    grad: bool = False
    sure: bool = True
    ref: Any = None
    items: tuple[Value, ...] = ()
    bound: Value | None = None
    depth: int = 0

    @property
    def is_vague(self) -> bool:
        """What its uses in the script may tell more of."""
        foreign = self.kind is Kind.OBJECT and isinstance(self.ref, str)
        return self.kind in (Kind.UNKNOWN, Kind.MAYBE) or foreign or not self.sure

    @property
    def is_tensor(self) -> bool:
        """A tensor, or a structure of tensors."""
        return self.kind in TENSOR_LIKE


UNKNOWN = Value()
HOST = Value(Kind.HOST, device=False)


def tensor(device: bool | None = None, *, grad: bool = False) -> Value:
    """One tensor."""
    return Value(Kind.TENSOR, device, grad)


def constant(value: object) -> Value:
    """A literal."""
    return Value(Kind.HOST, device=False, ref=value if isinstance(value, (str, int)) else None)


def named(dotted: str) -> Value:
    """Something imported."""
    return Value(Kind.NAME, ref=dotted)


def sequence(items: Iterable[Value]) -> Value:
    """A tuple or list of known elements."""
    items = tuple(items)
    if len(items) > MAX_WIDTH:
        return many(either_of(items))
    depth = 1 + max((item.depth for item in items), default=0)
    return Value(Kind.SEQUENCE, items=items, depth=depth) if depth <= MAX_DEPTH else UNKNOWN


def many(item: Value) -> Value:
    """A container of any number of such elements."""
    if item.depth >= MAX_DEPTH:
        return UNKNOWN
    return Value(Kind.MANY, items=(item,), depth=item.depth + 1)


def either(a: Value | None, b: Value | None) -> Value:
    """What holds where a value is ``a`` on one path and ``b`` on another."""
    if a is None or b is None or a == b:
        return a or b or UNKNOWN
    if Kind.UNKNOWN in (a.kind, b.kind):
        return replace(a if b.kind is Kind.UNKNOWN else b, sure=False)
    if a.is_tensor and b.is_tensor:
        return _tensors(a, b)
    if a.kind is b.kind or {a.kind, b.kind} == CONTAINERS:
        return _same_kind(a, b)
    for value, other in ((a, b), (b, a)):
        if value.is_tensor and other.kind in (Kind.HOST, Kind.MAYBE):
            return replace(value, sure=False)
    if Kind.MAYBE in (a.kind, b.kind) or a.is_tensor or b.is_tensor:
        return Value(Kind.MAYBE, device=sides(a, b), grad=a.grad or b.grad)
    return UNKNOWN


def either_of(values: Iterable[Value]) -> Value:
    """What holds of any of these values."""
    found: Value | None = None
    for value in values:
        found = either(found, value)
    return found or UNKNOWN


def _tensors(a: Value, b: Value) -> Value:
    kind = a.kind if a.kind is b.kind else Kind.TENSORS
    return Value(kind, sides(a, b), a.grad or b.grad, a.sure and b.sure, _shared_ref(a, b))


def _shared_ref(a: Value, b: Value) -> Any:
    """What both refer to; of DataLoaders all that it may be."""
    if isinstance(a.ref, frozenset) and isinstance(b.ref, frozenset):
        return a.ref | b.ref
    return a.ref if a.ref == b.ref else None


def _same_kind(a: Value, b: Value) -> Value:
    if a.kind in (Kind.FUNCTION, Kind.CLASS, Kind.NAME):
        return a if a.ref == b.ref else UNKNOWN
    if a.kind is Kind.HOST:
        return max(a, b, key=lambda value: side_of(value) is True)
    if a.kind is b.kind is Kind.SEQUENCE and len(a.items) == len(b.items):
        return sequence(either(x, y) for x, y in zip(a.items, b.items, strict=True))
    if a.kind in CONTAINERS:
        held = [item for value in (a, b) for item in value.items]
        ref = a.ref if a.ref == b.ref or b.ref is None else None
        return replace(many(either_of(held)), ref=ref)
    return Value(a.kind, sides(a, b), a.grad or b.grad, a.sure and b.sure, _shared_ref(a, b))


def sides(*values: Value) -> bool | None:
    """Where the result of an operation on these is: on the device if any of them is."""
    known = [v.device for v in values if v.is_tensor or v.kind is Kind.MAYBE]
    if True in known:
        return True
    return False if known and None not in known else None


def side_of(value: Value) -> bool | None:
    """What a value says as an argument for a device: True accelerator, False the CPU."""
    if value.kind is Kind.OBJECT and value.ref == "torch.device":
        return value.device
    if value.is_tensor:
        return value.device
    if isinstance(value.ref, str) and value.kind is Kind.HOST:
        name = value.ref.split(":")[0]
        return True if name in ("cuda", "mps", "xpu", "npu", "hpu") else _cpu(name)
    if isinstance(value.ref, int) and not isinstance(value.ref, bool):
        return True
    return None


def _cpu(name: str) -> bool | None:
    return False if name == "cpu" else None


def element(value: Value) -> Value:
    """What iterating over a value, or indexing it, gives."""
    if value.kind in (Kind.SEQUENCE, Kind.MANY):
        return either_of(value.items)
    if value.is_tensor or value.kind is Kind.MAYBE:
        return value
    return HOST if value.kind is Kind.HOST else UNKNOWN
