"""Verdicts against real trainings whose truth is known (../shared/curves)."""

from __future__ import annotations

import pytest

from tests.bench import scores
from tests.bench.histories import CONDITIONS, SHARED, development, event_runs, labels, right

pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the labelled curves (../shared/curves) are not here"
)


@pytest.fixture(scope="module")
def histories():
    return development()


@pytest.fixture(scope="module")
def judged(histories):
    return scores.judge(histories, CONDITIONS[0])


def test_overfitting_is_told_from_the_rest(judged):
    """Measured 0.967 (prototype 0.938); 0.972 over the unambiguous."""
    assert scores.macro_f1(judged, scores.OURS) > 0.95
    clear = [each for each in judged if not each.history.ambiguous]
    assert scores.macro_f1(clear, scores.OURS) > 0.96


def test_phases_zones_and_onsets_are_right(judged):
    """Measured 0.896, 0.906 and 2 epochs."""
    assert scores.three_phases(judged) > 0.86
    assert scores.zone_accuracy(judged) > 0.9
    assert scores.onset_error(judged, scores.OURS) <= 2


def test_divergence_is_found(judged):
    """Measured recall and precision 0.926; the prototype found 3 of 17."""
    recall, precision = scores.divergence(judged)
    assert recall > 0.9
    assert precision > 0.85


@pytest.mark.parametrize("half", [0, 1])
def test_either_half_of_the_histories_is_judged_as_well(judged, half):
    part = [each for each in judged if int(each.history.pair.run.split("-")[1]) // 3 % 2 == half]
    assert scores.macro_f1(part, scores.OURS) > 0.93
    assert scores.divergence(part)[0] > 0.85


@pytest.mark.parametrize("condition", CONDITIONS[1:], ids=lambda condition: condition.name)
def test_noise_and_thinning_cost_little(histories, judged, condition):
    spoiled = scores.judge(histories, condition)
    lost = scores.macro_f1(judged, scores.OURS) - scores.macro_f1(spoiled, scores.OURS)
    assert lost < 0.08


def test_confident_verdicts_are_right_more_often(judged):
    words = {**scores.WORDS, "optimal": "optimal", "diverged": "diverged"}
    sure, unsure = [], []
    for each in judged:
        if each.verdict.verdict in words and each.history.label != "not-overfit":
            hit = words[each.verdict.verdict] == each.history.label
            (sure if each.verdict.confidence >= 0.9 else unsure).append(hit)
    assert sum(sure) / len(sure) > 0.95 > sum(unsure) / len(unsure) > 0.6


def test_the_stop_advice_keeps_more_and_takes_less_than_patience_20(histories):
    stopped = scores.stopping([each.pair for each in histories])
    ours, rival = stopped[scores.OURS], stopped["EarlyStopping 20"]
    assert ours.kept > max(0.95, rival.kept)
    assert ours.epochs < rival.epochs
    assert ours.share < rival.share
    assert ours.false_alarms < 0.03


def test_real_event_files_get_the_verdicts_given_by_eye():
    seen = set()
    for pair, verdict, row in event_runs():
        seen.add(row["id"])
        assert (pair.train_tag, pair.val_tag) == (row["train_tag"], row["val_tag"])
        if row["confidence"] == "low":
            continue
        assert right(verdict, row), (row["id"], verdict.summary)
        assert (pair.restarts > 0) == (row["label"] == "restart")
        if row["best_step"]:
            assert verdict.best_step == int(row["best_step"])
    assert seen == {row["id"] for row in labels()}
