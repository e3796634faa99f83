"""Health checks on the logged curves. Each docstring names where its threshold comes from."""

from __future__ import annotations

import numpy as np

from core.dynamics.evidence import Evidence, onto
from core.dynamics.records import Check, Curve, LossPair
from core.dynamics.words import percent

GAP_CHECK = "Train–validation gap"
_WINDOW = 5


def run_checks(pair: LossPair, evidence: Evidence | None) -> tuple[Check, ...]:
    """All checks that the logged curves allow; those without their data say "unknown"."""
    return (
        finite_values(pair),
        diverging(pair.train),
        plateau(pair.train),
        oscillating(evidence),
        train_val_gap(pair),
        val_better_than_train(pair),
        gradient_norm(pair.signals.get("grad_norm")),
        update_ratio(pair.signals.get("update_ratio")),
        restarts(pair),
    )


def finite_values(pair: LossPair) -> Check:
    """Any NaN or infinity in a loss is a failure (SageMaker Debugger, Lightning)."""
    name = "NaN or infinity"
    for label, curve in (("Training", pair.train), ("Validation", pair.val)):
        if curve is None:
            continue
        bad = np.flatnonzero(~np.isfinite(curve.values))
        if len(bad):
            detail = (
                f"{label} loss is not finite at {len(bad)} of {len(curve)} points, "
                f"first at step {curve.steps[bad[0]]}."
            )
            return Check(name, "fail", detail)
    return Check(name, "ok", "All logged losses are finite.")


def diverging(train: Curve | None) -> Check:
    """Training loss at 2 times its minimum (TheDeepChecker) or above 1,000 (AUTOTRAINER)."""
    name = "Diverging"
    values = _finite(train)
    if len(values) < _WINDOW or values.min() <= 0:
        return Check(name, "unknown", "Needs at least 5 training points of a positive loss.")
    last = float(np.median(values[-_WINDOW:]))
    # Memorising the data takes the loss so near zero that twice the minimum is still nothing.
    lowest = max(float(values.min()), 0.05 * float(values[:_WINDOW].max()))
    ratio = last / lowest
    if ratio >= 2 or last >= 1e3:
        return Check(name, "fail", f"Training loss ends at {ratio:.1f} times its minimum.")
    return Check(name, "ok", "Training loss ends near its minimum.")


def plateau(train: Curve | None) -> Check:
    """Less than 5 % change over a window of 5 points (TheDeepChecker).

    At the end of a successful training that is as it should be, so it is a warning only while
    the training loss has not yet lost half of its starting value.
    """
    name = "Plateau"
    values = _finite(train)
    if len(values) < 2 * _WINDOW:
        return Check(name, "unknown", "Needs at least 10 training points.")
    before = float(np.median(values[-2 * _WINDOW : -_WINDOW]))
    last = float(np.median(values[-_WINDOW:]))
    change = (last - before) / max(abs(before), 1e-12)
    detail = f"Training loss changed by {percent(change, 1, sign=True)} over the last 5 points."
    flat = abs(change) < 0.05
    high = last > 0.5 * float(values[0])
    return Check(name, "warning" if flat and high else "ok", detail)


def oscillating(evidence: Evidence | None) -> Check:
    """More than half of the steps change direction (TheDeepChecker), by 3 % or more.

    Pure noise around a flat curve changes direction at two of three points whatever its size, so
    the second condition asks for swings that matter (AUTOTRAINER's .03, there of accuracy).
    """
    name = "Oscillating"
    if evidence is None or len(evidence.values) < 2 * _WINDOW:
        return Check(name, "unknown", "Needs at least 10 validation points.")
    moves = np.sign(np.diff(evidence.values[-50:]))
    turns = float((moves[1:] * moves[:-1] < 0).mean())
    swing = evidence.trend.noise / evidence.scale
    share, width = percent(turns), percent(swing, 1)
    detail = f"Validation loss turns at {share} of its points and swings by {width}."
    return Check(name, "warning" if turns > 0.5 and swing >= 0.03 else "ok", detail)


def train_val_gap(pair: LossPair) -> Check:
    """Accuracy gap of 0.1, or 0.07 once training accuracy passes 0.9 (AUTOTRAINER).

    Without accuracies: validation loss more than 10 % above training loss (SageMaker Debugger's
    Overfit rule).
    """
    name = GAP_CHECK
    train, val = _last(pair.signals.get("train_accuracy")), _last(pair.signals.get("val_accuracy"))
    if train is not None and val is not None and max(train, val) <= 1:
        gap = train - val
        wide = gap >= (0.07 if train > 0.9 else 0.1)
        detail = f"Accuracy is {100 * train:.1f} % in training, {100 * val:.1f} % in validation."
        return Check(name, "warning" if wide else "ok", detail)
    train, val = _last_loss(pair, "train"), _last_loss(pair, "val")
    if train is None or val is None:
        return Check(name, "unknown", "Needs training and validation loss.")
    share = (val - train) / max(abs(train), 1e-12)
    detail = f"Validation loss {val:.4g} against training loss {train:.4g} at the end."
    return Check(name, "warning" if share > 0.1 else "ok", detail)


def val_better_than_train(pair: LossPair) -> Check:
    """Validation accuracy more than 0.05 above training accuracy (UMLAUT); else loss 5 % below."""
    name = "Validation better than training"
    advice = "Usual and harmless with dropout, augmentation or a penalty in the training loss; "
    advice += "otherwise look for validation data among the training data."
    train, val = _last(pair.signals.get("train_accuracy")), _last(pair.signals.get("val_accuracy"))
    if train is not None and val is not None and max(train, val) <= 1:
        better = val - train > 0.05
    else:
        train, val = _last_loss(pair, "train"), _last_loss(pair, "val")
        if train is None or val is None:
            return Check(name, "unknown", "Needs training and validation loss.")
        better = (train - val) / max(abs(train), 1e-12) > 0.05
    if better:
        return Check(name, "warning", advice)
    return Check(name, "ok", "Validation is not better than training.")


def gradient_norm(curve: Curve | None) -> Check:
    """Below 1e-7 vanishing (SageMaker Debugger); above 1e6 and doubled, exploding (TheDeepChecker).

    Both sources look at mean absolute gradients of a layer; the global norm is at least as large
    as these, so a norm below 1e-7 is vanishing for certain.
    """
    name = "Gradient norm"
    if curve is None or not len(curve):
        return Check(name, "unknown", "No gradient norm was logged.")
    bad = int((~np.isfinite(curve.values)).sum())
    if bad:
        return Check(name, "fail", f"Gradient norm is not finite at {bad} points.")
    last = float(np.median(curve.values[-_WINDOW:]))
    detail = f"Global gradient norm ends at {last:.3g}."
    if last < 1e-7:
        return Check(name, "fail", f"{detail} Gradients have vanished.")
    if last > 1e6 and last >= 2 * float(curve.values[0]):
        return Check(name, "fail", f"{detail} Gradients explode; clip them or lower lr.")
    return Check(name, "ok", detail)


def update_ratio(curve: Curve | None) -> Check:
    """Update-to-weight ratio between 1e-4 and 1e-1 (TheDeepChecker), best near 1e-3 (cs231n)."""
    name = "Update-to-weight ratio"
    values = _finite(curve)
    if not len(values):
        return Check(name, "unknown", "No update-to-weight ratio was logged.")
    typical = float(np.median(values))
    detail = f"Typically {typical:.2g} per step; about 0.001 is healthy."
    if typical > 0.1:
        return Check(name, "warning", f"{detail} The learning rate looks too high.")
    if typical < 1e-4:
        return Check(name, "warning", f"{detail} The learning rate looks too low.")
    return Check(name, "ok", detail)


def restarts(pair: LossPair) -> Check:
    """Steps that jump back: several trainings in one log folder (ours; no outside source)."""
    name = "Restarts"
    if pair.restarts == 0:
        return Check(name, "ok", "Steps only go forward.")
    detail = (
        f"The step count jumps back {pair.restarts} times: training was restarted or resumed. "
        "Only what the last training left standing is judged."
    )
    return Check(name, "warning", detail)


def _finite(curve: Curve | None) -> np.ndarray:
    return np.empty(0) if curve is None else curve.finite().values


def _last(curve: Curve | None) -> float | None:
    values = _finite(curve)
    return float(np.median(values[-3:])) if len(values) else None


def _last_loss(pair: LossPair, split: str) -> float | None:
    """Typical loss over the last three validation points, of either curve."""
    if pair.train is None or pair.val is None:
        return None
    val = pair.val.finite()
    train = onto(val.steps, pair.train.finite())
    if not len(val) or train is None:
        return None
    return float(np.median((train if split == "train" else val.values)[-3:]))
