"""Checks of validation against training, and of the loss against the metric."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.dynamics.checks.common import WINDOW, accuracy, last_losses, latest, scale
from core.dynamics.evidence import RISE, Evidence, Z, onto
from core.dynamics.records import Check, LossPair
from core.dynamics.signals import fact
from core.dynamics.smoothing import MAD_TO_SD
from core.dynamics.words import percent

GAP_CHECK = "Train–validation gap"
_BETTER = 0.05
_COLLAPSE = 0.05
_HELD = 0.01


def train_val_gap(pair: LossPair) -> Check:
    """Accuracy gap of 0.1, or 0.07 once training accuracy passes 0.9 (AUTOTRAINER).

    Without accuracies: validation loss more than 10 % above training loss (SageMaker Debugger's
    Overfit rule).
    """
    name = GAP_CHECK
    action = "Regularise, augment, or train on more data; a wide gap alone is not overfitting."
    train, val = latest(accuracy(pair, "train")), latest(accuracy(pair, "val"))
    if train is not None and val is not None:
        wide = train - val >= (0.07 if train > 0.9 else 0.1)
        detail = f"Accuracy is {100 * train:.1f} % in training, {100 * val:.1f} % in validation."
        return Check(name, "warning", detail, action) if wide else Check(name, "ok", detail)
    losses = last_losses(pair)
    if losses is None:
        return Check(name, "unknown", "Needs training and validation loss.")
    train, val = losses
    detail = f"Validation loss {val:.4g} against training loss {train:.4g} at the end."
    wide = (val - train) / max(abs(train), 1e-12) > 0.1
    return Check(name, "warning", detail, action) if wide else Check(name, "ok", detail)


def val_better_than_train(pair: LossPair) -> Check:
    """Validation accuracy more than 0.05 above training accuracy (UMLAUT); else loss 5 % below.

    Harmless reasons are ruled out first, as far as they were logged: the training loss without
    dropout, training loss half an epoch later (that of an epoch is a mean over it, that of
    validation is taken at its end), dropout, augmentation.
    """
    name = "Validation better than training"
    losses = last_losses(pair)
    train, val = latest(accuracy(pair, "train")), latest(accuracy(pair, "val"))
    if train is not None and val is not None:
        better = val - train > _BETTER
        detail = f"Accuracy is {100 * val:.1f} % in validation, {100 * train:.1f} % in training."
    elif losses is not None:
        better = _below(losses)
        detail = f"Validation loss is {losses[1]:.4g}, training loss {losses[0]:.4g}."
    else:
        return Check(name, "unknown", "Needs training and validation loss.")
    if not better:
        return Check(name, "ok", "Validation is not better than training.")
    reason = _harmless(pair)
    if reason:
        return Check(name, "ok", f"{detail} {reason}")
    action = (
        "Usual and harmless with dropout, augmentation or a penalty in the training loss; "
        "otherwise look for validation data among the training data."
    )
    return Check(name, "warning", detail, action)


def _below(losses: tuple[float, float]) -> bool:
    train, val = losses
    return (train - val) / max(abs(train), 1e-12) > _BETTER


def _harmless(pair: LossPair) -> str:
    """Why validation may well be better, "" where nothing logged explains it."""
    same_mode = pair.signals.get("train_eval")
    losses = None if same_mode is None else last_losses(pair, same_mode)
    if losses is not None:
        explained = not _below(losses)
        at = f"{losses[0]:.4g}"
        return f"Without dropout, at the same moment, training loss is {at}." if explained else ""
    if _half_an_epoch(pair):
        return "Half an epoch explains it: the training loss is a mean over the epoch."
    dropout, augmented = fact(pair, "dropout") or 0.0, fact(pair, "augmentation") or 0.0
    reasons = [f"dropout of {dropout:g}"] * (dropout > 0) + ["augmentation"] * (augmented > 0)
    return f"To be expected with {' and '.join(reasons)}." if reasons else ""


def _half_an_epoch(pair: LossPair) -> bool:
    if pair.train is None or pair.val is None:
        return False
    val, train = pair.val.finite(), pair.train.finite()
    aligned = onto(val.steps, train)
    if aligned is None or len(aligned) < 4 or len(train) > 1.5 * len(val):
        return False
    later = (aligned[-4:-1] + aligned[-3:]) / 2
    return not _below((float(np.median(later)), float(np.median(val.values[-4:-1]))))


def loss_against_accuracy(pair: LossPair) -> Check:
    """Validation accuracy down by 0.05 while its loss has not risen since, or the reverse.

    The reverse: loss more than 5 % above its minimum, accuracy within 0.01 of what it was there.
    Thresholds are ours (TheDeepChecker asks for a correlation of .5, which noise alone can
    break). It is common: in 33 of 87 runs whose loss overfits, test accuracy did not fall.
    """
    name = "Loss against accuracy"
    if pair.negated:
        return Check(name, "unknown", "Needs a loss beside the accuracy.")
    metric = accuracy(pair, "val")
    val = None if pair.val is None else pair.val.finite()
    aligned = None if metric is None or val is None else onto(val.steps, metric.finite())
    if val is None or aligned is None or len(val) < 2 * WINDOW:
        return Check(name, "unknown", "Needs 10 points of validation loss and accuracy.")
    loss, hits = _smooth(val.values), _smooth(aligned)
    noise = MAD_TO_SD * float(np.median(np.abs(np.diff(aligned, n=2)))) / np.sqrt(6)
    top, low = int(np.argmax(hits)), int(np.argmin(loss))
    lost, rise = hits[top] - hits[-1], (loss[-1] - loss[low]) / scale(loss, float(loss[low]))
    if lost > max(_COLLAPSE, 3 * noise) and loss[-1] <= loss[top]:
        detail = (
            f"Validation accuracy fell from {percent(hits[top], 1)} at step {val.steps[top]} to "
            f"{percent(hits[-1], 1)}, while its loss did not rise."
        )
        action = (
            "Choose the checkpoint by the metric that counts; look at the accuracy of each class "
            "and at how the loss weighs them."
        )
        return Check(name, "warning", detail, action)
    if rise > RISE and hits[-1] >= hits[low] - _HELD:
        detail = (
            f"Validation loss is {percent(rise)} above its minimum at step {val.steps[low]}, but "
            f"accuracy went from {percent(hits[low], 1)} there to {percent(hits[-1], 1)}: the "
            "model grows over-confident, not worse at choosing."
        )
        action = (
            f"Decide which one counts: by accuracy, keep the checkpoint of step {val.steps[top]}. "
            "Label smoothing or temperature scaling mends the confidence."
        )
        return Check(name, "warning", detail, action)
    return Check(name, "ok", "Validation loss and accuracy tell the same.")


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of three; the ends are those of their neighbours."""
    middle = np.median(np.lib.stride_tricks.sliding_window_view(values, 3), axis=1)
    return np.concatenate([middle[:1], middle, middle[-1:]])


def second_descent(evidence: Evidence | None) -> Check:
    """A rise of the validation loss by 5 % that was followed by a fall as large: no failure.

    Double descent (Nakkiran et al., 2019), grokking (Power et al., 2022) and a drop of the
    learning rate all look like overfitting until the loss falls again. So a rise that was made
    good is told, and of one that was not it is only said that it was not yet.
    """
    name = "Second descent"
    if evidence is None or len(evidence.values) < 2 * WINDOW:
        return Check(name, "unknown", "Needs at least 10 validation points.")
    level = evidence.trend.values
    risen = level - np.minimum.accumulate(level)
    fallen = level - np.minimum.accumulate(level[::-1])[::-1]
    peak = int(np.argmax(np.minimum(risen, fallen)))
    size = float(min(risen[peak], fallen[peak]))
    if size > max(RISE * evidence.scale, Z * evidence.trend.noise):
        detail = (
            f"Validation loss rose until step {evidence.steps[peak]} and has since fallen by "
            f"{percent(float(fallen[peak]) / evidence.scale)}: a second descent, which is not "
            "counted as a failure."
        )
        return Check(name, "ok", detail)
    if evidence.rise > RISE:
        detail = (
            "The rise of the validation loss has not been made good so far. Large models, weight "
            "decay or a drop of the learning rate can bring a second fall."
        )
        return Check(name, "ok", detail)
    return Check(name, "ok", "No rise that would have to be made good.")
