"""Whatever the curves, there is a verdict that does not contradict itself.

``GPULSE_FUZZ_EXAMPLES=10000`` tries that many histories instead of 200.
"""

from __future__ import annotations

import json
import os

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from core.dynamics import LossPair, diagnose, stop_advice, stops
from core.dynamics.pairing import to_curve

EXAMPLES = int(os.environ.get("GPULSE_FUZZ_EXAMPLES", "200"))


@st.composite
def curves(draw):
    """A curve of 0 to 5,000 points: any steps (in order, as pairing leaves them), any values."""
    count = draw(st.one_of(st.integers(0, 40), st.sampled_from([200, 1000, 5000])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.sampled_from(["constant", "noise", "walk", "fall", "wild"]))
    size = draw(st.sampled_from([1.0, 0.0, -1.0, 1e-30, 1e30, -1e30, 1e300]))
    noise = rng.standard_normal(count)
    shapes = {
        "constant": np.ones(count),
        "noise": noise,
        "walk": np.cumsum(noise),
        "fall": np.exp(-np.arange(count) / 10) + 0.01 * noise,
        "wild": rng.choice([0.0, 1.0, -1.0, 1e30, -1e30, np.nan, np.inf, -np.inf], count),
    }
    with np.errstate(all="ignore"):
        values = shapes[shape] * size
    spoiled = rng.random(count) < draw(st.sampled_from([0.0, 0.02, 0.5, 1.0]))
    bad = draw(st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -1e30]))
    values = np.where(spoiled, bad, values)
    logged = np.cumsum(rng.integers(0, draw(st.sampled_from([2, 1000])), count))
    reverse = draw(st.booleans())
    rows = pd.DataFrame({"step": logged[::-1] if reverse else logged, "value": values})
    return to_curve(rows)[0]


@given(train=st.none() | curves(), val=st.none() | curves())
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_curves_give_a_consistent_verdict(tiled, train, val):
    pair = LossPair("run", "train", "val", train, val)
    verdict = diagnose(pair)
    json.dumps(verdict.to_json(), allow_nan=False)
    assert 0 <= verdict.confidence <= 1
    span = pair.step_range()
    if span is None:
        assert verdict.zones == ()
    else:
        tiled(verdict, *span)
    overfit = [zone for zone in verdict.zones if zone.phase == "overfitting"]
    assert bool(overfit) == (verdict.verdict == "overfitting") == (verdict.overfit_step is not None)
    assert bool(overfit) == (verdict.onset_interval is not None)
    if verdict.best_band is not None:
        assert verdict.best_step is not None
        assert verdict.best_band[0] <= verdict.best_step <= verdict.best_band[1]
    if overfit:
        assert verdict.onset_interval is not None
        assert verdict.best_step is not None
        earliest, latest = verdict.onset_interval
        assert verdict.best_step < earliest <= overfit[0].start_step <= latest
    assert stop_advice(pair).stop in (True, False)
    assert len(stops(pair)) in (0, 6)
