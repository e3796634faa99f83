"""Throughput with its uncertainty, and a recommendation that does not claim too much."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from core.errors import NotFound, Unreadable
from core.loader import (
    Model,
    Setting,
    Trial,
    comparable,
    prediction_errors,
    read_trials,
    recommend,
    summarise,
    tunings,
)
from core.loader.judge import drift_sd, good_trials


def test_reading_trials_does_not_import_torch():
    code = "import sys, core.loader, core.charts.loader; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_trials_survive_the_file(tmp_path, tuning, make_costs):
    costs = make_costs()
    predicted = tuple(Model(costs).predict([Setting.of(2, 10)]))
    trials = replace(tuning({0: [100.0, 110.0], 2: [200.0, 210.0]}), costs=costs,
                     predicted=predicted, first_guess=(90.0, None, 150.0, 160.0))  # fmt: skip
    (tmp_path / "trials.json").write_text(json.dumps(trials.to_json()), encoding="utf-8")
    assert read_trials(tmp_path) == trials


def test_a_folder_without_trials_says_how_to_get_them(tmp_path):
    with pytest.raises(NotFound, match="Start a tuning"):
        read_trials(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"trials": [1]}', '{"trials": [], "notes": 3}'])
def test_damaged_trials_are_refused_in_one_line(tmp_path, text):
    (tmp_path / "trials.json").write_text(text, encoding="utf-8")
    with pytest.raises(Unreadable, match="Tune again"):
        read_trials(tmp_path)


def test_throughput_is_the_median_of_the_rounds_inside_its_interval(tuning):
    (result,) = summarise(tuning({2: [100.0, 120.0, 180.0]}))
    assert result.throughput is not None
    assert result.throughput.value == 120.0
    assert result.throughput.low <= 110 < 150 <= result.throughput.high
    assert result.rounds == 3


def test_more_scatter_gives_a_wider_interval(tuning):
    def width(jitter):
        (result,) = summarise(tuning({2: [100.0]}, jitter=jitter))
        assert result.throughput is not None
        return result.throughput.high - result.throughput.low

    assert 0 < width(0.02) < width(0.8)


def test_trials_that_differ_more_than_expected_widen_all_intervals(tuning):
    calm, wild = tuning({0: [100.0, 101.0]}), tuning({0: [100.0, 140.0]})
    assert drift_sd(calm.trials) < 0.05 < drift_sd(wild.trials)


def test_a_trial_that_drifts_within_itself_is_expected_to_drift_between_trials(make_trial):
    steady = make_trial(Setting.of(0, 10), 100.0)
    first, last = steady.block_s[:10], tuple(1.2 * each for each in steady.block_s[10:])
    drifting = replace(steady, block_s=first + last)
    assert drift_sd([steady]) == pytest.approx(0.04)
    assert drift_sd([drifting]) > 0.1


def test_the_interval_of_the_gain_holds_the_gain_of_new_trials(make_trial, tuning):
    """Trials that drift by 4 % each: at least 90 % of the intervals hold the true gain."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(60):
        noise = np.exp(rng.normal(0, 0.04, 4))
        advice = recommend(tuning({0: list(100 * noise[:2]), 2: list(180 * noise[2:])}))
        assert advice.speedup is not None
        held += advice.speedup.low <= 1.8 <= advice.speedup.high
    assert held >= 54


def test_the_fastest_setting_is_recommended_with_its_gain(tuning):
    advice = recommend(tuning({0: [100.0] * 3, 1: [150.0] * 3, 2: [200.0] * 3}))
    assert advice.best == Setting.of(2, 10)
    assert advice.speedup is not None
    assert advice.speedup.low < advice.speedup.value == 2.0 < advice.speedup.high
    assert advice.certain
    assert advice.text.startswith("Use 2 workers, prefetch 2: 200 samples/s, 2.00 × the baseline")


def test_within_three_percent_fewer_workers_win(tuning):
    speeds = {0: [100.0], 1: [196.0], 2: [200.0], 4: [201.0]}
    assert recommend(tuning(speeds)).best == Setting.of(1, 10)


def test_an_interval_that_includes_no_gain_is_said_to(tuning):
    advice = recommend(tuning({0: [100.0, 140.0, 90.0], 2: [120.0, 80.0, 150.0]}))
    assert not advice.certain
    assert "The interval includes no gain" in advice.text


def test_a_baseline_that_is_best_is_kept(tuning):
    advice = recommend(tuning({0: [200.0] * 2, 2: [150.0] * 2}))
    assert advice.best == advice.baseline == Setting.of(0, 10)
    assert advice.text.startswith("Keep 0 workers")


def test_what_was_measured_slower_than_now_is_not_advised_whatever_the_model_says(
    tuning, make_costs
):
    trials = replace(tuning({0: [100.0, 100.0], 2: [97.5, 96.0]}), costs=make_costs())
    assert recommend(trials).best == trials.baseline


def test_failed_trials_are_results_with_a_reason(tuning):
    trials = tuning({0: [100.0]})
    failed = Trial(Setting.of(2, 10), 1, "failed", "A worker was killed.")
    trials = replace(trials, trials=(*trials.trials, failed))
    base, broken = summarise(trials)
    assert base.throughput is not None
    assert (broken.throughput, broken.reason) == (None, "A worker was killed.")
    assert recommend(trials).best == base.setting
    nothing = recommend(replace(trials, trials=(failed,)))
    assert nothing.best is None
    assert nothing.text == "No setting could be measured: A worker was killed."


def test_nothing_measured_yet_recommends_nothing(tuning):
    assert recommend(replace(tuning({0: [1.0]}), trials=())).text == "Nothing measured yet."


def test_a_contaminated_trial_counts_only_where_there_is_no_other(make_trial):
    setting = Setting.of(1, 10)
    dirty, clean = make_trial(setting, 50.0, foreign_cpu=0.6), make_trial(setting, 100.0)
    assert good_trials([dirty, clean], setting) == [clean]
    assert good_trials([dirty], setting) == [dirty]


def test_an_answer_from_a_busy_machine_is_not_certain(make_trial, tuning):
    trials = tuning({0: [100.0, 101.0], 2: [200.0, 201.0]})
    assert recommend(trials).certain
    busy = tuple(replace(t, foreign_cpu=0.6) for t in trials.trials)
    advice = recommend(replace(trials, trials=busy))
    assert not advice.certain
    assert "measure again" in advice.text


def test_the_error_of_the_model_counts_each_setting_once(tuning):
    trials = replace(tuning({0: [100.0, 90.0], 2: [200.0]}), first_guess=(110.0, 95.0, 150.0))
    assert [round(error, 3) for _, error in prediction_errors(trials)] == [0.1, -0.25]


def test_tunings_compare_when_data_machine_and_parameters_are_the_same(tmp_path, tuning):
    one = replace(tuning({0: [100.0]}), machine="a", dataset="d")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "trials.json").write_text(json.dumps(one.to_json()), encoding="utf-8")
    (tmp_path / "none").mkdir()
    (found,) = tunings([tmp_path / "none", tmp_path / "one"])
    assert (found.id, found.best_per_s) == ("one", 100.0)
    assert comparable(found.trials, one)
    assert not comparable(found.trials, replace(one, machine="b"))
    assert not comparable(found.trials, replace(one, params={"image_size": 128}))
