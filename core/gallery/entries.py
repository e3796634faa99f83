"""Which killers there are, what the diagnosis calls them, and where their traces come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

from core.errors import NotFound
from core.traces import SimulatorSettings

RECORDINGS = Path(__file__).parent / "recordings"
NOTES = RECORDINGS / "recorded.json"


@dataclass(frozen=True, slots=True)
class Try:
    """A profile job of a built-in workload that makes the same mistake.

    Attributes:
        workload: its name.
        params: what to set; everything else keeps its default.
        needs_gpu: whether the mistake costs nothing without one.
    """

    workload: str
    params: Mapping[str, object]
    needs_gpu: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One killer.

    Attributes:
        key: what texts, scripts and recordings are found by.
        rule: what the diagnosis of its trace comes out with first (docs/rules.md).
        simulated: settings before and after the fix; None where both traces are recorded.
        trial: how to make the mistake oneself, None where no workload can.
    """

    key: str
    rule: str
    simulated: tuple[SimulatorSettings, SimulatorSettings] | None = None
    trial: Try | None = None

    def recording(self, side: str) -> Path:
        """File of the recorded trace ``before`` or ``after`` the fix."""
        return RECORDINGS / f"{self.key}.{side}.pt.trace.json.gz"


@dataclass(frozen=True, slots=True)
class Machine:
    """Where, when and of what an entry was recorded.

    Attributes:
        date: ISO, UTC.
        cpu: the processor's name.
        cores: that the recording could use.
        torch, python: versions.
        code: :func:`core.gallery.scripts.digest` of the scripts.
    """

    date: str
    cpu: str
    cores: int
    torch: str
    python: str
    code: str


_FED = SimulatorSettings(workers=4, data_ms=10.0, kernel_us=60.0)
"""A DataLoader that keeps up: what is simulated here are the other killers."""

ENTRIES: tuple[Entry, ...] = (
    Entry("no-workers", "D1", trial=Try("photos", {"num_workers": 0})),
    Entry("python-preprocessing", "F2"),
    Entry(
        "implicit-sync",
        "S1",
        (
            replace(_FED, python_ms=5.0, sync_every_step=True),
            replace(_FED, python_ms=5.0),
        ),
        Try("digits", {"sync_every_step": True}, needs_gpu=True),
    ),
    Entry(
        "pageable-copies",
        "H1",
        (
            replace(_FED, kernels=100, kernel_us=50.0, pinned=False),
            replace(_FED, kernels=100, kernel_us=50.0),
        ),
        Try("photos", {"num_workers": 2, "pin_memory": False}, needs_gpu=True),
    ),
    Entry(
        "tiny-kernels",
        "L1",
        (
            replace(_FED, kernels=1000, kernel_us=4.0, launch_us=10.0, steps=4),
            replace(_FED, kernels=1000, kernel_us=4.0, launch_us=1.0, steps=4),
        ),
        Try("chars", {"width": 16, "layers": 8, "batch_size": 4}, needs_gpu=True),
    ),
    Entry("optimizer-loop", "L2"),
    Entry("indexing-loop", "F3"),
    Entry(
        "allocator-churn",
        "A1",
        (
            replace(_FED, allocations=20),
            _FED,
        ),
    ),
    Entry(
        "bare-communication",
        "C1",
        (
            replace(_FED, communication_ms=4.0, overlap=False),
            replace(_FED, communication_ms=4.0),
        ),
    ),
)
"""In the order of the page."""

_BY_RULE = MappingProxyType({"S2": "S1", "D4": "F2", "F1": "L1"})
"""Rules that speak of the same killer as the one that an entry has."""


def get(key: str) -> Entry:
    """The entry of this key.

    Raises:
        NotFound: there is none.
    """
    for entry in ENTRIES:
        if entry.key == key:
            return entry
    raise NotFound(f"The gallery has no {key!r}. It has {', '.join(e.key for e in ENTRIES)}.")


def for_rule(rule: str) -> Entry | None:
    """The entry that explains a finding of this rule, None where there is none."""
    wanted = _BY_RULE.get(rule, rule)
    return next((entry for entry in ENTRIES if entry.rule == wanted), None)


@cache
def _notes() -> dict[str, Machine]:
    content = json.loads(NOTES.read_text(encoding="utf-8"))
    return {key: Machine(**row) for key, row in content.items()}


def machine(entry: Entry) -> Machine:
    """Where and when the traces of a recorded entry were made.

    Raises:
        NotFound: it is simulated.
    """
    try:
        return _notes()[entry.key]
    except KeyError:
        raise NotFound(f"The traces of {entry.key!r} are simulated, not recorded.") from None
