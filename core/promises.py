"""What a change was said to bring when it was launched, kept in ``job.json`` of the new job.

A comparison holds it against what was measured, also where the trace that it came from is gone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

KEY = "promise"
"""Where ``job.json`` has it."""
MOST_STEPS = 200
"""Step times kept, the first ones."""
_LONGEST_TEXT = 500
_MOST_CHANGES = 50

Plain = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Promised:
    """A change and what it was said to bring.

    Attributes:
        title: what it is for, in a sentence.
        base: id of the job that the change was made to.
        source: what foretold it: the file name of a trace, or the id of a tuning; "" for advice.
        rules: the findings that it mends; empty for a tuning or advice.
        changes: parameters that the change sets; empty where it was made by hand.
        low, high: speed-up of the step at worst and at best; None where no speed was promised.
        expected: the likeliest within them, None where there is none.
        assumption: what they stand on, in words.
        before_ms: times of the single steps that it was foretold from; empty where not known.
    """

    title: str
    base: str
    source: str = ""
    rules: tuple[str, ...] = ()
    changes: Mapping[str, Plain] = field(default_factory=dict, hash=False)
    low: float | None = None
    high: float | None = None
    expected: float | None = None
    assumption: str = ""
    before_ms: tuple[float, ...] = ()

    def made_in(self, params: Mapping[str, object]) -> bool:
        """Whether a job with these parameters makes the change."""
        return all(params.get(name) == value for name, value in self.changes.items())

    def to_json(self) -> dict[str, object]:
        """Plain types for ``job.json``."""
        return {
            "title": self.title[:_LONGEST_TEXT],
            "base": self.base,
            "source": self.source,
            "rules": list(self.rules),
            "changes": dict(self.changes),
            "low": _rounded(self.low),
            "expected": _rounded(self.expected),
            "high": _rounded(self.high),
            "assumption": self.assumption[:_LONGEST_TEXT],
            "before_ms": [round(ms, 3) for ms in self.before_ms[:MOST_STEPS]],
        }


def promise_in(job: Mapping[str, object] | None) -> Promised | None:
    """The promise in the content of a ``job.json``; None where there is none that can be read.

    The file may be anybody's: what has another type or is no finite number counts as missing.
    """
    content = (job or {}).get(KEY)
    if not isinstance(content, Mapping):
        return None
    title, base = _text(content.get("title")), _text(content.get("base"))
    if not title or not base:
        return None
    low, high = _number(content.get("low")), _number(content.get("high"))
    if low is None or high is None or not 0 < low <= high:
        low = high = None
    expected = _number(content.get("expected"))
    if expected is not None and (low is None or high is None or not low <= expected <= high):
        expected = None
    return Promised(
        title=title,
        base=base,
        source=_text(content.get("source")),
        rules=tuple(filter(None, map(_text, _list(content.get("rules"))[:_MOST_CHANGES]))),
        changes=_changes(content.get("changes")),
        low=low,
        high=high,
        expected=expected,
        assumption=_text(content.get("assumption")),
        before_ms=_times(content.get("before_ms")),
    )


def _text(value: object) -> str:
    return value[:_LONGEST_TEXT] if isinstance(value, str) else ""


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _times(value: object) -> tuple[float, ...]:
    """Positive times; all of them or none, for a part of them would be another mean."""
    numbers = [_number(each) for each in _list(value)[:MOST_STEPS]]
    good = tuple(each for each in numbers if each is not None and each > 0)
    return good if len(good) == len(numbers) else ()


def _changes(value: object) -> dict[str, Plain]:
    if not isinstance(value, Mapping):
        return {}
    pairs = list(value.items())[:_MOST_CHANGES]
    return {str(name): each for name, each in pairs if isinstance(each, (bool, int, float, str))}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
