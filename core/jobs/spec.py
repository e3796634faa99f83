"""What is asked for: a job spec, validated before anything is stored or started."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, cast, get_args

from pydantic import BaseModel, ConfigDict, StringConstraints

from core import workloads
from core.errors import BadInput
from core.jobs.devices import check_device
from core.jobs.model import Kind

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
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    workload: Annotated[str, StringConstraints(max_length=200, pattern=_NAME)]
    params: dict[str, Any]
    device: Annotated[str, StringConstraints(max_length=16)] = "auto"
    parent: Annotated[str, StringConstraints(max_length=120, pattern=_ID)] | None = None


def make_spec(
    kind: str,
    workload: str,
    params: Mapping[str, object],
    device: str = "auto",
    parent: str | None = None,
) -> JobSpec:
    """Check everything that can be checked before a job process starts.

    Args:
        kind: "train", "profile" or "tune".
        workload: name in the catalogue of workloads.
        params: those that differ from the defaults; strings of a command line are understood.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        parent: id of the job that this one reruns.

    Raises:
        BadInput: one line on what is wrong (NotFound and NotAllowed for the workload).
    """
    if kind not in get_args(Kind):
        raise BadInput(f"Unknown kind {kind[:40]!r}. Choose train, profile or tune.")
    if parent is not None and not re.fullmatch(_ID, parent):
        raise BadInput(f"{parent[:80]!r} is not the id of a job. List the jobs to see their ids.")
    known = cast(Kind, kind)
    full = workloads.validate(workload, params, known)
    check_device(device)
    return JobSpec(kind=known, workload=workload, params=full, device=device, parent=parent)
