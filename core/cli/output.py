"""What goes to stdout and what to stderr."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any


def say(text: str) -> None:
    """A message for people: stdout is the answer's alone."""
    print(text, file=sys.stderr, flush=True)


def show(answer: Any, *, as_json: bool) -> None:
    """Print the answer of a verb."""
    answer = _jsonable(answer)
    print(json.dumps(answer, ensure_ascii=False, allow_nan=False) if as_json else _text(answer))


def _jsonable(value: Any) -> Any:
    """Strict JSON: non-finite numbers become null, paths become text, tuples become lists."""
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _text(value: Any) -> str:
    """A record as readable lines: ``key: value``, nested values as compact JSON."""
    if isinstance(value, list):
        return "\n\n".join(_text(item) for item in value)
    if isinstance(value, dict):
        return "\n".join(
            f"{key}: {item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)}"
            for key, item in value.items()
        )
    return str(value)
