"""Finding the losses of a run by their names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dynamics import loss_candidates, pair_losses
from core.dynamics.pairing import split_of, to_curve
from core.errors import NotFound


def frame(*series: tuple[str, str, int]) -> pd.DataFrame:
    """A Scalars frame with (run, tag, points) each."""
    parts = [
        pd.DataFrame(
            {
                "run": run,
                "tag": tag,
                "step": np.arange(points, dtype=np.int64),
                "wall_time": 0.0,
                "value": np.linspace(2, 1, points),
            }
        )
        for run, tag, points in series
    ]
    return pd.concat(parts, ignore_index=True).astype({"run": "category", "tag": "category"})


@pytest.mark.parametrize(
    ("train", "val", "others"),
    [
        ("Loss/train", "Loss/val", ["Accuracy/train", "Accuracy/val"]),
        ("train_loss", "val_loss", ["epoch", "hp_metric"]),
        ("train_loss_epoch", "valid_loss", ["train_loss_step"]),
        ("Loss", "Loss_val", ["Lr"]),
        ("loss", "val_loss", ["accuracy", "val_accuracy"]),
        ("Training loss", "Test loss (avg on test)", ["Learning rate"]),
        ("train/loss", "eval/loss", ["train/grad_norm", "eval/runtime"]),
        ("trainLoss", "valLoss", []),
        ("train/total_loss", "val/total_loss", ["train/box_loss", "val/box_loss"]),
        ("train/nll", "val/nll", ["train/acc", "val/acc"]),
        ("train_loss_epoch", "val_loss_epoch", ["train_loss_step", "val_loss_step"]),
        ("train/loss_epoch", "val/loss", ["train/loss_step"]),
        ("train/box_loss", "val/box_loss", ["metrics/mAP50", "lr/pg0"]),
        ("Training loss", "Test loss", []),
        ("losses/train", "losses/val", []),
        ("trainingloss", "validationloss", []),
        ("tr_loss", "va_loss", []),
        ("train_loss", "heldout_loss", []),
        ("Loss_Tr", "Loss_Te", []),
        ("lm loss", "lm loss validation", ["grad-norm", "loss-scale"]),
        ("Train/Loss", "Test/Loss", ["Train/Acc", "Test/Acc"]),
        ("train/loss", "val/loss", ["test/loss"]),
        ("LossTrain", "LossVal", []),
        ("loss/total/train", "loss/total/val", ["loss/cls/train", "loss/cls/val"]),
    ],
)
def test_the_usual_names_are_found(train, val, others):
    scalars = frame(*[("run", tag, 20) for tag in (train, val, *others)])
    (pair,) = pair_losses(scalars)
    assert (pair.run, pair.train_tag, pair.val_tag) == ("run", train, val)


def test_losses_of_the_same_part_are_paired():
    tags = ["train/box_loss", "train/cls_loss", "val/box_loss", "val/cls_loss"]
    scalars = frame(*[("run", tag, 20) for tag in tags])
    (pair,) = pair_losses(scalars)
    assert (pair.train_tag, pair.val_tag) == ("train/box_loss", "val/box_loss")
    assert ("train/cls_loss", "val/cls_loss") in loss_candidates(scalars)["run"][:2]


def test_a_summary_of_one_point_is_not_the_training_loss():
    scalars = frame(("r", "train/loss", 12), ("r", "eval/loss", 12), ("r", "train/train_loss", 1))
    assert pair_losses(scalars)[0].train_tag == "train/loss"


@pytest.mark.parametrize(
    ("train", "val", "tag"),
    [
        ("train", "validation", "epoch_loss"),
        ("loss_training", "loss_validation", "loss"),
        ("train_loss", "valid_loss", "train_fold1"),
        ("Loss_train", "Loss_val", "Loss"),
    ],
)
@pytest.mark.parametrize("above", ["", "logs/one/"])
def test_the_same_tag_in_sub_runs(train, val, tag, above):
    scalars = frame((above + train, tag, 20), (above + val, tag, 10))
    (pair,) = pair_losses(scalars)
    assert pair.run == (above.rstrip("/") or ".")
    assert pair.train is not None
    assert pair.val is not None
    assert (len(pair.train), len(pair.val)) == (20, 10)


@pytest.mark.parametrize("run", [".", "logs/one"])
def test_an_evaluation_folder_below_the_run_is_its_validation(run):
    below = "eval" if run == "." else f"{run}/eval"
    (pair,) = pair_losses(frame((run, "loss", 20), (below, "loss", 5)))
    assert pair.run == run
    assert pair.train is not None
    assert pair.val is not None
    assert (len(pair.train), len(pair.val)) == (20, 5)


def test_a_run_that_is_merely_called_test_stays_itself():
    scalars = frame(("logs/test", "loss", 9), ("logs/test", "val_loss", 9), ("logs/b", "loss", 9))
    assert [pair.run for pair in pair_losses(scalars)] == ["logs/b", "logs/test"]


def test_training_loss_alone_and_no_loss_at_all():
    scalars = frame(("a", "total_loss", 9), ("a", "lr", 9), ("b", "accuracy", 9))
    (pair,) = pair_losses(scalars)
    assert (pair.run, pair.train_tag, pair.val_tag, pair.val) == ("a", "total_loss", "", None)


@pytest.mark.parametrize("tag", ["loss_scale", "grad/loss", "loss_time_ms", "accuracy", "lr"])
def test_what_is_no_loss_is_left_alone(tag):
    assert pair_losses(frame(("a", tag, 9))) == []


@pytest.mark.parametrize("whole", [1, 100])
def test_accuracies_alone_are_judged_as_errors(whole):
    scalars = frame(("r", "Accuracy/train", 20), ("r", "Accuracy/val", 20))
    scalars["value"] = whole * (2 - scalars["value"])
    (pair,) = pair_losses(scalars)
    assert (pair.train_tag, pair.val_tag, pair.negated) == ("Accuracy/train", "Accuracy/val", True)
    assert pair.val is not None
    assert pair.val.values[0] == whole
    assert pair.val.values[-1] == 0
    assert pair.whole == whole
    assert pair.meaning == f"error ({whole} − accuracy)"
    losses = pair_losses(frame(("r", "Loss/train", 9), ("r", "Loss/val", 9)))[0]
    assert not losses.negated


def test_one_curve_in_per_cent_makes_both_so():
    scalars = frame(("r", "acc/train", 20), ("r", "acc/val", 20))
    scalars["value"] = np.where(scalars["tag"] == "acc/train", 80.0, 0.9)
    (pair,) = pair_losses(scalars)
    assert pair.train is not None
    assert pair.val is not None
    assert (pair.train.values[0], pair.val.values[0]) == (20.0, pytest.approx(99.1))


def test_tags_given_by_hand_win():
    scalars = frame(*[("r", tag, 9) for tag in ("train_loss", "val_loss", "a/x", "b/x")])
    (pair,) = pair_losses(scalars, train_tag="a/x", val_tag="b/x")
    assert (pair.train_tag, pair.val_tag) == ("a/x", "b/x")
    with pytest.raises(NotFound, match="No run has the tag 'nope'"):
        pair_losses(scalars, train_tag="nope")


def test_the_same_tag_given_by_hand_for_both_splits_is_found_in_its_sub_runs():
    scalars = frame(("train", "epoch_loss", 20), ("validation", "epoch_loss", 10))
    (pair,) = pair_losses(scalars, train_tag="epoch_loss", val_tag="epoch_loss")
    assert pair.train is not None
    assert pair.val is not None
    assert (len(pair.train), len(pair.val)) == (20, 10)


def test_signals_for_the_checks_are_picked_up():
    tags = ["Loss/train", "Loss/val", "Accuracy/val", "Gradient norm", "grad_norm/layer1"]
    scalars = frame(*[("r", tag, 9) for tag in [*tags, "Update ratio", "Learning rate"]])
    signals = pair_losses(scalars)[0].signals
    assert set(signals) == {"val_accuracy", "grad_norm", "update_ratio", "lr", "wall_time"}


def test_the_names_that_our_own_jobs_log_are_signals():
    named = {
        "Gradients/global_norm": "grad_norm",
        "Gradients/global_norm_max": "grad_norm_max",
        "Gradients/first_layer_norm": "grad_first",
        "Gradients/last_layer_norm": "grad_last",
        "Gradients/nonfinite_steps": "nonfinite",
        "Updates/to_weight_ratio": "update_ratio",
        "Updates/to_weight_ratio/features.0": "update_ratio:features.0",
        "Activations/dead_share": "dead_units",
        "Activations/dead_share_max": "dead_units_worst",
        "Probe/train_in_eval_mode": "train_eval",
        "Probe/val_sem": "val_sem",
        "Setup/classes": "classes",
        "Setup/expected_start": "expected_start",
        "Setup/constant_lr": "constant_lr",
        "LearningRate": "lr",
        "Accuracy/train": "train_accuracy",
    }
    tags = ["Loss/train", "Loss/val", *named]
    (pair,) = pair_losses(frame(*[("r", tag, 9) for tag in tags]))
    assert set(pair.signals) == {*named.values(), "wall_time"}
    assert (pair.train_tag, pair.val_tag) == ("Loss/train", "Loss/val")
    assert loss_candidates(frame(*[("r", tag, 9) for tag in tags])) == {
        "r": [("Loss/train", "Loss/val")]
    }


def test_a_restart_leaves_the_last_training():
    rows = pd.DataFrame({"step": [0, 1, 2, 3, 0, 1], "value": [9.0, 8, 7, 6, 5, 4]})
    curve, restarts = to_curve(rows)
    assert (curve.steps.tolist(), curve.values.tolist(), restarts) == ([0, 1], [5, 4], 1)


def test_a_resumption_replaces_what_it_repeats():
    rows = pd.DataFrame({"step": [0, 1, 2, 3, 2, 3, 4], "value": [9.0, 8, 7, 6, 5, 4, 3]})
    curve, restarts = to_curve(rows)
    assert curve.steps.tolist() == [0, 1, 2, 3, 4]
    assert curve.values.tolist() == [9, 8, 5, 4, 3]
    assert restarts == 1


def test_a_writer_without_steps_is_taken_in_order():
    curve, restarts = to_curve(pd.DataFrame({"step": [0, 0, 0], "value": [3.0, 2, 1]}))
    assert (curve.steps.tolist(), restarts) == ([0, 1, 2], 0)


@given(st.lists(st.integers(0, 8), max_size=30))
def test_a_curve_always_moves_forward_and_ends_with_the_last_point(steps):
    rows = pd.DataFrame({"step": np.array(steps, np.int64), "value": np.arange(float(len(steps)))})
    curve, restarts = to_curve(rows)
    assert (np.diff(curve.steps) > 0).all()
    assert restarts >= 0
    if steps:
        assert curve.values[-1] == len(steps) - 1
        assert len(set(steps)) == 1 or set(curve.steps) <= set(steps)


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("train", "train"),
        ("loss_validation", "val"),
        ("valLoss", "val"),
        ("Test loss (avg on test)", "val"),
        ("constraint", ""),
        ("train_val", ""),
        ("interval", ""),
    ],
)
def test_words_not_letters_say_the_split(text, split):
    assert split_of(text) == split
