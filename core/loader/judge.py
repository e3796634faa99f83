"""What follows from a tuning: throughput with its uncertainty, and which setting to use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.loader.results import (
    BASELINE,
    Interval,
    Recommendation,
    Setting,
    SettingResult,
    Trial,
    Trials,
)

SAME_WITHIN = 0.03
"""Settings whose throughput is within this share of the best count as equally good: then the
one with fewer workers is recommended, since it takes less memory and fewer cores."""

RESAMPLES = 1_000
LEVEL = 0.95


def summarise(trials: Trials) -> list[SettingResult]:
    """Each setting that was tried, in order: median over its rounds with a bootstrap interval."""
    settings = sorted({trial.setting for trial in trials.trials})
    return [
        _result(setting, [t for t in trials.trials if t.setting == setting], trials.batch_size)
        for setting in settings
    ]


def _result(setting: Setting, trials: list[Trial], batch_size: int) -> SettingResult:
    good = [t for t in trials if t.status == "ok" and t.samples_per_s and t.block_s]
    reason = next((t.reason for t in reversed(trials) if t.status != "ok"), "")
    if not good:
        return SettingResult(setting, 0, None, None, None, reason)
    draws = _bootstrap(good, batch_size)
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


def _bootstrap(trials: list[Trial], batch_size: int) -> NDArray[np.float64]:
    """Replicates of the median throughput (samples/s): rounds are drawn, then blocks in each.

    Blocks, since times of neighbouring batches are correlated (Künsch 1989); rounds, since the
    machine drifts between them.
    """
    # A seed of its own for each setting: with the same draws their ratio would seem certain.
    setting = trials[0].setting
    seed = (setting.num_workers, int(setting.pin_memory), setting.prefetch_factor)
    rng = np.random.default_rng(seed)
    per_round = np.empty((len(trials), RESAMPLES))
    for index, trial in enumerate(trials):
        blocks = np.asarray(trial.block_s)
        drawn = blocks[rng.integers(len(blocks), size=(RESAMPLES, len(blocks)))]
        seconds = drawn.sum(axis=1)
        per_round[index] = batch_size * trial.block_steps * len(blocks) / seconds
    rounds = rng.integers(len(trials), size=(len(trials), RESAMPLES))
    return np.median(per_round[rounds, np.arange(RESAMPLES)], axis=0)


def recommend(trials: Trials) -> Recommendation:
    """The fastest setting, or the one with fewest workers among those as fast as it.

    "As fast" is within SAME_WITHIN of the best median. The speed-up over the baseline comes with
    the 95 % interval of the ratio of both settings' bootstrap replicates.
    """
    results = [result for result in summarise(trials) if result.throughput is not None]
    if not results:
        return Recommendation(None, BASELINE, None, False, _nothing(trials))
    top = max(result.throughput.value for result in results if result.throughput)
    best = next(
        result
        for result in results
        if result.throughput and result.throughput.value >= (1 - SAME_WITHIN) * top
    )
    base = next((r for r in results if _is_baseline(r.setting)), None)
    if base is None or base.throughput is None or best.throughput is None:
        text = f"Use {best.setting.label}: {_speed(best)}. The baseline could not be measured."
        return Recommendation(best.setting, BASELINE, None, False, text)
    if best is base:
        return Recommendation(
            best.setting, base.setting, Interval(1.0, 1.0, 1.0), True,
            f"Keep {best.setting.label}: {_speed(best)}; no setting tried is more than "
            f"{100 * SAME_WITHIN:.0f} % faster.",
        )  # fmt: skip
    ratios = best.draws / base.draws
    tail = 50 * (1 - LEVEL)
    low, high = (float(x) for x in np.percentile(ratios, [tail, 100 - tail]))
    value = best.throughput.value / base.throughput.value
    speedup = Interval(value, min(value, low), max(value, high))
    certain = speedup.low > 1.0
    text = (
        f"Use {best.setting.label}: {_speed(best)}, {value:.2f} × the baseline of "
        f"{base.setting.label} (95 % interval {speedup.low:.2f} to {speedup.high:.2f} ×)."
    )
    if not certain:
        text += " The interval includes no gain: measure more rounds before you rely on it."
    return Recommendation(best.setting, base.setting, speedup, certain, text)


def _is_baseline(setting: Setting) -> bool:
    return (setting.num_workers, setting.pin_memory) == (0, False)


def _speed(result: SettingResult) -> str:
    throughput = result.throughput
    return f"{throughput.value:.4g} samples/s" if throughput else "not measured"


def _nothing(trials: Trials) -> str:
    failed = [trial for trial in trials.trials if trial.status != "ok"]
    if failed:
        return f"No setting could be measured: {failed[-1].reason}"
    return "Nothing measured yet."
