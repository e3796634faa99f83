"""Throughput with its uncertainty, and a recommendation that does not claim too much."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotFound, Unreadable
from core.loader import Setting, Trial, read_trials, recommend, summarise
from core.loader.plan import grid, interleaved, pin_choices, worker_counts
from core.loader.trial import MAX_BLOCKS, blocks, warmup_steps


def test_reading_trials_does_not_import_torch():
    code = "import sys, core.loader, core.charts.loader; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_trials_survive_the_file(tmp_path, tuning):
    trials = tuning({0: [100.0, 110.0], 2: [200.0, 210.0]})
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
    assert result.throughput.low <= 105 < 160 <= result.throughput.high
    assert result.rounds == 3


def test_more_scatter_gives_a_wider_interval(tuning):
    def width(jitter):
        (result,) = summarise(tuning({2: [100.0]}, jitter=jitter))
        assert result.throughput is not None
        return result.throughput.high - result.throughput.low

    assert 0 < width(0.02) < width(0.4)


def test_the_fastest_setting_is_recommended_with_its_gain(tuning):
    advice = recommend(tuning({0: [100.0] * 3, 1: [150.0] * 3, 2: [200.0] * 3}))
    assert advice.best == Setting(2, False)
    assert advice.best is not None
    assert advice.speedup is not None
    assert advice.speedup.low < advice.speedup.value == 2.0 < advice.speedup.high
    assert advice.certain
    assert advice.text.startswith("Use 2 workers: 200 samples/s, 2.00 × the baseline")
    assert advice.best.params["num_workers"] == 2


def test_within_three_percent_fewer_workers_win(tuning):
    speeds = {0: [100.0], 1: [196.0], 2: [200.0], 4: [201.0]}
    assert recommend(tuning(speeds)).best == Setting(1, False)


def test_an_interval_that_includes_no_gain_is_said_to(tuning):
    advice = recommend(tuning({0: [100.0, 140.0, 90.0], 2: [120.0, 80.0, 150.0]}))
    assert advice.best == Setting(2, False)
    assert not advice.certain
    assert "The interval includes no gain" in advice.text


def test_a_baseline_that_is_best_is_kept(tuning):
    advice = recommend(tuning({0: [200.0] * 2, 2: [150.0] * 2}))
    assert advice.best == advice.baseline == Setting(0, False)
    assert advice.text.startswith("Keep 0 workers")


def test_failed_trials_are_results_with_a_reason(tuning):
    trials = tuning({0: [100.0]})
    failed = Trial(Setting(2, False), 1, "failed", "A worker was killed.")
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


@given(st.integers(0, 300))
def test_worker_counts_are_powers_of_two_up_to_the_maximum(most):
    counts = worker_counts(most)
    assert counts == sorted(set(counts))
    assert (counts[0], counts[-1]) == (0, most)
    assert all(count & (count - 1) == 0 for count in counts[:-1])


def test_without_an_accelerator_pinning_is_left_out_and_said():
    assert pin_choices("auto", False)[0] == [False]
    assert "no effect without a CUDA device" in pin_choices("on", False)[1]
    assert pin_choices("auto", True) == ([False, True], "")


def test_every_round_tries_every_setting_once_and_the_baseline_first():
    settings = grid(4, [False, True], 2)
    assert len(settings) == len(set(settings)) == 8
    order = list(interleaved(settings, 3, seed=0))
    assert order[0] == (1, Setting(0, False))
    for number in (1, 2, 3):
        assert sorted(s for n, s in order if n == number) == sorted(settings)
    assert order == list(interleaved(settings, 3, seed=0))
    pinned = grid(1, [True], 4)
    assert pinned[0] == Setting(0, False, 4)


def test_all_that_was_fetched_ahead_is_warm_up():
    assert warmup_steps(Setting(0, False)) == 2
    assert warmup_steps(Setting(4, False, prefetch_factor=8)) == 36


@given(st.lists(st.floats(1e-4, 1.0), min_size=8, max_size=3_000), st.integers(0, 9))
def test_blocks_are_whole_multiples_of_the_workers_and_few(times, workers):
    length, sums = blocks(times, workers)
    assert length % max(1, workers) == 0
    assert len(sums) <= MAX_BLOCKS
    assert sum(sums) == pytest.approx(sum(times[: length * len(sums)]))
    assert len(times) - length * len(sums) < length
