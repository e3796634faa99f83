"""What attributes of values are."""

from __future__ import annotations

from dataclasses import replace

from core.lint import knowledge
from core.lint.facts import ClassInfo
from core.lint.values import HOST, MODULES, UNKNOWN, Kind, Value, named, tensor


def attribute(base: Value, name: str) -> Value:
    """What an attribute of a value is."""
    if base.kind is Kind.NAME:
        return named(f"{base.ref}.{name}")
    if base.is_tensor:
        return _tensor_attribute(base, name)
    if isinstance(base.ref, ClassInfo) and base.kind is not Kind.CLASS:
        method = base.ref.methods.get(name)
        if method is not None:
            return Value(Kind.FUNCTION, ref=method, bound=base)
        if name in base.ref.attrs:
            return base.ref.attrs[name]
    if isinstance(base.ref, ClassInfo) and name in base.ref.methods:
        return Value(Kind.FUNCTION, ref=base.ref.methods[name])
    if base.kind in MODULES and name == "module":
        return base
    return HOST if base.kind is Kind.HOST else UNKNOWN


def _tensor_attribute(base: Value, name: str) -> Value:
    if name in knowledge.HOST_ATTRIBUTES:
        if name == "device":
            return Value(Kind.OBJECT, device=base.device, ref="torch.device")
        return HOST
    if name in ("data", "grad"):
        return tensor(base.device)
    if name in knowledge.TENSOR_ATTRIBUTES or name in knowledge.OUTPUT_ATTRIBUTES:
        return tensor(base.device, grad=base.grad)
    return replace(base, sure=False) if base.kind is Kind.TENSORS else UNKNOWN
