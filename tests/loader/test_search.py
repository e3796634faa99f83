"""The search on synthetic truth: near the best in few trials, whatever the model's error."""

from __future__ import annotations

import random

import pytest

from core.loader import Model, Setting, Trial
from core.loader.judge import observations
from core.loader.search import choose, leader_of
from core.loader.setting import Space

SPACE = Space((0, 1, 2, 3, 4, 8), (10,)).settings()
BASE = Setting.of(0, 10)

PIPELINES = {
    "decode": {},
    "balanced": {"step_wait_ms": 8.0},
    "training": {"step_ms": 12.0},
    "memory": {"get_cpu_s": 5e-6, "get_s": (5e-6,) * 9},
    "storage": {"get_wait_s": 0.01, "get_s": (0.011,) * 9},
}


def play(make_trial, model, truth, seed=0, noise=0.03, most=6, baseline=BASE):
    """Run the search against a truth; (trials, pick)."""
    rng, trials = random.Random(seed), []
    while (found := choose(model, SPACE, baseline, trials, most)).setting is not None:
        number = 1 + sum(t.setting == found.setting for t in trials)
        speed = truth(found.setting) * (1 + rng.gauss(0, noise))
        trials.append(make_trial(found.setting, speed, number))
    return trials, leader_of(model, observations(trials)), found


@pytest.mark.parametrize("name", list(PIPELINES))
def test_a_right_model_finds_the_best_in_at_most_six_trials(name, make_costs, make_trial):
    model = Model(make_costs(**PIPELINES[name]))
    best = max(model.raw(s) for s in SPACE)
    for seed in range(5):
        trials, pick, stop = play(make_trial, model, model.raw, seed)
        assert len(trials) <= 6
        assert model.raw(pick) >= 0.93 * best
        assert stop.why.startswith("Stopped")


@pytest.mark.parametrize("name", list(PIPELINES))
def test_a_model_that_is_off_is_corrected_by_the_trials(name, make_costs, make_trial):
    model = Model(make_costs(**PIPELINES[name]))

    def truth(setting):
        # Workers deliver 25 % less than the model thinks, many workers less still.
        return model.raw(setting) * (1.0 if setting.num_workers == 0 else 0.75) * (
            0.93 if setting.num_workers > 3 else 1.0
        )  # fmt: skip

    best = max(truth(s) for s in SPACE)
    regrets = [1 - truth(play(make_trial, model, truth, seed)[1]) / best for seed in range(6)]
    assert sum(regrets) / len(regrets) <= 0.05


def test_the_setting_in_use_comes_first_then_the_best_of_the_other_kind(make_costs, make_trial):
    model = Model(make_costs())
    first = choose(model, SPACE, BASE, [], 6)
    assert first.setting == BASE
    second = choose(model, SPACE, BASE, [make_trial(BASE, 800.0)], 6)
    assert second.setting is not None
    assert second.setting.num_workers > 0
    with_workers = Setting.of(2, 10)
    other = choose(model, SPACE, with_workers, [make_trial(with_workers, 800.0)], 6)
    assert other.setting == BASE


def test_the_answer_rests_on_two_rounds_of_the_leader_and_the_baseline(make_costs, make_trial):
    model = Model(make_costs())
    # Enough of them that a leader which falls back when it is repeated leaves some.
    trials, pick, _ = play(make_trial, model, model.raw, most=14)
    for setting in {pick, BASE}:
        assert sum(t.setting == setting for t in trials) >= 2


def test_what_does_not_fit_into_shared_memory_is_never_measured(make_costs, make_trial):
    model = Model(make_costs(shared_free=1_500_000))
    unfit = {p.setting for p in model.predict(SPACE) if not p.fits}
    trials, _, _ = play(make_trial, model, model.raw, most=30)
    assert unfit
    assert not unfit & {t.setting for t in trials}


def test_after_running_out_of_shared_memory_only_smaller_settings_are_tried(make_costs, make_trial):
    model = Model(make_costs())
    full = Trial(Setting.of(2, 10, 1), 1, "failed", "Shared memory (/dev/shm) is full of batches.")
    trials = [make_trial(BASE, 700.0), full]
    found = choose(model, SPACE, BASE, trials, 6)
    if found.setting is not None and found.setting != BASE:
        less = model.predict([found.setting])[0].shared_bytes
        assert less < model.predict([full.setting])[0].shared_bytes


def test_a_failed_setting_does_not_end_the_search(make_costs, make_trial):
    model = Model(make_costs())
    failed = Trial(Setting.of(2, 10, 1), 1, "failed", "A worker was killed (SIGKILL).")
    found = choose(model, SPACE, BASE, [make_trial(BASE, 700.0), failed], 6)
    assert found.setting is not None
    assert found.setting != failed.setting


def test_when_nothing_works_it_stops_after_three_settings(make_costs):
    model = Model(make_costs())
    trials: list[Trial] = []
    while (found := choose(model, SPACE, BASE, trials, 6)).setting is not None:
        trials.append(Trial(found.setting, 1, "failed", "__getitem__ raised OSError."))
    assert len(trials) == 3
    assert found.why == "Stopped: every setting tried fails."
