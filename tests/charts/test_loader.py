"""The throughput chart shows every setting with its interval and marks the baseline."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.charts.loader import summary_frame, throughput_chart, trial_frame
from core.loader import Setting, Trial, Trials


@pytest.fixture
def trials() -> Trials:
    made = [
        Trial(
            Setting(workers, pin), number, "ok", samples_per_s=100.0 + 50 * workers + number,
            wait_share=0.4, startup_s=0.2, steps=20, block_s=(0.1, 0.11, 0.09, 0.1),
        )
        for number in (1, 2)
        for workers in (0, 1, 2)
        for pin in (False, True)
    ]  # fmt: skip
    made.append(Trial(Setting(4, False), 1, "timeout", "No result."))
    return Trials("photos", "cuda:0", 32, 2, 60.0, 14, False, (), tuple(made))


def test_the_chart_is_valid_and_layers_bars_intervals_trials_and_baseline(trials):
    spec = throughput_chart(trials).to_dict()
    marks = [layer["mark"]["type"] for layer in spec["layer"]]
    assert marks == ["bar", "rule", "point", "rule", "text"]
    bars = spec["layer"][0]["encoding"]
    assert bars["y"]["title"] == "throughput (samples/s)"
    assert bars["color"]["field"] == "pin"


def test_the_frames_hold_what_was_measured_and_nothing_else(trials):
    frame = summary_frame(trials)
    assert len(frame) == 6
    assert bool(frame["samples_per_s"].between(frame["low"], frame["high"]).all())
    assert len(trial_frame(trials)) == 12


def test_without_a_baseline_no_line_claims_to_be_one(trials):
    rest = tuple(t for t in trials.trials if t.setting != Setting(0, False))
    spec = throughput_chart(replace(trials, trials=rest)).to_dict()
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["bar", "rule", "point"]


def test_before_the_first_result_the_chart_says_so(trials):
    spec = throughput_chart(replace(trials, trials=())).to_dict()
    assert "No setting has been measured yet." in str(spec)
