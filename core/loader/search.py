"""Which setting to measure next, and when to stop. Torch-free, and a function of what is known.

First the setting in use and the one that the model holds for best of the other kind (with workers
where the first has none): both calibrate the model. Then, again and again, the setting from which
most improvement over the leader is to be expected, until none is likely to be faster by more than
what counts as the same. What the answer rests on, the leader and the baseline, is measured twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from core.loader.calibrate import Observation
from core.loader.judge import (
    SAME_WITHIN,
    choose_best,
    good_trials,
    observations,
    probability_above,
)
from core.loader.predict import Model
from core.loader.results import Trial
from core.loader.setting import Setting

UNLIKELY = 0.10
"""A setting is left out when it is faster than the leader by more than SAME_WITHIN with a smaller
probability than this."""

AS_GOOD = 0.7
"""Of settings that promise at least this part of the most, the one with fewest workers is next."""

ROUNDS = 2
"""Times that the leader and the baseline are measured: one trial cannot show its own drift."""

SAME_FAILURES = 3
"""So many settings that fail, none that works: the others would fail too."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What to do next: measure ``setting``, or stop where it is None; ``why`` in one sentence."""

    setting: Setting | None
    why: str


def choose(
    model: Model,
    candidates: Sequence[Setting],
    baseline: Setting,
    trials: Sequence[Trial],
    max_trials: int,
) -> Choice:
    """The next trial.

    Args:
        model: predicts every candidate.
        candidates: settings considered; those that do not fit shared memory are never chosen.
        baseline: the setting in use now; it need not be among the candidates.
        trials: those made so far.
        max_trials: made at most; repeats of contaminated ones are not counted.
    """
    counted = len({(t.setting, t.round) for t in trials})
    tried = {t.setting for t in trials}
    if baseline not in tried and _fits(model, baseline):
        return Choice(baseline, "the setting in use now")
    open_ = [s for s in _possible(model, candidates, trials) if s not in tried]
    seen = observations(trials)
    if not seen and len(tried) >= SAME_FAILURES:
        return Choice(None, "Stopped: every setting tried fails.")
    if counted >= max_trials:
        return Choice(None, f"Stopped after {max_trials} trials.")
    if not seen:
        return _first(model, open_)
    anchor = _other_kind(model, open_, tried)
    if anchor is not None:
        return Choice(anchor, "best of its kind by the model: it calibrates the others")
    left = max_trials - counted
    return _promising(model, open_, seen, trials, baseline, left) or _confirm(
        model, seen, trials, baseline
    )


def _fits(model: Model, setting: Setting) -> bool:
    return model.predict([setting])[0].fits


def _possible(
    model: Model, candidates: Sequence[Setting], trials: Sequence[Trial]
) -> list[Setting]:
    """Candidates that fit, and that need less shared memory than any that ran out of it."""
    full = [
        t.setting for t in trials if t.status == "failed" and t.reason.startswith("Shared memory")
    ]
    predictions = model.predict(candidates)
    limit = min((p.shared_bytes for p in model.predict(full)), default=float("inf"))
    return [p.setting for p in predictions if p.fits and p.shared_bytes < limit]


def _first(model: Model, open_: list[Setting]) -> Choice:
    """Nothing works yet: the setting that the model holds for best."""
    if not open_:
        return Choice(None, "Stopped: no setting is left to try.")
    return Choice(_preferred(open_, [model.raw(s) for s in open_]), "best by the model")


def _preferred(settings: list[Setting], promise: Sequence[float]) -> Setting:
    top = max(promise)
    return min(s for s, p in zip(settings, promise, strict=True) if p >= (1 - SAME_WITHIN) * top)


def _other_kind(model: Model, open_: list[Setting], tried: set[Setting]) -> Setting | None:
    """The best with workers while none with workers was tried, or the other way round."""
    kinds = {s.num_workers == 0 for s in tried}
    if len(kinds) == 2:
        return None
    others = [s for s in open_ if (s.num_workers == 0) not in kinds]
    return _preferred(others, [model.raw(s) for s in others]) if others else None


def leader_of(model: Model, seen: Sequence[Observation]) -> Setting:
    """The recommended one of what was measured so far."""
    predictions = model.predict([o.setting for o in seen], seen)
    return choose_best({p.setting: p.samples_per_s for p in predictions})


def _promising(
    model: Model,
    open_: list[Setting],
    seen: Sequence[Observation],
    trials: Sequence[Trial],
    baseline: Setting,
    left: int,
) -> Choice | None:
    """The unmeasured setting with the largest expected improvement, if one is likely enough."""
    leader = leader_of(model, seen)
    owed = sum(_rounds_missing(trials, s) for s in {leader, baseline})
    if not open_ or left <= owed:
        return None
    mean, sd = probability_above(open_, leader, model, seen)
    normal = NormalDist()
    likely = np.array(
        [1 - normal.cdf((np.log1p(SAME_WITHIN) - m) / s) for m, s in zip(mean, sd, strict=True)]
    )
    if likely.max() < UNLIKELY:
        return None
    z = mean / sd
    density = np.array([normal.pdf(value) for value in z])
    above = np.array([normal.cdf(value) for value in z])
    gain = mean * above + sd * density
    close = [s for s, g in zip(open_, gain, strict=True) if g >= AS_GOOD * gain.max()]
    chosen = min(close)
    chance = 100 * likely[open_.index(chosen)]
    return Choice(chosen, f"could beat {leader.label} (probability {chance:.0f} %)")


def _rounds_missing(trials: Sequence[Trial], setting: Setting) -> int:
    """0 as well where the setting does not work."""
    done = len(good_trials(trials, setting))
    return max(0, ROUNDS - done) if done else 0


def _confirm(
    model: Model, seen: Sequence[Observation], trials: Sequence[Trial], baseline: Setting
) -> Choice:
    """Repeat what the answer rests on, else a rival that is not told apart yet, else stop."""
    leader = leader_of(model, seen)
    # The baseline first: the leader may turn out another one.
    for setting in (baseline, leader):
        if _rounds_missing(trials, setting):
            return Choice(setting, "measured again: the answer rests on it")
    rivals = [o.setting for o in seen if o.setting != leader]
    if rivals:
        mean, sd = probability_above(rivals, leader, model, seen)
        behind = mean - np.log1p(SAME_WITHIN)
        chance = np.array([NormalDist().cdf(b / s) for b, s in zip(behind, sd, strict=True)])
        closest = int(chance.argmax())
        if chance[closest] >= 2 * UNLIKELY and _rounds_missing(trials, rivals[closest]):
            return Choice(rivals[closest], f"not told apart from {leader.label} yet")
    return Choice(
        None, f"Stopped: nothing left is likely to be more than {100 * SAME_WITHIN:.0f} % faster."
    )
