"""What a change is said to bring when it is launched, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.compare.facts import PROFILE, Facts
from core.compare.findings import judged
from core.compare.records import Promise, Speedup
from core.compare.speed import speedup, step_times_ms
from core.promises import Plain, Promised
from core.traces import Diagnosis, Edit, Finding, Prediction


def promise_of(
    found: Diagnosis,
    finding: Finding,
    changes: Mapping[str, Plain],
    base: str,
    cores: int | None = None,
) -> Promised:
    """What a finding's fix is said to bring to a job, with the step times that it starts from.

    Args:
        found: the diagnosis of the job's trace.
        finding: one of its findings.
        changes: parameters that are set; empty where the code is changed by hand.
        base: id of the job.
        cores: of the machine that it is to run on, where that is known.
    """
    gain = foretold(found, finding, changes, cores)
    return Promised(
        title=finding.title,
        base=base,
        source=found.trace,
        rules=(finding.rule,),
        changes=dict(changes),
        low=None if gain is None else gain.low,
        high=None if gain is None else gain.high,
        expected=None if gain is None else gain.expected,
        assumption="" if gain is None else gain.assumption,
        before_ms=tuple(step_times_ms(found).tolist()) if found.steps else (),
    )


def foretold(
    found: Diagnosis, finding: Finding, changes: Mapping[str, Plain], cores: int | None = None
) -> Prediction | None:
    """The prediction of a finding for as many workers and cores as there will be."""
    workers = changes.get("num_workers")
    if finding.edit == Edit.LOADER and isinstance(workers, int) and workers > 0:
        told = found.what_if.predict([finding.edit], workers=workers, cores=cores)
        return told or finding.predicted_speedup
    return finding.predicted_speedup


def kept(a: Facts, b: Facts, measured: Speedup | None) -> Promise | None:
    """The promise that B was launched with, held against what was measured.

    Args:
        a, b: before and after.
        measured: the speed-up of B over A.

    Returns:
        None where B was launched with none about the speed, or with one about another run.
    """
    told = b.promise
    if told is None or measured is None or told.base != a.id:
        return None
    if told.low is None or told.high is None:
        return None
    return judged(told.rules, told.title, told.low, told.expected, told.high, measured)


def purpose(a: Facts, b: Facts) -> str:
    """What B was launched from A to see where no speed was promised, "" otherwise."""
    told = b.promise
    return told.title if told is not None and told.base == a.id and told.low is None else ""


def judged_alone(b: Facts) -> Promise | None:
    """The promise of a run whose parent is gone, against the step times kept with it."""
    told, measured = b.promise, since_promised(b)
    if told is None or measured is None or told.low is None or told.high is None:
        return None
    return judged(told.rules, told.title, told.low, told.expected, told.high, measured)


def since_promised(b: Facts) -> Speedup | None:
    """The speed-up of B over the steps that its promise started from; None where either is missing.

    For a run whose parent, or the parent's trace, is gone.
    """
    times = b.step_times
    if b.promise is None or not b.promise.before_ms or times is None or times[0] != PROFILE:
        return None
    return speedup(np.array(b.promise.before_ms), times[1])
