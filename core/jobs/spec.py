"""What is asked for: a job spec, validated before anything is stored or started."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from core import workloads
from core.errors import BadInput
from core.jobs.devices import check_device, check_syntax
from core.jobs.model import Kind, Needs
from core.promises import Promised
from core.settings import settings

_NAME = r"^[A-Za-z_][\w.\-]*(:[A-Za-z_][\w.]*)?$"
_ID = r"^[A-Za-z0-9][\w\-]*$"


class JobSpec(BaseModel):
    """A validated request for a job; :func:`make_spec` makes it.

    Attributes:
        kind: what to do with the workload.
        workload: name in the catalogue, or an allow-listed ``package.module:workload``.
        params: full parameters, defaults included.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        parent: id of the job that this one reruns.
        needs: what it takes of a machine.
        priority: -100 to 100; of the queued jobs the highest is next.
        retries: how often it may begin again where it was lost.
        note: what its user wants to remember about it.
        family: what it belongs to together with other jobs, a sweep for example.
        resume: go on from the last checkpoint of the parent.
        promise: what the change to the parent was said to bring.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    workload: Annotated[str, StringConstraints(max_length=200, pattern=_NAME)]
    params: dict[str, Any]
    device: Annotated[str, StringConstraints(max_length=16)] = "auto"
    parent: Annotated[str, StringConstraints(max_length=120, pattern=_ID)] | None = None
    needs: Needs = Field(default_factory=lambda: Needs(gpus=-1))
    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    retries: Annotated[int, Field(ge=0, le=20)] = 0
    note: Annotated[str, StringConstraints(max_length=2_000)] = ""
    family: Annotated[str, StringConstraints(max_length=120)] = ""
    resume: bool = False
    promise: Promised | None = None


def make_spec(
    kind: str,
    workload: str,
    params: Mapping[str, object],
    device: str = "auto",
    parent: str | None = None,
    needs: Mapping[str, object] | None = None,
    **more: object,
) -> JobSpec:
    """Check everything that can be checked before a job process starts.

    Args:
        kind: "train", "profile" or "tune".
        workload: name in the catalogue of workloads.
        params: those that differ from the defaults; strings of a command line are understood.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        parent: id of the job that this one reruns.
        needs: fields of :class:`Needs` that differ from one core of the CPU and the GPU, if there
            is one, that the device asks for.
        more: ``priority``, ``retries``, ``note``, ``family``, ``resume``, ``promise``.

    Raises:
        BadInput: one line on what is wrong (NotFound and NotAllowed for the workload).
    """
    if kind not in get_args(Kind):
        raise BadInput(f"Unknown kind {kind[:40]!r}. Choose train, profile or tune.")
    if parent is not None and not re.fullmatch(_ID, parent):
        raise BadInput(f"{parent[:80]!r} is not the id of a job. List the jobs to see their ids.")
    known = cast(Kind, kind)
    full = workloads.validate(workload, params, known)
    if settings().engine == "local":
        check_device(device)
    else:
        check_syntax(device)
    request = {"kind": known, "workload": workload, "params": full, "device": device}
    try:
        return JobSpec(**request, parent=parent, needs=_needs(needs or {}), **more)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{name}: {first['msg']}.") from None


_BOUNDS: dict[str, tuple[float, float]] = {
    "cpus": (1, 4096),
    "gpus": (-1, 1024),
    "memory_mib": (0, 2**31),
    "time_limit_s": (0, 31_536_000),
    "processes": (1, 256),
    "nodes": (1, 1024),
    "share_gpu": (0, 1),
}
"""What a request may ask for; the engine refuses what it can never give."""


def _needs(asked: Mapping[str, object]) -> Needs:
    """Needs as numbers within their bounds.

    Raises:
        BadInput: a name is not known, a value is no number or out of bounds.
    """
    found: dict[str, Any] = {"gpus": -1}
    for name, value in asked.items():
        if name not in _BOUNDS:
            raise BadInput(f"Unknown need {name[:40]!r}. Choose of {', '.join(_BOUNDS)}.")
        low, high = _BOUNDS[name]
        try:
            number = float(str(value).lower().replace("true", "1").replace("false", "0"))
        except ValueError:
            number = math.nan
        if not low <= number <= high:
            raise BadInput(f"{name} must be a number from {low:g} to {high:g}, got {value!r}.")
        found[name] = type(getattr(Needs(), name))(number)
    return Needs(**found)
