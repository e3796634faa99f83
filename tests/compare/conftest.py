"""Simulated and real traces to compare."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.traces import SimulatorSettings, Trace, simulate, simulate_trace

SHARED = Path(__file__).parents[2].parent / "shared" / "traces"
WORKERS_0 = "resnet50_num_workers_0.pt.trace.json.gz"
WORKERS_4 = "resnet50_num_workers_4.pt.trace.json.gz"


@pytest.fixture(scope="session")
def resnets() -> tuple[Path, Path]:
    """Two real profiles of one training, with no workers and with four."""
    pair = SHARED / WORKERS_0, SHARED / WORKERS_4
    if not all(path.exists() for path in pair):
        pytest.skip("the real traces are not on this machine")
    return pair


@pytest.fixture(scope="session")
def simulated() -> Callable[..., Trace]:
    """A simulated trace with the given settings."""

    def make(**settings: Any) -> Trace:
        return simulate_trace(SimulatorSettings(**settings))

    return make


@pytest.fixture
def write_trace() -> Callable[..., Path]:
    """Write a simulated trace; settings as keywords."""

    def write(path: Path, **settings: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(simulate(SimulatorSettings(**settings))))
        return path

    return write
