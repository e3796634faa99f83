"""How sure a verdict is, and over which span its landmarks may lie."""

from __future__ import annotations

from core.dynamics import diagnose


def test_a_verdict_says_how_sure_it_is_and_since_when(pair, overfit, fall):
    train, val = overfit(60, 0.01)
    verdict = diagnose(pair(val, train))
    assert verdict.best_band is not None
    assert verdict.onset_interval is not None
    assert verdict.best_step is not None
    assert verdict.overfit_step is not None
    assert verdict.best_band[0] <= verdict.best_step < verdict.onset_interval[0]
    assert verdict.onset_interval[0] <= verdict.overfit_step <= verdict.onset_interval[1]
    assert verdict.stop_step is not None
    assert verdict.confidence > 0.95
    record = verdict.to_json()
    assert record["best_band"] == list(verdict.best_band)
    assert record["onset_interval"] == list(verdict.onset_interval)
    assert record["stop_step"] == verdict.stop_step
    flat = diagnose(pair(fall(60, 0.3, 0.15), fall(60, 0.25, 0.15)))
    assert (flat.onset_interval, flat.stop_step) == (None, None)
    assert flat.best_band is not None
    assert flat.best_band[1] == 59
    assert diagnose(pair(fall(3), fall(3))).confidence == 0


def test_confidence_grows_with_the_evidence(pair, overfit):
    train, val = overfit(60, 0.01)
    mild = diagnose(pair(val, train), at=33)
    late = diagnose(pair(val, train), at=59)
    assert mild.verdict == late.verdict == "overfitting"
    assert mild.confidence < late.confidence
