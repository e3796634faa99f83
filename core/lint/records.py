"""What the doctor says: a record for each line that costs time, memory or correctness."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that the doctor looks for.

    Attributes:
        key: identifier.
        title: what is wrong, a short sentence.
        why: what it does to the training.
        cost: how often it costs, one of :data:`COSTS`.
        fix: what to do instead.
    """

    key: str
    title: str
    why: str
    cost: str
    fix: str


COSTS = (
    "every step",
    "every evaluation step",
    "every epoch",
    "every sample",
    "memory",
    "correctness",
)
"""Cost classes, the worst for speed first, then what costs memory or makes results wrong."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What an open trace says of the same line.

    Attributes:
        finding: identifier of its finding.
        title: its sentence.
        cost_ms: milliseconds a step.
        share: of the window, 0 to 1.
    """

    finding: str
    title: str
    cost_ms: float
    share: float


@dataclass(frozen=True, slots=True)
class Record:
    """One line that is worth a change.

    Attributes:
        file: the script, as it was named.
        line: from 1.
        column: from 1, in characters.
        rule: identifier of the rule.
        message: what is wrong here, with the code that does it.
        why: what it does to the training.
        cost: how often, one of :data:`COSTS`.
        fix: what to do instead.
        diff: the same as a unified diff, "" where no change of text is sure to be right.
        function: name, first and last line of the function around it; outside of one
            ``<module>`` and the whole script.
        measured: what an open trace says of it.
    """

    file: str
    line: int
    column: int
    rule: str
    message: str
    why: str
    cost: str
    fix: str
    diff: str
    function: tuple[str, int, int]
    measured: tuple[Measured, ...] = field(default=())

    def to_json(self) -> dict[str, object]:
        """Plain types for the command line."""
        plain: dict[str, object] = {
            name: getattr(self, name)
            for name in ("file", "line", "column", "rule", "message", "why", "cost", "fix", "diff")
        }
        plain["measured"] = [
            {
                "finding": each.finding,
                "title": each.title,
                "cost_ms": round(each.cost_ms, 3),
                "share": round(each.share, 4),
            }
            for each in self.measured
        ]
        return plain
