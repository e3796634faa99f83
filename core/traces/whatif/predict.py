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
    ON_CORES,
    ON_HOST,
    WORDS,
    WORKERS,
    WORST,
    Edit,
    Room,
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

    def predict(
        self, edits: Iterable[str], workers: int | None = None, cores: int | None = None
    ) -> Prediction | None:
        """Speed-up and step time with all of these edits made; None where it cannot be told.

        Args:
            edits: of :class:`Edit`.
            workers: DataLoader workers of the edit ``loader``; four (at worst two) where None.
            cores: of the machine; where there is no device, workers share them with the operators.

        Raises:
            BadInput: an edit has another name.
        """
        chosen = [_edit(name) for name in dict.fromkeys(edits)]
        if self.refusal or not chosen:
            return None
        total, shrinks = self.replay.observed_us, bool(_SHRINKING & set(chosen))
        room = Room(workers, cores)
        best = self._length(chosen, BEST, room)
        least = 0.0 if shrinks else self.replay.longest_stream_us
        if not least * (1 - FAITHFUL) <= best <= total * (1 + FAITHFUL):
            return None
        # Streams may overlap more than they did, but that is nothing to promise.
        busy = self.replay.case.compute if shrinks else self.replay.case.busy
        best = min(max(best, busy.measure, SHORTEST * total), total)
        expected = min(max(self._length(chosen, EXPECTED, room), best), total)
        worst = min(max(self._worst(chosen, room), expected), total)
        return Prediction(
            low=total / worst,
            high=total / best,
            assumption=self._words(chosen, total / best, room),
            expected=total / expected,
            step_ms=self.step_ms,
        )

    def _length(self, edits: list[Edit], level: int, room: Room) -> float:
        made = plan(self.replay, edits, level, room)
        return max(self.replay.run(made.changes), made.floor_us)

    def _worst(self, edits: list[Edit], room: Room) -> float:
        length = self._length(edits, WORST, room)
        others = without_halved(edits)
        if len(others) == len(edits):
            return length
        return (length + min(self._length(others, WORST, room), self.replay.observed_us)) / 2

    def _words(self, edits: list[Edit], bound: float, room: Room) -> str:
        words = [self._word(edit, room) for edit in edits]
        limited = " Something else is the limit then." if bound < LIMITED else ""
        return f"Replay of the trace: {'; '.join(words)}.{limited}"

    def _word(self, edit: Edit, room: Room) -> str:
        if self.replay.case.device is not None or edit not in (Edit.LOADER, Edit.WORKERS):
            return WORDS[edit]
        if room.cores is None or edit is not Edit.LOADER:
            return ON_HOST
        return ON_CORES.format(workers=room.workers or WORKERS[EXPECTED], cores=room.cores)


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
