"""From edits to a prediction: replays at best, as expected and at worst, behind guards."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from core.errors import BadInput
from core.traces.case import Case, make_case
from core.traces.columns import Trace
from core.traces.records import Finding, Prediction
from core.traces.whatif.edits import (
    BEST,
    EXPECTED,
    ON_HOST,
    WORDS,
    WORST,
    Edit,
    plan,
    without_halved,
)
from core.traces.whatif.replay import Changes, Replay, make_replay

UNLAUNCHED = 0.01
"""Share of the device time without a launch in the window beyond which nothing is replayed:
a trace with 31 % replayed to less time than its kernels take."""
FAITHFUL = 0.01
"""How far the unedited replay may be from the observed window."""
LIMITED = 1.02
"""A bound below this speed-up says that another cause takes over at once."""
_SHRINKING = {Edit.COMMUNICATION, Edit.COPIES}
"""Edits that take work off the device."""
SHORTEST = 0.01
"""No prediction goes below this part of the window, as in ``rules.common.gain``."""


@dataclass(frozen=True, slots=True, eq=False)
class WhatIf:
    """A window that can be replayed with edits, or the reason why it cannot.

    Attributes:
        source: gives the prepared window, which holds all columns of the trace; a diagnosis out
            of the cache makes it when it is asked for.
        refusal: "" or why no edit is shown, in words.
        step_ms: observed, window over steps.
    """

    source: Callable[[], Replay]
    refusal: str
    step_ms: float

    @property
    def replay(self) -> Replay:
        """The prepared window."""
        return self.source()

    def predict(self, edits: Iterable[str], workers: int | None = None) -> Prediction | None:
        """Speed-up and step time with all of these edits made; None where it cannot be told.

        Args:
            edits: of :class:`Edit`.
            workers: DataLoader workers of the edit ``loader``; four (at worst two) where None.

        Raises:
            BadInput: an edit has another name.
        """
        chosen = [_edit(name) for name in dict.fromkeys(edits)]
        if self.refusal or not chosen:
            return None
        total, shrinks = self.replay.observed_us, bool(_SHRINKING & set(chosen))
        best = self._length(chosen, BEST, workers)
        least = 0.0 if shrinks else self.replay.longest_stream_us
        if not least * (1 - FAITHFUL) <= best <= total * (1 + FAITHFUL):
            return None
        # Streams may overlap more than they did, but that is nothing to promise.
        busy = self.replay.case.compute if shrinks else self.replay.case.busy
        best = min(max(best, busy.measure, SHORTEST * total), total)
        expected = min(max(self._length(chosen, EXPECTED, workers), best), total)
        worst = min(max(self._worst(chosen, workers), expected), total)
        return Prediction(
            low=total / worst,
            high=total / best,
            assumption=self._words(chosen, total / best),
            expected=total / expected,
            step_ms=self.step_ms,
        )

    def _length(self, edits: list[Edit], level: int, workers: int | None) -> float:
        made = plan(self.replay, edits, level, workers)
        return max(self.replay.run(made.changes), made.floor_us)

    def _worst(self, edits: list[Edit], workers: int | None) -> float:
        length = self._length(edits, WORST, workers)
        others = without_halved(edits)
        if len(others) == len(edits):
            return length
        return (length + min(self._length(others, WORST, workers), self.replay.observed_us)) / 2

    def _words(self, edits: list[Edit], bound: float) -> str:
        on_host = self.replay.case.device is None
        words = [
            ON_HOST if on_host and edit in (Edit.LOADER, Edit.WORKERS) else WORDS[edit]
            for edit in edits
        ]
        limited = " Something else is the limit then." if bound < LIMITED else ""
        return f"Replay of the trace: {'; '.join(words)}.{limited}"


def _edit(name: str) -> Edit:
    try:
        return Edit(name)
    except ValueError:
        known = ", ".join(edit.value for edit in Edit)
        raise BadInput(f"There is no edit {name!r}. Known are: {known}.") from None


def prepare(case: Case) -> WhatIf:
    """Prepare the case's window and hold its unedited replay against what was observed."""
    replay = make_replay(case)
    steps = f"{case.total_us / case.steps / 1e3:.1f}"
    unedited = replay.run(Changes())
    refusal = ""
    if replay.work.unlaunched > UNLAUNCHED:
        refusal = (
            f"{100 * replay.work.unlaunched:.0f} % of the device's work has no launch in the "
            "window, so the trace cannot be replayed: predictions are bounds only."
        )
    elif abs(unedited - case.total_us) > FAITHFUL * case.total_us:
        refusal = (
            f"The replay of the unchanged trace takes {unedited / case.steps / 1e3:.1f} ms a step "
            f"instead of {steps}: predictions are bounds only."
        )
    return WhatIf(lambda: replay, refusal, case.total_us / case.steps / 1e3)


def attach(ready: WhatIf, findings: Iterable[Finding]) -> list[Finding]:
    """The findings with replayed predictions in place of the rules' own bounds.

    Where nothing can be replayed the bound stays, says so, and nothing is expected.
    """
    return [_attached(ready, finding) for finding in findings]


def _attached(ready: WhatIf, finding: Finding) -> Finding:
    bound = finding.predicted_speedup
    if bound is None:
        return finding
    found = ready.predict([finding.edit]) if finding.edit else None
    if found is None:
        words = bound.assumption + (" Not replayed: bounds only." if finding.edit else "")
        found = replace(bound, assumption=words, step_ms=ready.step_ms)
    return replace(finding, predicted_speedup=found)


def what_if(
    trace: Trace, edits: Iterable[str], device: int | None = None, workers: int | None = None
) -> Prediction:
    """How fast a traced training would be with some causes removed, alone or together.

    Args:
        trace: a loaded trace.
        edits: what to change, of :class:`Edit`; a finding's ``edit`` is one.
        device: as for :func:`core.traces.diagnose`.
        workers: DataLoader workers of the edit ``loader``.

    Raises:
        BadInput: an edit has another name, or the trace cannot be replayed.
        Unreadable: the trace spans no time.
    """
    ready = prepare(make_case(trace, device))
    found = ready.predict(edits, workers)
    if found is None:
        raise BadInput(ready.refusal or "No edit was named, or the replay contradicts the trace.")
    return found
