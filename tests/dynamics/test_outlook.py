"""What pages tell of a verdict: time axes, hindsight, need, stops, files."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core import dynamics
from core.dynamics import OURS, SimulatorSettings, clock_of, diagnose, export, hindsight, simulate


@pytest.fixture(scope="module")
def overfits():
    pair = simulate(SimulatorSettings())
    return pair, diagnose(pair)


def scalars(pair, times, run="simulation"):
    parts = [
        pd.DataFrame({"run": run, "tag": tag, "step": curve.steps, "wall_time": times,
                      "value": curve.values})
        for tag, curve in (("Loss/train", pair.train), ("Loss/val", pair.val))
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_a_clock_tells_the_time_between_logged_steps_and_never_runs_back(overfits):
    pair, _ = overfits
    times = 1e9 + 10.0 * np.arange(61)
    times[30] = 0.0
    clock = clock_of(scalars(pair, times), pair)
    assert clock is not None
    assert clock.at(10.5) == pytest.approx(1e9 + 105)
    assert (np.diff(clock.at(np.arange(61))) >= 0).all()


def test_sub_folders_of_a_run_share_its_clock_and_strangers_have_none(overfits):
    pair, _ = overfits
    times = 1e9 + np.arange(61.0)
    assert clock_of(scalars(pair, times, "simulation/val"), pair) is not None
    assert clock_of(scalars(pair, times, "simulation2"), pair) is None
    assert clock_of(scalars(pair, np.full(61, 1e9)), pair) is None


def test_hindsight_is_the_verdict_on_the_prefix(overfits):
    pair, verdict = overfits
    assert hindsight(pair, 60).verdict == verdict.verdict == "overfitting"
    assert hindsight(pair, 5).verdict != "overfitting"


def test_what_needs_attention_comes_first():
    words = ["optimal", "", "overfitting", "diverged", "too-short"]
    ranked = sorted(words, key=dynamics.need)
    assert ranked == ["diverged", "overfitting", "optimal", "too-short", ""]


@pytest.mark.parametrize(
    ("verdict", "confidence", "level"),
    [("overfitting", 0.95, "high"), ("optimal", 0.75, "medium"), ("diverged", 0.4, "low"),
     ("noisy", 0.95, None), ("too-short", 0.9, None), ("optimal", 0.0, None)],
)  # fmt: skip
def test_confidence_in_words(verdict, confidence, level):
    assert dynamics.confidence_level(verdict, confidence) == level


def test_each_rule_keeps_the_lowest_loss_it_had_seen(overfits):
    pair, verdict = overfits
    rows = dynamics.stop_rows(pair, replace(verdict, stop_step=4))
    assert rows[0].rule == OURS
    assert (rows[0].step, rows[0].kept_step) == (4, 4)
    assert rows[0].over > 0
    assert rows[0].saved == pytest.approx(56 / 61)
    never = dynamics.stop_rows(pair, replace(verdict, stop_step=None))[0]
    assert (never.kept_step, never.over, never.saved) == (verdict.best_step, 0.0, 0.0)


def test_the_trend_is_smoother_than_the_points(overfits):
    pair, _ = overfits
    rng = np.random.default_rng(0)
    noisy = dynamics.Curve(pair.val.steps, pair.val.values + 0.05 * rng.standard_normal(61))
    trend = dynamics.trend_of(noisy)
    assert np.abs(np.diff(trend.values)).sum() < np.abs(np.diff(noisy.values)).sum()


def test_files_hold_the_verdict_and_no_formula(overfits):
    _, verdict = overfits
    verdict = replace(verdict, run="=HYPERLINK(1)", onset_interval=(10, 14), confidence=0.9)
    record = json.loads(export.as_json(verdict))
    assert record["verdict"] == "overfitting"
    assert record["onset_interval"] == [10, 14]
    (row,) = csv.DictReader(io.StringIO(export.as_csv([verdict]).decode()))
    assert row["run"] == "'=HYPERLINK(1)"
    assert row["zones"].startswith("underfitting 0–")
    assert row["onset_interval"] == "10; 14"
