"""The bands behind curves: they tile the run, name what is certain, and end where it was lost."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from core.dynamics import Curve, LossPair, Verdict, diagnose
from core.dynamics.bands import DIVERGED, bands


def _judged(train: np.ndarray, val: np.ndarray) -> Verdict:
    steps = np.arange(1, len(val) + 1)
    return diagnose(LossPair("net", "train", "val", Curve(steps, train), Curve(steps, val)))


@pytest.fixture
def overfit() -> Verdict:
    epochs = np.arange(40)
    val = 2.0 * 0.8**epochs + 0.4 + 0.015 * np.maximum(0, epochs - 8)
    return _judged(2.0 * 0.9**epochs + 0.01, val)


@pytest.fixture
def lost() -> Verdict:
    val = np.where(np.arange(20) < 15, 2.0 - 0.1 * np.arange(20), np.nan)
    return _judged(val - 0.1, val)


def test_they_tile_the_run(overfit: Verdict, lost: Verdict) -> None:
    for verdict, last in ((overfit, 40), (lost, 20)):
        found = bands(verdict, last)
        assert (found[0].start, found[-1].end) == (1, last)
        assert all(a.end == b.start for a, b in itertools.pairwise(found))
        assert all(band.end > band.start for band in found)


def test_the_onset_of_overfitting_is_uncertain_for_as_long_as_its_interval(
    overfit: Verdict,
) -> None:
    assert overfit.onset_interval is not None
    low, high = overfit.onset_interval
    assert low < high
    (onset,) = [band for band in bands(overfit, 40) if not band.certain]
    assert (onset.name, onset.start, onset.end) == ("overfitting", low, high)
    sure = bands(replace(overfit, onset_interval=None), 40)
    assert [band.name for band in sure] == ["underfitting", "optimal", "overfitting"]
    assert all(band.certain for band in sure)
    assert sure[-1].start == overfit.overfit_step


def test_what_comes_after_divergence_is_no_phase(lost: Verdict) -> None:
    found = bands(lost, 20)
    assert found[-1].name == DIVERGED
    assert found[-1].start == lost.diverged_step == 16
    assert DIVERGED not in [band.name for band in found[:-1]]


def test_a_run_of_one_point_has_one_band() -> None:
    verdict = _judged(np.array([1.0]), np.array([1.0]))
    assert [(band.start, band.end) for band in bands(verdict, 1)] == [(1, 1)]
