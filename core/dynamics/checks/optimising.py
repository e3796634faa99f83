"""Checks of the optimiser's steps: learning rate, gradients, updates, dead units."""

from __future__ import annotations

import numpy as np

from core.dynamics.checks.common import WINDOW, finite, latest, swings
from core.dynamics.records import Check, Curve, LossPair
from core.dynamics.signals import LAYER_RATIO
from core.dynamics.smoothing import fall_t
from core.dynamics.words import percent

LR_HIGH, LR_LOW = 1e-2, 1e-7
RATIO_HIGH, RATIO_LOW = 1e-1, 1e-4
_RATIO_STEEP = 1e-2
_NAMED = 3

_LOWER = "Take a tenth of lr, or warm it up."
_RAISE = "Take ten times lr, or decay it later."


def learning_rate(pair: LossPair) -> Check:
    """Above 0.01 or below 1e-7 (UMLAUT), where the curves show the consequence.

    0.01 is usual for plain SGD, so a high rate is a warning only with a sign of it: training loss
    above its start or swinging (see Oscillating), or updates above a hundredth of the weights
    (ten times what CS231n calls healthy). A rate above its consequences is named by the Diverging
    check. Too low, too: updates below 1e-4 of the weights (TheDeepChecker) while training loss
    falls steadily and has more than half of its start to go.
    """
    name = "Learning rate"
    rates, ratio = finite(pair.signals.get("lr")), latest(pair.signals.get("update_ratio"), WINDOW)
    if not len(rates) and ratio is None:
        return Check(name, "unknown", "No learning rate was logged.")
    rate = float(np.median(rates)) if len(rates) else None
    detail = "" if rate is None else f"Learning rate {_range(rates)}. "
    high = _signs_of_high(finite(pair.train), ratio)
    if high and (rate is None or rate > LR_HIGH):
        return Check(name, "warning", f"{detail}Too high: {high}.", _LOWER)
    if rate is not None and float(rates.max()) < LR_LOW:
        return Check(name, "warning", f"{detail}Too low to change any weight.", _RAISE)
    if ratio is not None and ratio < RATIO_LOW and _slow(finite(pair.train)):
        said = f"{detail}Too low: training loss falls steadily, but has more than half its start "
        return Check(name, "warning", f"{said}to go, with updates of {ratio:.1g}.", _RAISE)
    return Check(name, "ok", detail.strip() or "The size of the updates shows nothing wrong.")


def _range(rates: np.ndarray) -> str:
    low, high = float(rates.min()), float(rates.max())
    return f"{high:.3g}" if low == high else f"{low:.3g} to {high:.3g}"


def _signs_of_high(train: np.ndarray, ratio: float | None) -> str:
    if ratio is not None and ratio > _RATIO_STEEP:
        return f"a step changes the weights by {percent(ratio, 1)} of their size"
    if len(train) < 2 * WINDOW:
        return ""
    if float(np.median(train[-WINDOW:])) > float(train[0]):
        return "training loss is above its start"
    turns, swing = swings(train)
    return "training loss swings from point to point" if turns > 0.5 and swing >= 0.03 else ""


def _slow(train: np.ndarray) -> bool:
    if len(train) < 2 * WINDOW:
        return False
    return fall_t(train[-max(WINDOW, len(train) // 4) :]) < -2.5 and train[-1] > 0.5 * train[0]


def gradient_norm(pair: LossPair) -> Check:
    """Below 1e-7 vanishing (SageMaker Debugger); above 1e6 and doubled, exploding (TheDeepChecker).

    Both sources look at mean absolute gradients of a layer; the global norm is at least as large
    as these, so a norm below 1e-7 is vanishing for certain. Steps with a gradient of NaN or
    infinity are a warning: with a GradScaler some are expected, and skipped.
    """
    name = "Gradient norm"
    curve = pair.signals.get("grad_norm")
    if curve is None or not len(curve):
        return Check(name, "unknown", "No gradient norm was logged.")
    bad = int((~np.isfinite(curve.values)).sum())
    if bad:
        action = "Clip gradients (clip_grad_norm_ with error_if_nonfinite) and lower lr."
        return Check(name, "fail", f"Gradient norm is not finite at {bad} points.", action)
    last = float(np.median(curve.values[-WINDOW:]))
    detail = f"Global gradient norm ends at {last:.3g}"
    peak = latest(pair.signals.get("grad_norm_max"), WINDOW)
    detail += "." if peak is None else f", at most {peak:.3g} within an epoch."
    if last < 1e-7:
        action = "Look for saturated units, a detached graph or a loss that is constant."
        return Check(name, "fail", f"{detail} Gradients have vanished.", action)
    if last > 1e6 and last >= 2 * float(curve.values[0]):
        return Check(name, "fail", f"{detail} Gradients explode.", "Clip gradients or lower lr.")
    skipped = finite(pair.signals.get("nonfinite")).sum()
    if skipped:
        action = "Expected now and then with a GradScaler; otherwise clip gradients or lower lr."
        text = f"{detail} {skipped:.0f} steps had a loss or gradient of NaN or infinity."
        return Check(name, "warning", text, action)
    return Check(name, "ok", detail)


def gradient_flow(pair: LossPair) -> Check:
    """First against last layer: below 1e-3 and the first below 1e-4 vanishing, above 70 exploding.

    Source: AUTOTRAINER (Zhang et al., ICSE 2021). Medians over the last 5 points; a last layer of
    norm 0 has no ratio.
    """
    name = "Gradient flow"
    first, last = (latest(pair.signals.get(f"grad_{end}"), WINDOW) for end in ("first", "last"))
    if first is None or last is None or last <= 0:
        return Check(name, "unknown", "Needs the gradient norms of the first and the last layer.")
    ratio = first / last
    detail = f"Gradient norm {first:.3g} in the first layer, {last:.3g} in the last one."
    if ratio < 1e-3 and first < 1e-4:
        action = (
            "Use residual connections, normalisation layers, ReLU instead of sigmoid, or another "
            "initialisation."
        )
        return Check(name, "warning", f"{detail} It vanishes on its way back.", action)
    if ratio > 70:
        action = "Clip gradients, use normalisation layers, or another initialisation."
        return Check(name, "warning", f"{detail} It grows on its way back.", action)
    return Check(name, "ok", detail)


def update_ratio(pair: LossPair) -> Check:
    """Update-to-weight ratio between 1e-4 and 1e-1 (TheDeepChecker), best near 1e-3 (CS231n).

    The median over the run, of all weights together and of each layer that was logged.
    """
    name = "Update-to-weight ratio"
    values = finite(pair.signals.get("update_ratio"))
    layers = _layers(pair)
    if not len(values) and not layers:
        return Check(name, "unknown", "No update-to-weight ratio was logged.")
    typical = float(np.median(values if len(values) else list(layers.values())))
    detail = f"Typically {typical:.2g} per step; about 0.001 is healthy."
    high = [layer for layer, value in layers.items() if value > RATIO_HIGH]
    low = [layer for layer, value in layers.items() if value < RATIO_LOW]
    if typical > RATIO_HIGH or high:
        return Check(name, "warning", f"{detail} {_where(high)}too large.", _LOWER)
    if typical < RATIO_LOW or low:
        action = _RAISE if typical < RATIO_LOW else "Take a larger lr for these layers, or look "
        action += "" if typical < RATIO_LOW else "at whether gradients reach them."
        return Check(name, "warning", f"{detail} {_where(low)}too small.", action)
    return Check(name, "ok", detail)


def _layers(pair: LossPair) -> dict[str, float]:
    curves: dict[str, Curve] = {
        name.removeprefix(LAYER_RATIO): curve
        for name, curve in pair.signals.items()
        if name.startswith(LAYER_RATIO)
    }
    known = {layer: finite(curve) for layer, curve in curves.items()}
    return {layer: float(np.median(values)) for layer, values in known.items() if len(values)}


def _where(layers: list[str]) -> str:
    if not layers:
        return "Updates are "
    more = f" and {len(layers) - _NAMED} more" if len(layers) > _NAMED else ""
    return f"Updates of {', '.join(layers[:_NAMED])}{more} are "


def dead_units(pair: LossPair) -> Check:
    """More than half of the ReLUs of a layer active for less than 1 % of the inputs (SageMaker).

    At 70 % (AUTOTRAINER's share of zero gradients) it is a failure.
    """
    name = "Dead units"
    worst = latest(pair.signals.get("dead_units_worst"))
    share = latest(pair.signals.get("dead_units"))
    if worst is None and share is None:
        return Check(name, "unknown", "The activity of ReLU units was not logged.")
    most = max(value for value in (worst, share) if value is not None)
    detail = f"{percent(most)} of the ReLU units are dead in the layer with most of them"
    detail += "." if share is None else f", {percent(share)} of all."
    if most <= 0.5:
        return Check(name, "ok", detail)
    action = "Lower lr, use LeakyReLU or GELU, initialise by He's method, normalise the inputs."
    return Check(name, "fail" if most >= 0.7 else "warning", detail, action)
