"""Importing a workload: only the allow-listed ones, never from a string that was not listed."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from core.errors import BadInput
from core.workloads.params import CommonParams
from core.workloads.registry import info

if TYPE_CHECKING:
    from core.workloads.base import Workload

_METHODS = ("datasets", "model", "loss", "metrics", "prepare", "images", "text")


def load(name: str) -> Workload:
    """Import a workload of the catalogue. Imports torch.

    Raises:
        NotFound, NotAllowed: see :func:`core.workloads.registry.info`.
        BadInput: its target is not a Workload. Whatever the user's module itself raises on import
            passes through: its last line is what the page shows.
    """
    entry = info(name)
    module_name, _, attribute = entry.target.partition(":")
    module = importlib.import_module(module_name)
    found = getattr(module, attribute, None)
    if found is None:
        raise BadInput(f"Workload {name!r}: module {module_name} has no {attribute!r}.")
    if isinstance(found, type):
        found = found()
    missing = [method for method in _METHODS if not callable(getattr(found, method, None))]
    if missing:
        raise BadInput(
            f"Workload {name!r} lacks {', '.join(missing)}. Derive it from "
            "core.workloads.base.Workload."
        )
    params = getattr(found, "Params", None)
    if not (isinstance(params, type) and issubclass(params, CommonParams)):
        raise BadInput(f"Workload {name!r}: Params must derive from core.workloads.CommonParams.")
    return found
