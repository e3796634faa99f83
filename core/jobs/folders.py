"""Folders and small files of the job room: absolute paths, atomic JSON, one-line errors."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import core
from core.errors import BadInput
from core.settings import settings

PROJECT_ROOT = Path(core.__file__).resolve().parents[1]
"""The folder that ``core`` is imported from; job processes import the same one."""


def state_folder() -> Path:
    """The state folder, absolute, made where it is missing.

    Raises:
        BadInput: it cannot be made or written.
    """
    return writable_folder(settings().state_dir, "state", "GPULSE_STATE_DIR")


def runs_folder() -> Path:
    """The folder that jobs write below, absolute, made where it is missing.

    Raises:
        BadInput: it cannot be made or written.
    """
    return writable_folder(settings().runs_dir, "runs", "GPULSE_RUNS_DIR")


def writable_folder(folder: Path, what: str, variable: str) -> Path:
    """``folder`` made absolute, existing and writable, or BadInput naming the variable to set."""
    folder = folder.expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, what, variable, error.strerror) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise unwritable(folder, what, variable, "permission denied")
    return folder


def unwritable(folder: Path, what: str, variable: str, why: str | None) -> BadInput:
    """The one line for a folder that cannot be written."""
    return BadInput(
        f"The {what} folder {folder} cannot be written ({why or 'unknown reason'}). "
        f"Set {variable} to a folder that you may write."
    )


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a JSON file in one step: readers see the old content or the new, never a part."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        scratch.write_text(json.dumps(content, indent=1), encoding="utf-8")
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file, or None where there is none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
