"""Verdicts on curves whose truth is known by construction."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from core.dynamics import PHASES, Curve, LossPair, diagnose


@pytest.mark.parametrize("count", [12, 30, 45, 60, 200])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_rising_validation_loss_is_overfitting(pair, overfit, count, noise, tiled):
    train, val = overfit(count, noise)
    verdict = diagnose(pair(val, train))
    assert verdict.verdict == "overfitting"
    assert verdict.best_step == int(np.argmin(val))
    assert verdict.best_value == val.min()
    assert verdict.best_step is not None
    assert verdict.overfit_step is not None
    assert verdict.best_step < verdict.overfit_step < 0.75 * count
    assert [zone.phase for zone in verdict.zones] == ["underfitting", "optimal", "overfitting"]
    assert verdict.zones[-1].start_step == verdict.overfit_step
    assert verdict.phase_at(verdict.best_step) == "optimal"
    tiled(verdict, 0, count - 1)


def test_the_summary_carries_evidence(pair, overfit):
    train, val = overfit(45, 0.01)
    verdict = diagnose(pair(val, train))
    assert f"since step {verdict.overfit_step}" in verdict.summary
    assert f"best {verdict.best_value:.4g} at step {verdict.best_step}" in verdict.summary
    assert "%" in verdict.summary
    assert "times its standard error" in verdict.summary
    assert "training loss kept falling" in verdict.summary


def test_a_loss_still_falling_is_underfitting(pair, fall):
    val = fall(40, 0.0, 0.03)
    verdict = diagnose(pair(val, 0.98 * val))
    assert verdict.verdict == "underfitting"
    assert verdict.overfit_step is None
    assert [zone.phase for zone in verdict.zones] == ["underfitting"]
    assert verdict.advice[0].overrides == {"epochs": 80}


def test_a_plateau_high_up_is_underfitting(pair, fall):
    val = fall(60, 1.85, 0.2)
    verdict = diagnose(pair(val, val - 0.02))
    assert verdict.verdict == "underfitting"
    assert "learned little" in verdict.summary


@pytest.mark.parametrize("noise", [0.0, 0.004])
def test_a_plateau_low_down_is_optimal(pair, fall, noise):
    rng = np.random.default_rng(1)
    val = fall(60, 0.3, 0.15) + noise * rng.standard_normal(60)
    verdict = diagnose(pair(val, fall(60, 0.25, 0.15)))
    assert verdict.verdict == "optimal"
    assert [zone.phase for zone in verdict.zones] == ["underfitting", "optimal"]
    assert verdict.advice[0].title == f"Keep the checkpoint of step {verdict.best_step}"


def test_a_wide_gap_without_a_rise_is_optimal_with_advice_on_the_gap(pair, fall):
    verdict = diagnose(pair(fall(60, 0.8, 0.15), fall(60, 0.05, 0.15)))
    assert verdict.verdict == "optimal"
    assert "dropout" in verdict.advice[1].overrides


def test_a_loss_that_becomes_nan_has_diverged(pair, fall, tiled):
    val, train = fall(30), fall(30)
    train[20:] = np.nan
    val[21:] = np.inf
    verdict = diagnose(pair(val, train))
    assert verdict.verdict == "diverged"
    assert "training loss became NaN or infinite at step 20" in verdict.summary
    assert verdict.best_step == 20
    assert verdict.diverged_step == 20
    assert verdict.to_json()["diverged_step"] == 20
    assert {zone["phase"] for zone in verdict.to_json()["zones"]} <= set(PHASES)
    tiled(verdict, 0, 29)


def test_a_loss_that_is_nan_from_the_start_has_diverged(pair, tiled):
    verdict = diagnose(pair(np.full(20, np.nan), np.full(20, np.nan)))
    assert (verdict.verdict, verdict.best_step, verdict.best_value) == ("diverged", None, None)
    tiled(verdict, 0, 19)


def test_one_nan_that_recovers_is_a_failed_check_not_a_divergence(pair, overfit):
    train, val = overfit(45)
    train[10] = np.nan
    val[30] = np.nan
    verdict = diagnose(pair(val, train))
    assert verdict.verdict == "overfitting"
    assert verdict.checks[0].status == "fail"


def test_validation_and_training_loss_rising_together_is_divergence(pair):
    epoch = np.arange(40)
    both = 2 * np.exp(-0.3 * epoch) + 0.2 + 0.1 * np.maximum(epoch - 15, 0)
    verdict = diagnose(pair(both + 0.1, both))
    assert verdict.verdict == "diverged"
    assert verdict.overfit_step is None
    assert verdict.diverged_step is not None
    assert 15 < verdict.diverged_step < 25


def test_a_nan_that_was_got_over_is_not_where_a_run_diverged(pair, fall, tiled):
    val, train = fall(40), fall(40)
    train[3] = val[4] = np.nan
    train[30:] = val[30:] = np.nan
    verdict = diagnose(pair(val, train))
    assert (verdict.verdict, verdict.diverged_step, verdict.best_step) == ("diverged", 30, 29)
    assert "at step 30" in verdict.summary
    tiled(verdict, 0, 39)


def test_only_a_diverged_run_has_a_step_of_divergence(pair, overfit, fall):
    train, val = overfit(45)
    for given in (pair(val, train), pair(fall(40), fall(40)), pair(None, fall(40))):
        assert diagnose(given).diverged_step is None


def test_a_training_loss_above_its_start_says_since_when(pair, fall, tiled):
    epoch = np.arange(40)
    train = 2.0 + 0.02 * np.maximum(epoch - 20, 0)
    verdict = diagnose(pair(np.full(40, 1.9) - 0.001 * epoch, train))
    assert verdict.verdict == "diverged"
    assert verdict.diverged_step == 26
    tiled(verdict, 0, 39)


@pytest.mark.parametrize("kind", ["stuck", "lost at once"])
def test_a_run_that_never_learned_has_no_good_stretch(pair, kind, tiled):
    rng = np.random.default_rng(0)
    losses = np.log(4) + 0.003 * rng.standard_normal((2, 30))
    if kind == "lost at once":
        losses[:, 6:] = np.nan
    verdict = diagnose(pair(*losses))
    assert verdict.verdict == ("not-learning" if kind == "stuck" else "diverged")
    assert {zone.phase for zone in verdict.zones} == {"underfitting"}
    assert verdict.best_band is None
    tiled(verdict, 0, 29)


def test_of_five_points_a_rise_at_the_last_alone_is_too_early_to_tell(pair):
    train = np.linspace(1, 0.1, 6)
    assert diagnose(pair(np.array([1.0, 0.8, 0.7, 0.65, 0.6, 0.7]), train)).verdict == "too-short"
    risen = diagnose(pair(np.array([1.0, 0.8, 0.7, 0.6, 0.7, 0.8]), train))
    assert risen.verdict == "overfitting"
    assert "in 6 points, too few to measure the noise" in risen.summary


def test_a_loss_stuck_at_chance_is_not_learning(pair):
    rng = np.random.default_rng(0)
    stuck = np.log(4) + 0.003 * rng.standard_normal((2, 30))
    assert diagnose(pair(*stuck)).verdict == "not-learning"


def test_swings_larger_than_the_effect_are_noisy(pair, fall):
    rng = np.random.default_rng(3)
    val = fall(16, 0.3, 0.3) * np.exp(0.6 * rng.standard_normal(16))
    verdict = diagnose(pair(val, fall(16, 0.2, 0.3)))
    assert verdict.verdict == "noisy"
    assert verdict.summary.startswith("Cannot tell")


def test_swings_of_a_loss_that_is_nearly_nothing_are_not_noisy(pair, fall):
    rng = np.random.default_rng(1)
    val = 0.2 * np.exp(-0.5 * np.arange(40)) + 0.02 * np.exp(0.8 * rng.standard_normal(40))
    verdict = diagnose(pair(val, fall(40, 0.0)))
    assert verdict.verdict == "optimal"
    assert "too little left" in verdict.summary


def test_noise_on_a_plateau_is_never_called_overfitting(pair, fall):
    rng = np.random.default_rng(5)
    named = [
        diagnose(
            pair(fall(50, 0.4, 0.2) + 0.02 * rng.standard_normal(50), fall(50, 0.3, 0.2))
        ).verdict
        for _ in range(60)
    ]
    assert named.count("overfitting") <= 1


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_fewer_than_four_points_are_too_short(pair, fall, count):
    verdict = diagnose(pair(fall(count), fall(count)))
    assert verdict.verdict == ("too-short" if count else "no-validation")


@pytest.mark.parametrize(
    ("val", "expected"),
    [
        ([1.0, 0.5, 0.4, 0.5, 0.6, 0.7], "overfitting"),
        ([1.0, 0.9, 0.8, 0.6, 0.5], "underfitting"),
        ([0.41, 0.32, 0.29, 0.2865, 0.2875], "too-short"),
        ([1.0, 0.5, 0.7, 0.4, 0.6, 0.5], "too-short"),
    ],
)
def test_short_curves_get_a_verdict_only_when_it_is_evident(pair, val, expected, tiled):
    train = np.linspace(1, 0.1, len(val))
    verdict = diagnose(pair(np.array(val), train))
    assert verdict.verdict == expected
    tiled(verdict, 0, len(val) - 1)


def test_without_validation_loss_nothing_is_claimed(pair, fall, tiled):
    verdict = diagnose(pair(None, fall(40)))
    assert verdict.verdict == "no-validation"
    assert verdict.points == 40
    assert "overfitting" not in [zone.phase for zone in verdict.zones]
    tiled(verdict, 0, 39)


def test_without_any_point_there_are_no_zones(pair):
    assert diagnose(pair(None, None)).zones == ()


def test_validation_loss_alone_is_judged(pair, overfit):
    verdict = diagnose(pair(overfit(45)[1]))
    assert verdict.verdict == "overfitting"
    assert "no training loss" in verdict.summary


def test_steps_not_indices_are_reported(pair, overfit, tiled):
    train, val = overfit(45)
    by_index, by_step = diagnose(pair(val, train)), diagnose(pair(val, train, 250, 1000))
    assert by_index.best_step is not None
    assert by_index.overfit_step is not None
    assert by_step.best_step == 1000 + 250 * by_index.best_step
    assert by_step.overfit_step == 1000 + 250 * by_index.overfit_step
    tiled(by_step, 1000, 1000 + 250 * 44)


def test_validation_sparser_than_training(overfit, tiled):
    train, val = overfit(45)
    dense = np.interp(np.arange(45 * 20) / 20, np.arange(45), train)
    noisy = dense + 0.05 * np.random.default_rng(0).standard_normal(len(dense))
    pair = LossPair(
        "run",
        "train_loss",
        "val_loss",
        Curve(np.arange(len(noisy)), noisy),
        Curve(20 * np.arange(45) + 19, val),
    )
    verdict = diagnose(pair)
    assert verdict.verdict == "overfitting"
    assert verdict.points == 45
    tiled(verdict, 0, len(noisy) - 1)


def test_only_the_past_is_seen(pair, overfit, tiled):
    train, val = overfit(60)
    whole = pair(val, train)
    early = diagnose(whole, at=18)
    assert early.verdict != "overfitting"
    assert early.points == 19
    tiled(early, 0, 18)
    cut = diagnose(pair(val[:19], train[:19]))
    assert early.to_json() == cut.to_json()
    assert diagnose(whole, at=59).verdict == "overfitting"


def test_a_recovered_bump_is_not_overfitting(pair, fall):
    epoch = np.arange(80)
    val = fall(80, 0.3, 0.08) + 0.6 * np.exp(-(((epoch - 30) / 6) ** 2))
    verdict = diagnose(pair(val, fall(80, 0.1, 0.08)))
    assert verdict.verdict != "overfitting"
    assert verdict.phase_at(79) != "overfitting"


def test_losses_near_zero_and_negative_losses_do_not_make_noise_large(pair, fall):
    rng = np.random.default_rng(0)
    near_zero = np.abs(fall(60, 0.0, 0.2)) + 1e-6 * np.abs(rng.standard_normal(60))
    assert diagnose(pair(near_zero, near_zero)).verdict in ("optimal", "underfitting")
    negative = fall(60, 0.3, 0.15) - 5
    assert diagnose(pair(negative, negative)).verdict == "optimal"


def test_the_gap_at_a_step(pair):
    verdict = diagnose(pair(np.array([3.0, 2, 2, 2, 2]), np.array([2.0, 1, 1, 1, 0.5])))
    assert verdict.gap_at(0) == 1
    assert verdict.gap_at(4) == 1.5
    assert diagnose(pair(np.ones(9))).gap_at(3) is None


def test_the_json_is_what_the_command_line_promises(pair, overfit):
    train, val = overfit(45, 0.01)
    val[40] = np.nan
    record = json.loads(json.dumps(diagnose(pair(val, train)).to_json(), allow_nan=False))
    promised = "run train_tag val_tag points verdict best_step overfit_step zones checks advice"
    assert set(promised.split()) <= set(record)
    assert record["points"] == 45
    assert set(record["zones"][0]) == {"phase", "start_step", "end_step"}
    assert {"early_stop": "auto"} in [advice["overrides"] for advice in record["advice"]]


def test_a_thousand_points_take_less_than_50_ms(pair, overfit):
    train, val = overfit(1000, 0.01)
    whole = pair(val, train)
    diagnose(whole)
    spent = []
    for _ in range(5):
        start = time.process_time()
        diagnose(whole)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.050


@pytest.mark.parametrize(
    ("val", "train", "expected"),
    [
        ([1.0, 1.2], [1.0, 0.4], "overfitting"),
        ([1.0, 1.2], [1.0, 0.9], "too-short"),
        ([1.0, 0.5, 0.6], [1.0, 0.5, 0.3], "overfitting"),
        ([1.0, 0.5, 0.6], [1.0, 0.5, 0.6], "diverged"),
    ],
)
def test_two_points_need_a_wide_gap_and_three_a_falling_training_loss(pair, val, train, expected):
    assert diagnose(pair(np.array(val), np.array(train))).verdict == expected


def test_a_training_loss_that_ends_above_its_start_has_diverged(pair):
    rng = np.random.default_rng(0)
    both = 2.3 + 0.4 * (1 - np.exp(-np.arange(30) / 5)) + 0.05 * rng.standard_normal(30)
    assert diagnose(pair(both, both)).verdict == "diverged"
