"""The stop advice on the prefixes of a history."""

from __future__ import annotations

import numpy as np

from core.dynamics import stop_advice


def test_a_run_that_overfits_is_stopped_after_its_best_epoch_and_before_its_end(pair, overfit):
    train, val = overfit(60, 0.005)
    whole = pair(val, train)
    stops = [step for step in range(60) if stop_advice(whole.until(step)).stop]
    advice = stop_advice(whole.until(stops[0]))
    assert int(np.argmin(val)) < stops[0] < 45
    assert advice.best_step == int(np.argmin(val[: stops[0] + 1]))
    assert advice.since_step is not None
    assert "validation loss has" in advice.reason


def test_a_run_that_still_learns_goes_on(pair, fall):
    advice = stop_advice(pair(fall(40), fall(40, 0.1)))
    assert (advice.stop, advice.since_step) == (False, None)


def test_a_run_that_became_nan_is_stopped_and_its_best_epoch_kept(pair, fall):
    val = fall(30)
    val[20:] = np.nan
    advice = stop_advice(pair(val, val))
    assert advice.stop
    assert advice.best_step == 19
