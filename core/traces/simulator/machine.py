"""The simulated host and device: clocks, queues, and the events they write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

HOST = 4242
COMPUTE, REDUCE = 7, 20
"""Streams."""
LATENCY_US = 4.0
"""From the start of a launch call until its kernel can start on an idle device."""
GAP_US = 1.0
"""Between two operations that are both queued."""
_BASE_US = 1_700_000_000_000_000.0


@dataclass(slots=True)
class Machine:
    """Host clock, the time at which each stream is free, and the events so far (µs)."""

    now: float = 0.0
    free: dict[int, float] = field(default_factory=lambda: {COMPUTE: 0.0, REDUCE: 0.0})
    correlation: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def idle_at(self) -> float:
        """When everything launched so far is done."""
        return max(self.free.values())

    def host(self, category: str, name: str, start: float, end: float, **args: object) -> None:
        """A span of the host."""
        self.events.append(_span(category, name, HOST, HOST, start, end, args))

    def enqueue(
        self,
        category: str,
        name: str,
        call: float,
        duration: float,
        stream: int = COMPUTE,
        **args: Any,
    ) -> float:
        """Put work on a stream by the call that starts at ``call``; returns when it ends."""
        start = max(self.free[stream] + GAP_US, call + LATENCY_US)
        self.free[stream] = start + duration
        args |= {"device": 0, "stream": stream, "correlation": self.correlation}
        self.events.append(_span(category, name, 0, stream, start, self.free[stream], args))
        return self.free[stream]

    def call(self, name: str, start: float, end: float) -> None:
        """A runtime call with the current correlation."""
        self.host("cuda_runtime", name, start, end, correlation=self.correlation)

    def wait_event(self, stream: int, other: int) -> None:
        """Let ``stream`` go on only when what ``other`` has been given so far is done."""
        self.correlation += 1
        self.call("cudaStreamWaitEvent", self.now, self.now + 1)
        self.now += 1
        self.free[stream] = max(self.free[stream], self.free[other])


def _span(
    category: str, name: str, process: int, thread: int, start: float, end: float, args: object
) -> dict[str, Any]:
    return {
        "ph": "X",
        "cat": category,
        "name": name,
        "pid": process,
        "tid": thread,
        "ts": round(_BASE_US + start, 3),
        "dur": round(end - start, 3),
        "args": args,
    }
