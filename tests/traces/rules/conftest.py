"""A small timeline to plant causes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from core.traces import Diagnosis, Finding, Trace, diagnose


class Timeline:
    """Steps of 1,000 µs on one host thread, filled by the test."""

    def __init__(self, span: Callable[..., dict[str, Any]], trace_of: Callable[..., Trace]) -> None:
        self.span, self.trace_of = span, trace_of
        self.events: list[dict[str, Any]] = []
        self.correlation = 0
        self.top: dict[str, Any] = {}

    def steps(self, count: int = 3, length: float = 1000.0) -> Timeline:
        for number in range(count):
            self.host(f"ProfilerStep#{number}", number * length, length, kind="user_annotation")
        return self

    def host(
        self, name: str, start: float, length: float, *, kind: str = "cpu_op", **args: Any
    ) -> None:
        self.events.append(self.span(kind, name, start, length, **args))

    def work(
        self,
        name: str,
        call: float,
        start: float,
        length: float,
        *,
        kind: str = "kernel",
        by: str = "cudaLaunchKernel",
        call_length: float = 2.0,
        **args: Any,
    ) -> None:
        """Device work and the call that launched it."""
        self.correlation += 1
        self.host(by, call, call_length, kind="cuda_runtime", correlation=self.correlation)
        args["correlation"] = self.correlation
        self.events.append(self.span(kind, name, start, length, **args))

    def diagnose(self) -> Diagnosis:
        return diagnose(self.trace_of(self.events, **self.top))

    def found(self) -> dict[str, Finding]:
        return {finding.rule: finding for finding in self.diagnose().findings}


@pytest.fixture
def line(span, trace_of) -> Timeline:
    """An empty timeline."""
    return Timeline(span, trace_of)
