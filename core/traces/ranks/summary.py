"""What is kept of one rank once it was read: its diagnosis as JSON, and its collectives.

A few hundred kilobytes where the trace has gigabytes, so that hundreds of ranks fit in memory,
travel between processes, and are kept in the state folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from core.traces.case import make_case
from core.traces.diagnosis import diagnose
from core.traces.intervals import union
from core.traces.loading import load_trace
from core.traces.ranks.collectives import Collectives, collectives_of
from core.traces.ranks.facts import Facts


@dataclass(frozen=True, slots=True, eq=False)
class RankSummary:
    """One rank.

    Attributes:
        diagnosis: the ``diagnose`` record of its trace.
        start_us, end_us: its window, on the axis of its trace.
        zero_ns: where 0 of that axis lies on the clock of its machine, in ns.
        collectives: what is matched with other ranks.
    """

    diagnosis: dict[str, Any]
    start_us: float
    end_us: float
    zero_ns: int
    collectives: Collectives

    @property
    def length_us(self) -> float:
        """Length of the window."""
        return self.end_us - self.start_us


class _Wire(msgspec.Struct):
    """A summary as bytes."""

    diagnosis: dict[str, Any]
    start_us: float
    end_us: float
    zero_ns: int
    keys: list[tuple[str, str, str]]
    key: bytes
    start: bytes
    end: bytes
    exposed_start: bytes
    exposed_end: bytes


def summarise(path: Path) -> RankSummary:
    """Read and diagnose one rank.

    Raises:
        NotFound: there is no such file.
        Unreadable: it is not a trace, or spans no time.
    """
    facts = Facts()
    trace = load_trace(path, facts.watch)
    facts.finish()
    case = make_case(trace)
    return RankSummary(
        diagnosis=diagnose(trace, case.device).to_json(),
        start_us=case.window.start_us,
        end_us=case.window.end_us,
        zero_ns=facts.base_ns + trace.base_ns,
        collectives=collectives_of(case, facts.calls),
    )


def pack(summary: RankSummary) -> bytes:
    """A summary as bytes."""
    calls = summary.collectives
    wire = _Wire(
        diagnosis=summary.diagnosis,
        start_us=summary.start_us,
        end_us=summary.end_us,
        zero_ns=summary.zero_ns,
        keys=list(calls.keys),
        key=calls.key.tobytes(),
        start=calls.start.tobytes(),
        end=calls.end.tobytes(),
        exposed_start=calls.exposed.start.tobytes(),
        exposed_end=calls.exposed.end.tobytes(),
    )
    return msgspec.msgpack.encode(wire)


def unpack(content: bytes) -> RankSummary | None:
    """The summary of bytes, None where they are none."""
    try:
        wire = msgspec.msgpack.decode(content, type=_Wire)
        start, end = np.frombuffer(wire.start), np.frombuffer(wire.end)
        key = np.frombuffer(wire.key, np.int32)
        exposed = union(np.frombuffer(wire.exposed_start), np.frombuffer(wire.exposed_end))
    except (msgspec.DecodeError, ValueError):
        return None
    if not start.size == end.size == key.size:
        return None
    calls = Collectives(start, end, key, tuple(wire.keys), exposed)
    return RankSummary(wire.diagnosis, wire.start_us, wire.end_us, wire.zero_ns, calls)
