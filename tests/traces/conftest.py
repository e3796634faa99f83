"""Hand-made traces and the real ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.traces import Trace, load_trace, parse_trace

SHARED = Path(__file__).parents[2].parent / "shared" / "traces"


@pytest.fixture(scope="session")
def real() -> Callable[[str], Trace]:
    """Load a real trace by file name; the test skips where the shared data is absent."""
    loaded: dict[str, Trace] = {}

    def load(name: str) -> Trace:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"the real trace {name} is not on this machine")
        if name not in loaded:
            loaded[name] = load_trace(path)
        return loaded[name]

    return load


@pytest.fixture(scope="session")
def span() -> Callable[..., dict[str, Any]]:
    """One Kineto event: ``span(category, name, start, duration, thread=1, **args)``."""

    def make(
        category: str, name: str, start: float, duration: float, thread: Any = 1, **args: Any
    ) -> dict[str, Any]:
        on_device = category.lower() in {"kernel", "gpu_memcpy", "gpu_memset", "memcpy", "memset"}
        if on_device:
            args = {"device": 0, "stream": 7} | args
        return {
            "ph": "X",
            "cat": category,
            "name": name,
            "pid": 0 if on_device else 100,
            "tid": 7 if on_device else thread,
            "ts": start,
            "dur": duration,
            "args": args,
        }

    return make


@pytest.fixture(scope="session")
def trace_of() -> Callable[..., Trace]:
    """A trace of the given events."""

    def make(events: list[dict[str, Any]], **top: Any) -> Trace:
        return parse_trace(json.dumps({**top, "traceEvents": events}).encode())

    return make
