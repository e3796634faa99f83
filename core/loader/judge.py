"""What follows from a tuning: throughput with its uncertainty, and which setting to use."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.loader.calibrate import Observation, posterior
from core.loader.predict import Model
from core.loader.results import (
    Interval,
    Recommendation,
    SettingResult,
    Trial,
    Trials,
)
from core.loader.setting import Setting

SAME_WITHIN = 0.03
"""Settings whose throughput is within this share of the best count as equally good: then the
one with fewer workers is recommended, since it takes less memory and fewer cores."""

DRIFT_SD, DRIFT_WEIGHT = 0.04, 3
"""What two trials of one setting differ by beyond what blocks of one trial show, as a standard
deviation of the logarithm: the least that is expected before any setting was repeated, and the
number of repeats that the expectation counts for. Peers see 5 to 15 % between batches (Lotus)."""

PARTS, PART_DRIFT = 3, 2.4
"""A trial drifts from part to part as well. Between 320 trials of five pipelines, each measured
twice, the deviation was 2.2 to 2.6 times the standard error over thirds of a trial (1.2 where
waiting for storage makes the parts differ): 0.17 in memory, 0.15 training, 0.11 decoding, 0.02
where a device is waited for. No constant fits all of these."""

BUSY = " Other programs used the cores meanwhile: measure again before you rely on it."

RESAMPLES = 1_000
LEVEL = 0.95


def good_trials(trials: Sequence[Trial], setting: Setting) -> list[Trial]:
    """Those of a setting that gave a result; contaminated ones only where there is no other."""
    found = [t for t in trials if t.setting == setting and t.status == "ok" and t.samples_per_s]
    return [t for t in found if not t.contaminated] or found


def _expected_drift_sd(trials: Sequence[Trial]) -> float:
    """From how the thirds of each trial differ, never less than :data:`DRIFT_SD`."""
    errors = []
    for trial in trials:
        if trial.status == "ok" and len(trial.block_s) >= 2 * PARTS:
            parts = np.array_split(np.asarray(trial.block_s), PARTS)
            means = np.log([part.mean() for part in parts])
            errors.append(float(means.var(ddof=1)) / PARTS)
    return max(DRIFT_SD, PART_DRIFT * float(np.sqrt(np.mean(errors or [0.0]))))


def drift_sd(trials: Sequence[Trial]) -> float:
    """Standard deviation of log throughput between trials of one setting.

    Expected from the drift within trials, corrected by those settings that were repeated.
    """
    total, count = DRIFT_WEIGHT * _expected_drift_sd(trials) ** 2, float(DRIFT_WEIGHT)
    for setting in {t.setting for t in trials}:
        logs = np.log([t.samples_per_s or 1.0 for t in good_trials(trials, setting)])
        if len(logs) > 1:
            total += float(((logs - logs.mean()) ** 2).sum())
            count += len(logs) - 1
    return float(np.sqrt(total / count))


def summarise(trials: Trials) -> list[SettingResult]:
    """Each setting that was tried, in order: median over its rounds with a bootstrap interval."""
    drift = drift_sd(trials.trials)
    settings = sorted({trial.setting for trial in trials.trials})
    return [_result(setting, trials.trials, drift) for setting in settings]


def _result(setting: Setting, trials: Sequence[Trial], drift: float) -> SettingResult:
    good = good_trials(trials, setting)
    failed = [t for t in trials if t.setting == setting and t.reason]
    reason = failed[-1].reason if failed else ""
    if not good:
        return SettingResult(setting, 0, None, None, None, reason)
    draws = _bootstrap(good, drift)
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(draws, [tail, 100 - tail])
    value = float(np.median([t.samples_per_s for t in good if t.samples_per_s]))
    return SettingResult(
        setting=setting,
        rounds=len(good),
        throughput=Interval(value, min(value, float(low)), max(value, float(high))),
        wait_share=_median([t.wait_share for t in good]),
        startup_s=_median([t.startup_s for t in good]),
        reason=reason,
        draws=draws,
    )


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _bootstrap(trials: list[Trial], drift: float) -> NDArray[np.float64]:
    """Replicates of the median throughput (samples/s): rounds are drawn, then blocks in each.

    Blocks, since times of neighbouring batches are correlated (Künsch 1989); rounds, since the
    machine drifts between them. Few rounds cannot show that drift, so it is added.
    """
    setting = trials[0].setting
    # A seed of its own for each setting: with the same draws their ratio would seem certain.
    rng = np.random.default_rng(zlib.crc32(repr(setting).encode()))
    per_round = np.empty((len(trials), RESAMPLES))
    for index, trial in enumerate(trials):
        lengths = np.asarray(trial.block_s or (setting.batch_size / (trial.samples_per_s or 1),))
        drawn = lengths[rng.integers(len(lengths), size=(RESAMPLES, len(lengths)))]
        steps = trial.block_steps * len(lengths)
        per_round[index] = setting.batch_size * steps / drawn.sum(axis=1)
    rounds = rng.integers(len(trials), size=(len(trials), RESAMPLES))
    middle = np.median(per_round[rounds, np.arange(RESAMPLES)], axis=0)
    return middle * np.exp(rng.normal(0.0, drift / np.sqrt(len(trials)), RESAMPLES))


def observations(trials: Sequence[Trial]) -> list[Observation]:
    """What the predictor learns from: one for each setting with a result."""
    drift, found = drift_sd(trials), []
    for setting in sorted({t.setting for t in trials}):
        result = _result(setting, trials, drift)
        if result.throughput is not None:
            sd = float(np.log(result.draws).std())
            found.append(Observation(setting, result.throughput.value, max(sd, 1e-3)))
    return found


def levels(trials: Trials, model: Model | None) -> dict[Setting, float]:
    """Samples/s of each measured setting as best known: with the model's help where there is one.

    A single trial that came out high by chance is drawn towards what the model and the other
    trials say.
    """
    seen = observations(trials.trials)
    if model is None or not seen:
        return {o.setting: o.samples_per_s for o in seen}
    predictions = model.predict([o.setting for o in seen], seen)
    return {p.setting: p.samples_per_s for p in predictions}


def choose_best(known: dict[Setting, float]) -> Setting:
    """The fastest, or the first in the order of preference among those as fast as it.

    Args:
        known: samples/s of at least one setting.
    """
    top = max(known.values())
    return min(s for s, speed in known.items() if speed >= (1 - SAME_WITHIN) * top)


def recommend(trials: Trials, model: Model | None = None) -> Recommendation:
    """The fastest setting, or the one with fewest workers among those as fast as it.

    "As fast" is within SAME_WITHIN of the best. The speed-up over the baseline comes with the
    95 % interval of the ratio of both settings' bootstrap replicates.

    Args:
        model: of ``trials.costs`` where there is one already; it is made otherwise.
    """
    baseline = trials.baseline
    if model is None and trials.costs is not None:
        model = Model(trials.costs)
    known = levels(trials, model)
    if not known:
        return Recommendation(None, baseline, None, False, _nothing(trials))
    results = {r.setting: r for r in summarise(trials)}
    best = choose_best(_not_slower(known, results, baseline))
    base = results.get(baseline)
    busy = disturbed(trials.trials, (best, baseline))
    if best == baseline:
        text = (
            f"Keep {best.label}: {_speed(results[best])}; no setting tried is more than "
            f"{100 * SAME_WITHIN:.0f} % faster."
        )
        return Recommendation(best, baseline, Interval(1.0, 1.0, 1.0), not busy, text + BUSY * busy)
    if base is None or base.throughput is None:
        text = f"Use {best.label}: {_speed(results[best])}. The baseline could not be measured."
        return Recommendation(best, baseline, None, False, text)
    speedup = _ratio(results[best], base)
    certain = speedup.low > 1.0 and not busy
    text = (
        f"Use {best.label}: {_speed(results[best])}, {speedup.value:.2f} × the baseline of "
        f"{baseline.label} (95 % interval {speedup.low:.2f} to {speedup.high:.2f} ×)."
    )
    if speedup.low <= 1.0:
        text += " The interval includes no gain: give it a larger budget before you rely on it."
    return Recommendation(best, baseline, speedup, certain, text + BUSY * busy)


def _not_slower(
    known: dict[Setting, float], results: dict[Setting, SettingResult], baseline: Setting
) -> dict[Setting, float]:
    """Without what the model favours but was measured slower than what is in use."""
    base = results[baseline].throughput if baseline in results else None
    if base is None:
        return known
    return {
        setting: speed
        for setting, speed in known.items()
        if (measured := results[setting].throughput) and measured.value >= base.value
    }


def disturbed(trials: Sequence[Trial], settings: Sequence[Setting]) -> bool:
    """Whether one of these settings was only measured while other programs used the cores."""
    found = [good_trials(trials, setting) for setting in settings]
    return any(rounds and all(t.contaminated for t in rounds) for rounds in found)


def _ratio(best: SettingResult, base: SettingResult) -> Interval:
    ratios = best.draws / base.draws
    tail = 50 * (1 - LEVEL)
    low, high = (float(x) for x in np.percentile(ratios, [tail, 100 - tail]))
    value = (best.throughput.value if best.throughput else 0.0) / (
        base.throughput.value if base.throughput else 1.0
    )
    return Interval(value, min(value, low), max(value, high))


def _speed(result: SettingResult) -> str:
    throughput = result.throughput
    return f"{throughput.value:.4g} samples/s" if throughput else "not measured"


def _nothing(trials: Trials) -> str:
    failed = [trial for trial in trials.trials if trial.status != "ok"]
    if failed:
        return f"No setting could be measured: {failed[-1].reason}"
    return "Nothing measured yet."


def prediction_errors(trials: Trials) -> list[tuple[Trial, float]]:
    """(trial, relative error of what was predicted for it just before) for each that was.

    The first trial is predicted by the probe alone, later ones with those before in mind; a
    setting that was measured before tells nothing about the predictor and is left out.
    """
    found, seen = [], set()
    for trial, guess in zip(trials.trials, trials.first_guess, strict=False):
        if guess and trial.samples_per_s and trial.setting not in seen:
            found.append((trial, guess / trial.samples_per_s - 1))
        seen.add(trial.setting)
    return found


def probability_above(
    settings: Sequence[Setting], leader: Setting, model: Model, seen: Sequence[Observation]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How each setting's log throughput stands against the leader's: mean and sd, (n,) each."""
    wanted = [*settings, leader]
    known = [Observation(o.setting, o.samples_per_s, o.sd, model.raw(o.setting)) for o in seen]
    shift, covariance = posterior(wanted, known)
    logs = np.log([model.raw(s) for s in wanted]) + shift
    spread = np.diag(covariance)[:-1] + covariance[-1, -1] - 2 * covariance[:-1, -1]
    return logs[:-1] - logs[-1], np.sqrt(np.maximum(spread, 1e-12))
