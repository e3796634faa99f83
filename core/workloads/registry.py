"""What can be trained: the built-ins and the user's own allow-listed entry points. Torch-free.

A user's workload may import anything, torch included, so everything that needs it to be imported
happens in a child process (``python -m core.workloads.describe``) or in the job itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import BadInput, NotAllowed, NotFound
from core.settings import settings
from core.workloads.params import (
    CharsParams,
    CommonParams,
    DigitsParams,
    Kind,
    Param,
    PhotosParams,
    parse,
    schema_of,
)

DESCRIBE_LIMIT_S = 120.0
"""A user's module that takes longer to import counts as broken."""


@dataclass(frozen=True, slots=True)
class WorkloadInfo:
    """What is known about a workload without importing it.

    Attributes:
        name: what specs and the command line carry.
        params: its parameter model; None for a user's own, which only a child process knows.
        target: ``module:attribute`` of the Workload object.
    """

    name: str
    title: str
    description: str
    params: type[CommonParams] | None
    target: str
    builtin: bool


_BUILTIN = (
    WorkloadInfo(
        "chars",
        "Characters",
        "A small transformer learns to continue the manual that comes with Python.",
        CharsParams,
        "core.workloads.chars:workload",
        True,
    ),
    WorkloadInfo(
        "digits",
        "Handwritten digits",
        "A convolutional network on few of scikit-learn's real digits, some labelled wrongly: "
        "it overfits within a minute.",
        DigitsParams,
        "core.workloads.digits:workload",
        True,
    ),
    WorkloadInfo(
        "photos",
        "Photographs",
        "Thousands of JPEG files, decoded and augmented one by one: the DataLoader is the "
        "bottleneck.",
        PhotosParams,
        "core.workloads.photos:workload",
        True,
    ),
)


def catalogue() -> tuple[WorkloadInfo, ...]:
    """The built-ins, then the user's allow-listed entry points (GPULSE_WORKLOADS)."""
    own = tuple(
        WorkloadInfo(
            target, target.partition(":")[2] or target, "Your own workload.", None, target, False
        )
        for target in dict.fromkeys(settings().workloads)
    )
    return _BUILTIN + own


def info(name: str) -> WorkloadInfo:
    """The workload of this name.

    Raises:
        NotAllowed: an entry point that is not in the allow-list.
        NotFound: no workload has this name.
    """
    known = catalogue()
    for entry in known:
        if entry.name == name:
            return _checked(entry)
    if ":" in name:
        raise NotAllowed(
            f"Workload {name!r} is not in the allow-list. Add it to GPULSE_WORKLOADS to run it."
        )
    names = ", ".join(sorted(entry.name for entry in known))
    raise NotFound(f"Unknown workload {name!r}. Available: {names}.")


def _checked(entry: WorkloadInfo) -> WorkloadInfo:
    module, _, attribute = entry.target.partition(":")
    parts = [*module.split("."), attribute]
    if not all(part.isidentifier() for part in parts):
        raise BadInput(
            f"{entry.target!r} in GPULSE_WORKLOADS is not an entry point. "
            "Write it as package.module:workload."
        )
    return entry


def validate(name: str, params: Mapping[str, object], kind: Kind = "train") -> dict[str, object]:
    """Check the parameters of a job and fill in its defaults.

    Args:
        name: a workload of :func:`catalogue`.
        params: values, also as the strings of a command line.
        kind: ``train``, ``profile`` (one epoch, some profiled steps) or ``tune`` (TuneParams).

    Returns:
        All parameters, ready for JSON.

    Raises:
        NotFound, NotAllowed: see :func:`info`.
        BadInput: one line naming the parameter, its bound and the value; or why the user's
            workload cannot be loaded.
    """
    entry = info(name)
    if entry.params is not None:
        return parse(entry.params, params, kind).model_dump(mode="json")
    return _ask(entry, {"params": _plain(params), "kind": kind})["params"]


def schema(name: str, kind: Kind = "train") -> list[Param]:
    """The parameters of a job kind, in the order of the form.

    For a user's own workload this starts a process that imports it (seconds): cache the answer.

    Raises:
        NotFound, NotAllowed, BadInput: as :func:`validate`.
    """
    entry = info(name)
    if entry.params is not None:
        return schema_of(entry.params, kind)
    rows = _ask(entry, {"params": {}, "kind": kind})["schema"]
    return [Param(**{**row, "choices": tuple(row["choices"])}) for row in rows]


def _plain(params: Mapping[str, object]) -> dict[str, object]:
    for name, value in params.items():
        if not isinstance(name, str) or not isinstance(value, (str, int, float, bool)):
            raise BadInput(f"{name} must be a number, true, false or a text, got {value!r}.")
    return dict(params)


def _ask(entry: WorkloadInfo, question: dict[str, Any]) -> dict[str, Any]:
    """Let a child process import a user's workload and answer about it."""
    command = [sys.executable, "-m", "core.workloads.describe", entry.name]
    try:
        child = subprocess.run(
            command,
            input=json.dumps(question),
            capture_output=True,
            text=True,
            timeout=DESCRIBE_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        raise BadInput(
            f"Workload {entry.name!r} took more than {DESCRIBE_LIMIT_S:.0f} s to import. "
            "Move slow work into datasets()."
        ) from None
    lines = child.stdout.strip().splitlines()
    try:
        answer = json.loads(lines[-1]) if lines else None
    except ValueError:
        answer = None
    if child.returncode != 0 or not isinstance(answer, dict):
        trouble = child.stderr.strip().splitlines() or [f"exit code {child.returncode}"]
        raise BadInput(f"Workload {entry.name!r} cannot be loaded: {trouble[-1].strip()}")
    if "error" in answer:
        raise BadInput(answer["error"])
    return answer
