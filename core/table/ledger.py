"""One line for each run, over a thousand of them: what it logged, how far it came, the verdict.

A line costs milliseconds (the file is read, its losses are judged), so lines are kept in memory
and, across sessions, in the state folder, under the stamp of the run's files. Making a
:class:`Ledger` complete can be spread over many short calls, the table being there all along.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from math import inf, nan
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from core.events import derived
from core.runs import Run
from core.table.lines import (
    Judgement,
    Outline,
    as_json,
    judge,
    judgement_from,
    outline_from,
    outline_of,
)

_T = TypeVar("_T")

_OUTLINE = "table.outline.2"
_JUDGEMENT = "table.judgement.2"
_KEEP_EVERY = 64
"""Results are written to disk in batches of this many."""


JUDGING_SHARE = 0.02
"""Of one processor, what judging a single run that is being written may take: a verdict on
100,000 points costs 50 ms and more, and hardly changes from one second to the next."""

MAX_REST_S = 20.0
"""A verdict is never older than this while the run is looked at."""

_MIN_REST_S = 1.0


@dataclass(slots=True)
class _Entry:
    stamp: str
    outline: Outline | None = None
    judgement: Judgement | None = None
    judged_stamp: str = ""
    outlined_stamp: str = ""
    judge_again: float = 0.0
    """Monotonic time before which a judgement of earlier content is good enough."""


@dataclass(slots=True)
class _Unsaved:
    kind: str
    results: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def add(self, key: str, stamp: str, content: Any) -> None:
        self.results[key] = (stamp, json.dumps(content).encode())
        if len(self.results) >= _KEEP_EVERY:
            self.flush()

    def flush(self) -> None:
        if self.results:
            derived.keep(self.kind, self.results)
            self.results = {}


def _recall(kind: str, stamps: dict[str, str], decode: Callable[[list[Any]], _T]) -> dict[str, _T]:
    """What was kept, decoded; what another version wrote in another form counts as not kept."""
    found: dict[str, _T] = {}
    if not stamps:
        return found
    for key, content in derived.recall(kind, stamps).items():
        try:
            found[key] = decode(json.loads(content))
        except (ValueError, TypeError):
            continue
    return found


def stamp_of(run: Run) -> str:
    """A short hash of the files of a run as they are now."""
    return blake2b(repr(run.stamp).encode(), digest_size=12).hexdigest()


class Ledger:
    """What is known of runs. Safe to share between threads; entries outlive their files' changes.

    A run whose files changed keeps its old line until the new one is worked out. One that takes
    long to judge and goes on changing is judged only every now and then.
    """

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def refresh(self, runs: Iterable[Run]) -> int:
        """Look at the files, and at what was kept of them.

        Returns:
            How many runs still have to be worked out.
        """
        stamps = {str(run.path): stamp_of(run) for run in runs}
        with self._lock:
            for key, stamp in stamps.items():
                self._entries.setdefault(key, _Entry("")).stamp = stamp
            entries = {key: self._entries[key] for key in stamps}
        unknown = {key: e.stamp for key, e in entries.items() if e.outlined_stamp != e.stamp}
        for key, outline in _recall(_OUTLINE, unknown, outline_from).items():
            entries[key].outline, entries[key].outlined_stamp = outline, unknown[key]
        unknown = {key: e.stamp for key, e in entries.items() if e.judged_stamp != e.stamp}
        for key, judgement in _recall(_JUDGEMENT, unknown, judgement_from).items():
            entries[key].judgement, entries[key].judged_stamp = judgement, unknown[key]
        return sum(not _is_current(entry) for entry in entries.values())

    def work(self, runs: Sequence[Run], budget_s: float = inf, urgent: int = 0) -> int:
        """Work out what is missing until the time is up: outlines first, then judgements.

        Args:
            runs: in the order of importance; call :meth:`refresh` before.
            budget_s: at least one run is worked on whatever it says.
            urgent: this many runs are judged before the others are outlined.

        Returns:
            How many runs are still missing something.
        """
        deadline = time.monotonic() + budget_s
        entries = [(run, self._entry(run)) for run in runs]
        outlines, judgements = _Unsaved(_OUTLINE), _Unsaved(_JUDGEMENT)
        steps = ((self._outline, outlines), (self._judge, judgements))
        try:
            for part in (entries[:urgent], entries[urgent:]):
                for step, unsaved in steps:
                    for run, entry in part:
                        if step(run, entry, unsaved) and time.monotonic() >= deadline:
                            return sum(not _is_current(entry) for _, entry in entries)
        finally:
            outlines.flush()
            judgements.flush()
        return 0

    def done_share(self, runs: Sequence[Run]) -> float:
        """How much of the work on some runs is done, 0 to 1."""
        entries = [self._entry(run) for run in runs]
        done = sum((entry.outlined_stamp == entry.stamp) + _is_judged(entry) for entry in entries)
        return done / (2 * len(entries)) if entries else 1.0

    def _entry(self, run: Run) -> _Entry:
        with self._lock:
            return self._entries.setdefault(str(run.path), _Entry(stamp_of(run)))

    @staticmethod
    def _outline(run: Run, entry: _Entry, unsaved: _Unsaved) -> bool:
        stamp = entry.stamp
        if entry.outlined_stamp == stamp:
            return False
        entry.outline = outline_of(run)
        entry.outlined_stamp = stamp
        unsaved.add(str(run.path), stamp, as_json(entry.outline))
        return True

    @staticmethod
    def _judge(run: Run, entry: _Entry, unsaved: _Unsaved) -> bool:
        stamp = entry.stamp
        if _is_judged(entry):
            return False
        begin = time.thread_time()
        found = entry.judgement = judge(run, entry.outline)
        entry.judged_stamp = stamp
        rest = min((time.thread_time() - begin) / JUDGING_SHARE, MAX_REST_S)
        entry.judge_again = time.monotonic() + rest if rest > _MIN_REST_S else 0.0
        content = [getattr(found, name) for name in Judgement.__slots__]
        unsaved.add(str(run.path), stamp, content)
        return True

    def judgement(self, run: Run) -> Judgement:
        """The verdict on a run, as far as it is known."""
        with self._lock:
            entry = self._entries.get(str(run.path))
        return (entry.judgement if entry else None) or Judgement()

    def outline(self, run: Run) -> Outline:
        """What a run logged, as far as it is known; empty before it was worked out."""
        with self._lock:
            entry = self._entries.get(str(run.path))
        return (entry.outline if entry else None) or Outline()

    def frame(self, runs: Sequence[Run], columns: Iterable[tuple[str, str]] = ()) -> pd.DataFrame:
        """The table.

        Args:
            runs: one row each, in this order.
            columns: (tag as in :attr:`Line.name`, one of :data:`SUMMARIES`) of extra columns.

        Returns:
            DataFrame with run (key), verdict ("" unknown), points, last_step (Int64, missing
            where unknown), duration_s, best_val, best_step (Int64), train, val (latest losses),
            changed (UTC), and ``tag (summary)`` for each extra column.
        """
        with self._lock:
            entries = [self._entries.get(str(run.path), _Entry("")) for run in runs]
        outlines = [entry.outline for entry in entries]
        judged = [entry.judgement or Judgement() for entry in entries]
        data: dict[str, Any] = {
            "run": [run.key for run in runs],
            "verdict": [each.verdict for each in judged],
            "points": _integers([each.points if each else None for each in outlines]),
            "last_step": _integers([each.last_step if each else None for each in outlines]),
            "duration_s": np.array([each.duration_s if each else nan for each in outlines], float),
            "best_val": np.array([each.best for each in judged], float),
            "best_step": _integers([each.best_step for each in judged]),
            "train": np.array([each.train for each in judged], float),
            "val": np.array([each.val for each in judged], float),
            "changed": pd.to_datetime([run.modified for run in runs], unit="s", utc=True),
        }
        for name, which in columns:
            data[f"{name} ({which})"] = np.array([_value(o, name, which) for o in outlines], float)
        return pd.DataFrame(data)


def run_table(runs: Sequence[Run]) -> pd.DataFrame:
    """The table of runs, complete: see :meth:`Ledger.frame`."""
    ledger = Ledger()
    ledger.refresh(runs)
    ledger.work(runs)
    return ledger.frame(runs)


def _is_current(entry: _Entry) -> bool:
    return entry.outlined_stamp == entry.stamp and _is_judged(entry)


def _is_judged(entry: _Entry) -> bool:
    """Whether the judgement is of the present content, or of content that is recent enough."""
    return entry.judged_stamp == entry.stamp or time.monotonic() < entry.judge_again


def _integers(values: list[int | None]) -> pd.Series:
    return pd.Series(values, dtype="Int64")


def _value(outline: Outline | None, name: str, which: str) -> float:
    for line in outline.lines if outline else ():
        if line.kind == "scalars" and line.name == name:
            return line.summary(which)
    return nan
