"""Files that are complete or not there: written under another name, then renamed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` make a file next to ``path``, then put it in its place in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a JSON file in one step; numbers that JSON does not have become null.

    A reader that polls the file sees the old content or the new, never half of one.
    """
    text = json.dumps(content, allow_nan=False)
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
