"""What the parameter models are made of: fields with help and a group of the form. Torch-free."""

from __future__ import annotations

import os
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Group = Literal["training", "data", "mistakes", "profile"]


def core_count() -> int:
    """CPU cores that this process may use (its affinity, where the system tells)."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def field(group: Group, help_text: str, default: Any, **bounds: Any) -> Any:
    return Field(
        default, description=help_text, json_schema_extra={"group": group}, validate_default=True,
        **bounds,
    )  # fmt: skip


class Params(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True
    )
