"""A training is judged after each epoch: turns are told once, and the advice to stop is kept."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from core import dynamics
from core.training.alerts import MAX_LINES, MAX_REASON, AlertFile
from core.training.judging import EVERY_EPOCH, Judge


def lines(folder):
    path = folder / "alerts.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def overfit(count: int) -> list[tuple[float, float]]:
    epoch = np.arange(count)
    train = 2 * np.exp(-epoch / 8)
    val = 0.5 + 1.5 * np.exp(-epoch / 4) + 0.02 * np.maximum(epoch - 12, 0)
    return list(zip(train.tolist(), val.tolist(), strict=True))


def test_a_run_that_overfits_is_told_once(tmp_path):
    with Judge(tmp_path) as judge:
        for epoch, (train, val) in enumerate(overfit(50), 1):
            judge.epoch(epoch, train, val)
            assert judge.advice() == ""
    told = lines(tmp_path)
    assert [line["verdict"] for line in told].count("overfitting") == 1
    assert told[-1]["verdict"] == "overfitting"
    assert 12 < told[-1]["step"] < 30
    assert set(told[-1]) == {"time", "step", "kind", "before", "verdict", "reason"}
    assert told[-1]["reason"].startswith("Overfitting since epoch")


def test_a_run_that_does_well_from_the_start_is_not_in_the_news(tmp_path):
    with Judge(tmp_path) as judge:
        for epoch in range(1, 30):
            judge.epoch(epoch, 2 * 0.9**epoch, 2.1 * 0.9**epoch)
    assert lines(tmp_path) == []


def test_nan_is_told_at_its_epoch(tmp_path):
    judge = Judge(tmp_path)
    for epoch in range(1, 12):
        judge.epoch(epoch, 0.9**epoch if epoch < 8 else math.nan, 0.9**epoch)
    (line,) = lines(tmp_path)
    assert (line["step"], line["verdict"]) == (8, "diverged")


def test_verdicts_that_alternate_are_not_told(tmp_path, monkeypatch):
    judge = Judge(tmp_path)
    for step, verdict in enumerate(
        ["underfitting", "underfitting", *["optimal", "underfitting"] * 9]
    ):
        judge._turn(step, verdict, "because")
    assert lines(tmp_path) == []
    for step in (20, 21):
        judge._turn(step, "optimal", "because")
    judge._turn(22, "noisy", "cannot tell")
    assert [line["step"] for line in lines(tmp_path)] == [21]


def test_overfitting_waits_for_a_second_epoch_and_divergence_does_not(tmp_path):
    judge = Judge(tmp_path)
    for step, verdict in enumerate(["optimal", "optimal", "overfitting", "optimal", "overfitting"]):
        judge._turn(step, verdict, "because of step 3")
    assert lines(tmp_path) == []
    judge._turn(5, "overfitting", "because of step 3")
    judge._turn(6, "diverged", "lost")
    told = [(line["step"], line["verdict"], line["reason"]) for line in lines(tmp_path)]
    assert told == [(5, "overfitting", "because of epoch 3"), (6, "diverged", "lost")]


def test_advice_is_given_where_it_was_asked_for(tmp_path):
    judge = Judge(tmp_path, stop_early=True)
    stopped = 0
    for epoch, (train, val) in enumerate(overfit(50), 1):
        judge.epoch(epoch, train, val)
        reason = judge.advice()
        if reason:
            stopped = epoch
            judge.stopped(epoch, reason)
            break
    assert 12 < stopped < 30
    assert lines(tmp_path)[-1]["kind"] == "stopped"
    assert lines(tmp_path)[-1]["reason"] == reason
    assert not reason.endswith(".")
    assert reason[0].islower()
    assert "step" not in reason


def test_a_long_training_is_judged_now_and_then_and_nan_always(tmp_path, monkeypatch):
    judged = []
    real = dynamics.diagnose
    monkeypatch.setattr(dynamics, "diagnose", lambda pair: judged.append(1) or real(pair))
    judge = Judge(tmp_path)
    judge._steps, judge._losses = list(range(1_999)), [(1.0, 1.0)] * 1_999
    for epoch in range(2_000, 2_016):
        judge.epoch(epoch, 1.0, 1.0)
    assert len(judged) == 2
    judge.epoch(2_017, math.nan, 1.0)
    assert len(judged) == 3
    assert EVERY_EPOCH < 2_000


def test_history_is_bounded_and_keeps_room_for_the_end(tmp_path):
    file = AlertFile(tmp_path)
    for step in range(2 * MAX_LINES):
        file.add(step, "verdict", "a", "b", "many\nwords " * 200)
    file.add(999, "stopped", "a", "b", "the end")
    told = lines(tmp_path)
    assert len(told) == MAX_LINES
    assert told[-1]["step"] == 999
    assert max(len(line["reason"]) for line in told) == MAX_REASON
    assert "\n" not in told[0]["reason"]


def test_a_disk_that_refuses_is_a_log_line(tmp_path, caplog):
    (tmp_path / "alerts.jsonl").mkdir()
    AlertFile(tmp_path).add(1, "stopped", "", "b", "why")
    assert "alerts.jsonl cannot be written" in caplog.text


@pytest.mark.parametrize("url", ["", "file:///etc/passwd"])
def test_a_judge_without_a_usable_webhook_judges(tmp_path, url):
    with Judge(tmp_path, webhook_url=url) as judge:
        judge.epoch(1, math.nan, math.nan)
    assert lines(tmp_path)[0]["verdict"] == "diverged"
