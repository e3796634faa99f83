"""The stopping rules of others, on curves small enough to follow by hand."""

from __future__ import annotations

import numpy as np
import pytest

from core.dynamics import stops

RULES = [
    "EarlyStopping 5",
    "EarlyStopping 10",
    "EarlyStopping 20",
    "Prechelt GL 5",
    "Prechelt PQ 0.75",
    "Prechelt UP 3",
]


def by_rule(pair) -> dict[str, int | None]:
    return {peer.rule: peer.step for peer in stops(pair)}


def test_every_rule_is_asked_and_names_the_best_step_it_saw(pair, overfit):
    train, val = overfit(60)
    peers = stops(pair(val, train, 100, 50))
    assert [peer.rule for peer in peers] == RULES
    assert {peer.best_step for peer in peers} == {50 + 100 * int(np.argmin(val))}


@pytest.mark.parametrize("patience", [5, 10, 20])
def test_patience_counts_the_points_since_the_last_improvement(pair, patience):
    val = np.concatenate([np.linspace(2, 1, 8), np.full(30, 1.0)])
    assert by_rule(pair(val, val))[f"EarlyStopping {patience}"] == 7 + patience


def test_generalisation_loss_stops_above_five_per_cent(pair):
    val = np.array([2.0, 1.0, 1.03, 1.04, 1.06, 0.9])
    peers = {peer.rule: peer for peer in stops(pair(val, val))}
    assert (peers["Prechelt GL 5"].step, peers["Prechelt GL 5"].best_step) == (4, 1)


def test_progress_waits_while_training_still_moves(pair):
    val = np.array([1.0, 1, 1, 1, 1.1] * 2)
    moving, still = np.linspace(2, 0.1, 10), np.ones(10)
    assert by_rule(pair(val, moving))["Prechelt PQ 0.75"] is None
    assert by_rule(pair(val, still))["Prechelt PQ 0.75"] == 4
    assert by_rule(pair(val))["Prechelt PQ 0.75"] is None


def test_three_rising_strips_in_succession_stop(pair):
    val = np.repeat([1.0, 2, 1, 2, 3, 4, 5], 5)
    assert by_rule(pair(val, val))["Prechelt UP 3"] == 29


def test_falling_curves_are_never_stopped(pair, fall):
    assert set(by_rule(pair(fall(60), fall(60))).values()) == {None}


@pytest.mark.parametrize("val", [None, [], [np.nan, np.inf]])
def test_without_a_finite_validation_loss_there_is_no_rule(pair, val):
    assert stops(pair(None if val is None else np.array(val, float), np.ones(2))) == ()


def test_a_loss_that_is_no_longer_finite_is_no_improvement(pair, fall):
    val = np.concatenate([fall(10), np.full(10, np.nan)])
    assert by_rule(pair(val, val))["EarlyStopping 5"] == 14


def test_a_constant_huge_or_negative_loss_is_no_error(pair):
    for val in (np.zeros(30), np.full(30, 1e300), -np.arange(30.0), np.tile([1e30, -1e30], 15)):
        assert len(stops(pair(val, val))) == len(RULES)
