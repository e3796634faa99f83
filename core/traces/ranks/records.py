"""What is said of a job: one report a rank, and the job's diagnosis with its JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.traces.labels import RANK_PARTS
from core.traces.records import Finding, Range

PARTS: tuple[str, ...] = tuple(RANK_PARTS)
"""What exposed communication is split into: waiting, transfer, and what was not matched."""


@dataclass(frozen=True, slots=True)
class RankReport:
    """One rank of a job. Percentages are of the rank's own window.

    Attributes:
        rank: its number.
        path: its trace.
        step_ms: median step, None without steps.
        window_ms: length of what was looked at.
        device: as in the diagnosis.
        device_busy_pct: None without a device.
        idle_by_cause: cause -> %; empty without a device.
        breakdown: activity -> %, sums to 100: the step breakdown with exposed communication split
            into ``PARTS``.
        communication_wait_pct: exposed communication in which it waited for a later rank.
        transfer_pct: exposed communication in which data moved.
        collectives: how many were found on another rank too.
        last_arriver_share: of those with a last arriver, the fraction this rank came to last.
        caused_wait_share: fraction of all waiting in them that is for this rank.
        behind_us: by how much it came after the last but one, summed.
        started_late_us: its window begins so much after that of the first rank.
        late_us: where it was late, longest first, on the axis of its trace.
        clock_shift_us: what its clock was corrected by; None where nothing could be matched.
        primary: the one-word answer for this rank alone.
        headline: the answer for this rank alone.
    """

    rank: int
    path: Path
    step_ms: float | None
    window_ms: float
    device: str
    device_busy_pct: float | None
    idle_by_cause: dict[str, float]
    breakdown: dict[str, float]
    communication_wait_pct: float
    transfer_pct: float
    collectives: int
    last_arriver_share: float
    caused_wait_share: float
    behind_us: float
    started_late_us: float
    late_us: tuple[Range, ...]
    clock_shift_us: float | None
    primary: str
    headline: str

    @property
    def length_ms(self) -> float:
        """What ranks are compared by: the step, or the window where there are no steps."""
        return self.window_ms if self.step_ms is None else self.step_ms

    def to_json(self) -> dict[str, object]:
        """One entry of ``ranks``."""
        return {
            "rank": self.rank,
            "trace": self.path.name,
            "step_ms": _rounded(self.step_ms),
            "window_ms": round(self.window_ms, 3),
            "device": self.device,
            "device_busy_pct": _rounded(self.device_busy_pct),
            "idle_by_cause": {key: round(v, 3) for key, v in self.idle_by_cause.items()},
            "step_breakdown": {key: round(v, 3) for key, v in self.breakdown.items()},
            "communication_wait_pct": round(self.communication_wait_pct, 3),
            "transfer_pct": round(self.transfer_pct, 3),
            "collectives": self.collectives,
            "last_arriver_share": round(self.last_arriver_share, 4),
            "caused_wait_share": round(self.caused_wait_share, 4),
            "clock_shift_us": _rounded(self.clock_shift_us),
            "primary": self.primary,
            "headline": self.headline,
        }


@dataclass(frozen=True, slots=True)
class Straggler:
    """The rank that the others wait for.

    Attributes:
        rank: its number.
        last_arriver_share: of collectives with a last arriver, the fraction it came to last.
        caused_wait_share: fraction of all waiting that is for it.
        others_wait_pct: what the others wait on average, in per cent of their windows.
        late_ms: it began its window so much after the first rank, where that explains most of the
            waiting (what held it up then lies before the profile); else 0.
        cause: its own activity that explains the rest best, a key of ``ACTIVITIES``.
        cause_pct: that activity in per cent of its window.
        others_cause_pct: the others' median of it.
    """

    rank: int
    last_arriver_share: float
    caused_wait_share: float
    others_wait_pct: float
    late_ms: float
    cause: str
    cause_pct: float
    others_cause_pct: float

    def to_json(self) -> dict[str, object]:
        """The ``straggler`` entry."""
        return {
            "rank": self.rank,
            "last_arriver_share": round(self.last_arriver_share, 4),
            "caused_wait_share": round(self.caused_wait_share, 4),
            "others_wait_pct": round(self.others_wait_pct, 3),
            "late_ms": round(self.late_ms, 3),
            "cause": self.cause,
            "cause_pct": round(self.cause_pct, 3),
            "others_cause_pct": round(self.others_cause_pct, 3),
        }


@dataclass(frozen=True, slots=True, eq=False)
class JobDiagnosis:
    """The answer for one step window of a job.

    Attributes:
        name: which window, "" where the folder holds one alone.
        world_size: ranks that the job has.
        ranks: those that could be read, ascending.
        missing: ranks of which no trace is here.
        problems: one line for each trace that could not be read.
        straggler: None where no single rank holds the others up.
        findings: C2 or C4, or none; the ranks' own are in their diagnoses.
        answer: the rank whose diagnosis is the job's: the straggler, else the slowest.
        record: the ``diagnose`` record of that rank.
        primary: the one-word answer for the job.
        headline: the answer in a sentence or two.
        notes: what limits it.
    """

    name: str
    world_size: int
    ranks: tuple[RankReport, ...]
    missing: tuple[int, ...]
    problems: tuple[str, ...]
    straggler: Straggler | None
    findings: tuple[Finding, ...]
    answer: RankReport
    record: dict[str, Any]
    primary: str
    headline: str
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The ``diagnose`` record of the answering rank, with what the job adds to it."""
        return {
            **self.record,
            "rank": self.answer.rank,
            "world_size": self.world_size,
            "capture": self.name,
            "primary": self.primary,
            "headline": self.headline,
            "straggler": None if self.straggler is None else self.straggler.to_json(),
            "findings": [
                *(finding.to_json() for finding in self.findings),
                *self.record["findings"],
            ],
            "notes": [*self.notes, *self.record["notes"]],
            "ranks": [rank.to_json() for rank in self.ranks],
            "missing_ranks": list(self.missing),
            "problems": list(self.problems),
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
