"""Checks of the shape of the loss curves themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from core.dynamics.checks.common import WINDOW, finite, swings
from core.dynamics.records import Check, Curve, LossPair
from core.dynamics.signals import fact
from core.dynamics.smoothing import MAD_TO_SD
from core.dynamics.words import percent

_SPIKE_WINDOW = 21
_SPIKE_MADS = 6.0 * MAD_TO_SD
_SPIKE_RISE = 0.10
_START_HIGH = 1.3
_START_LOW = 0.5


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
            action = (
                "Lower lr, clip gradients, look for bad samples, log(0) or a division by zero; "
                "torch.autograd.set_detect_anomaly(True) names the operation."
            )
            return Check(name, "fail", detail, action)
    return Check(name, "ok", "All logged losses are finite.")


def diverging(train: Curve | None) -> Check:
    """Training loss at 2 times its minimum (TheDeepChecker) or above 1,000 (AUTOTRAINER).

    Ours: the minimum counts as at least 5 % of the start, since memorising the data takes the
    loss so near zero that twice of it is still nothing; and a loss that has always been above
    1,000 (a sum, squared pixels) is large, not diverging.
    """
    name = "Diverging"
    values = finite(train)
    if len(values) < WINDOW or values.min() <= 0:
        return Check(name, "unknown", "Needs at least 5 training points of a positive loss.")
    last, start = float(np.median(values[-WINDOW:])), float(values[:WINDOW].max())
    ratio = last / max(float(values.min()), 0.05 * start)
    if ratio >= 2 or (last >= 1e3 and last > float(values[0])):
        action = "Take a tenth of lr, with warm-up and clipped gradients."
        return Check(name, "fail", f"Training loss ends at {ratio:.1f} times its minimum.", action)
    return Check(name, "ok", "Training loss ends near its minimum.")


def spikes(pair: LossPair) -> Check:
    """A loss above the median of the 21 points before it by 6 MAD of these and by 10 %.

    No source has a threshold: ours. MAD is scaled to a standard deviation. Of 2,000 curves of 200
    points of normal noise of 5 % (15 %) 5 % (15 %) had one; the 10 % keep curves without noise
    from having any.
    """
    name = "Loss spikes"
    found: list[str] = []
    looked = False
    for label, curve in (("training", pair.train), ("validation", pair.val)):
        known = None if curve is None else curve.finite()
        if known is None or len(known) < _SPIKE_WINDOW + 3:
            continue
        looked = True
        excess = _excess(known.values)
        if (excess > 0).any():
            worst = int(np.argmax(excess))
            found.append(
                f"{int((excess > 0).sum())} in the {label} loss, the highest "
                f"({known.values[worst]:.4g}) at step {known.steps[worst]}"
            )
    if not looked:
        return Check(name, "unknown", f"Needs at least {_SPIKE_WINDOW + 3} points.")
    if not found:
        return Check(name, "ok", "No loss stands out from those before it.")
    action = "Clip gradients, lower lr or warm it up, and look at the batches of these steps."
    return Check(name, "warning", f"Spikes: {'; '.join(found)}.", action)


def _excess(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each point lies above what counts as a spike there; -1 where that is unknown."""
    before = _of_those_before(values)
    deviation = np.where(np.isnan(before), 0.0, np.abs(values - before))
    mad = _of_those_before(deviation)
    least = _SPIKE_RISE * np.maximum(np.abs(before), 0.1 * float(np.ptp(values)))
    excess = values - before - np.maximum(_SPIKE_MADS * mad, least)
    excess[: _SPIKE_WINDOW + 2] = -1.0
    return np.nan_to_num(excess, nan=-1.0)


def _of_those_before(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of the _SPIKE_WINDOW points before each point, of fewer near the start."""
    centred = median_filter(values, size=_SPIKE_WINDOW, mode="nearest")
    shift = _SPIKE_WINDOW // 2 + 1
    return np.concatenate([np.full(shift, np.nan), centred[:-shift]])


def plateau(train: Curve | None) -> Check:
    """Less than 5 % change over a window of 5 points (TheDeepChecker).

    At the end of a successful training that is as it should be, so it is a warning only while
    the training loss has not yet lost half of its starting value.
    """
    name = "Plateau"
    values = finite(train)
    if len(values) < 2 * WINDOW:
        return Check(name, "unknown", "Needs at least 10 training points.")
    before = float(np.median(values[-2 * WINDOW : -WINDOW]))
    last = float(np.median(values[-WINDOW:]))
    change = (last - before) / max(abs(before), 1e-12)
    detail = f"Training loss changed by {percent(change, 1, sign=True)} over the last 5 points."
    if abs(change) >= 0.05 or last <= 0.5 * float(values[0]):
        return Check(name, "ok", detail)
    action = (
        "Change lr (ten times, then a tenth), warm it up, or give the model more capacity; if the "
        "loss of one batch alone does not fall to zero, look for a bug first."
    )
    return Check(name, "warning", f"{detail} It is still at more than half its start.", action)


def oscillating(pair: LossPair) -> Check:
    """More than half of the last 50 steps change direction (TheDeepChecker), by 3 % or more.

    Pure noise around a flat curve changes direction at two of three points whatever its size, so
    the second condition asks for swings that matter (AUTOTRAINER's .03, there of accuracy). Of
    the validation loss, or of the training loss where there is no other.
    """
    name = "Oscillating"
    label, values = "Validation", finite(pair.val)
    if not len(values):
        label, values = "Training", finite(pair.train)
    if len(values) < 2 * WINDOW:
        return Check(name, "unknown", "Needs at least 10 points.")
    turns, swing = swings(values)
    detail = f"{label} loss turns at {percent(turns)} of its points and swings by "
    detail += f"{percent(swing, 1)}."
    if turns > 0.5 and swing >= 0.03:
        action = "Lower lr or let it decay, use larger batches, or validate on more samples."
        return Check(name, "warning", detail, action)
    return Check(name, "ok", detail)


def expected_start(pair: LossPair) -> Check:
    """Loss before training at ln C, that of a guess at chance among C classes.

    Source: "verify loss @ init" (Karpathy, A Recipe for Training Neural Networks, 2019), which
    has no threshold; ours: above 1.3 times, or below half of it before the first step. An average
    over the first epoch may lie below at will: the model has learned meanwhile.
    """
    name = "Expected start"
    if pair.negated:
        return Check(name, "unknown", "Needs a loss; this run logs accuracies.")
    expected, first = _expected(pair), _first(pair)
    if expected is None or first is None:
        return Check(name, "unknown", "Needs the number of classes and the first loss.")
    value, untrained = first
    detail = f"Training starts at a loss of {value:.4g}; chance is {expected:.4g}."
    if value > _START_HIGH * expected:
        action = (
            "Look at how the last layer is initialised, at the scale of the inputs, and at "
            "whether the loss is a mean and its labels fit the outputs."
        )
        return Check(name, "warning", detail, action)
    if untrained and value < _START_LOW * expected:
        action = (
            "As it should be for a pre-trained model; otherwise look for labels among the inputs."
        )
        return Check(name, "warning", detail, action)
    return Check(name, "ok", detail)


def _expected(pair: LossPair) -> float | None:
    start, classes = fact(pair, "expected_start"), fact(pair, "classes")
    if start is not None:
        return start if start > 0 else None
    return float(np.log(classes)) if classes is not None and classes >= 2 else None


def _first(pair: LossPair) -> tuple[float, bool] | None:
    """(first loss, whether it is that of the untrained model)."""
    train = None if pair.train is None else pair.train.finite()
    before = pair.signals.get("train_eval")
    before = None if before is None else before.finite()
    if train is None or not len(train):
        return None
    if before is not None and len(before) and before.steps[0] < train.steps[0]:
        return float(before.values[0]), True
    return float(train.values[0]), False
