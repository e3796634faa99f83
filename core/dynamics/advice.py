"""What to do about a verdict, with the parameters of a relaunch that does it."""

from __future__ import annotations

from dataclasses import replace

from core.dynamics.records import Advice, LossPair, VerdictName
from core.dynamics.signals import fact
from core.dynamics.words import as_error


def advise(
    verdict: VerdictName,
    pair: LossPair,
    points: int,
    best_step: int | None,
    wide_gap: bool = False,
) -> tuple[Advice, ...]:
    """Advice for a verdict, the first step first, in words that fit what was logged.

    Args:
        verdict: the verdict.
        pair: the curves (a logged learning rate allows a concrete one to be proposed).
        points: number of points seen, taken as the epochs trained.
        best_step: step of the best checkpoint, if there is one.
        wide_gap: validation is clearly worse than training.
    """
    given = _advice(verdict, pair, points, best_step, wide_gap)
    if not pair.negated:
        return given
    return tuple(replace(each, text=as_error(each.text, only_splits=True)) for each in given)


def _advice(
    verdict: VerdictName, pair: LossPair, points: int, best_step: int | None, wide_gap: bool
) -> tuple[Advice, ...]:
    if verdict == "overfitting":
        return _overfitting(pair, best_step)
    if verdict == "underfitting":
        return _underfitting(points)
    if verdict == "optimal":
        return _optimal(best_step, wide_gap)
    if verdict == "diverged":
        return _diverged(pair, best_step)
    if verdict == "not-learning":
        return _not_learning(pair)
    if verdict == "noisy":
        return _noisy(pair)
    if verdict == "too-short":
        return _too_short(points)
    return _no_validation()


def _overfitting(pair: LossPair, best_step: int | None) -> tuple[Advice, ...]:
    return (
        Advice(
            "Stop early",
            f"Use the checkpoint of step {best_step}. Relaunched with early_stop=auto, the job "
            "stops by itself once the rise is certain and keeps its best checkpoint; a fixed "
            f"patience more often stops before the best epoch.{_planned_drop(pair)}",
            {"early_stop": "auto"},
        ),
        Advice(
            "Regularise",
            "Dropout and weight decay keep the model from memorising single samples.",
            {"dropout": 0.5, "weight_decay": 0.05},
        ),
        Advice(
            "Use more data",
            "More or augmented training samples, and clean labels, narrow the gap for good.",
            {"train_samples": 0},
        ),
    )


def _underfitting(points: int) -> tuple[Advice, ...]:
    return (
        Advice(
            "Train longer",
            "Twice the epochs: where the loss is still falling this alone helps.",
            {"epochs": 2 * max(points, 1)},
        ),
        Advice(
            "Give the model more capacity",
            "If the training loss has flattened high, use more layers or wider ones, or better "
            "features.",
        ),
        Advice(
            "Regularise less",
            "Dropout and weight decay hold back a model that cannot even fit its training data.",
            {"dropout": 0.0, "weight_decay": 0.0},
        ),
    )


def _optimal(best_step: int | None, wide_gap: bool) -> tuple[Advice, ...]:
    keep = Advice(
        f"Keep the checkpoint of step {best_step}",
        "Validation loss is at its minimum and has not clearly risen since; training on gains "
        "little unless the learning rate is about to drop.",
    )
    if not wide_gap:
        return (keep,)
    narrow = Advice(
        "Narrow the gap",
        "Validation is clearly worse than training: regularisation, augmentation or more data may "
        "lower the minimum itself.",
        {"dropout": 0.5, "weight_decay": 0.05},
    )
    return keep, narrow


def _diverged(pair: LossPair, best_step: int | None) -> tuple[Advice, ...]:
    where = "" if best_step is None else f" The checkpoint of step {best_step} is still usable."
    return (
        Advice(
            "Lower the learning rate",
            f"Try a tenth of it, with warm-up and clipped gradients.{where}",
            _tenth_of_lr(pair),
        ),
        Advice(
            "Look for bad samples",
            "NaN in the inputs, division by zero or log(0) in the loss, overflow in half "
            "precision: torch.autograd.set_detect_anomaly(True) names the operation.",
        ),
    )


def _not_learning(pair: LossPair) -> tuple[Advice, ...]:
    return (
        Advice(
            "Overfit one batch first",
            "A correct set-up drives the loss of a single batch to zero; if it does not, check "
            "labels, loss, and that optimizer.step() reaches all parameters.",
        ),
        Advice(
            "Change the learning rate",
            "Too high and too low look alike here; try a tenth, then ten times of it.",
            _tenth_of_lr(pair),
        ),
    )


def _noisy(pair: LossPair) -> tuple[Advice, ...]:
    return (
        Advice(
            "Use a larger validation set",
            "The validation loss swings more than the change that would have to be seen.",
        ),
        Advice(
            "Lower the learning rate",
            "Large steps make the loss jump from epoch to epoch.",
            _tenth_of_lr(pair),
        ),
    )


def _too_short(points: int) -> tuple[Advice, ...]:
    return (
        Advice(
            "Train longer",
            "At least 10 validation points are needed to tell a trend from noise.",
            {"epochs": max(20, 2 * points)},
        ),
    )


def _no_validation() -> tuple[Advice, ...]:
    return (
        Advice(
            "Log a validation loss",
            "Hold out data and log its loss under a name such as Loss/val; without it overfitting "
            "cannot be seen. If it is logged, choose its tag by hand.",
        ),
    )


def _planned_drop(pair: LossPair) -> str:
    """What to wait for before stopping; "" where the learning rate is known to stay as it is.

    Validation loss often falls at a drop of the learning rate, after a rise too.
    """
    curve = pair.signals.get("lr")
    rates = None if curve is None else curve.finite().values
    if rates is not None and len(rates) > 1 and rates[-1] != rates[len(rates) // 2]:
        return (
            " The learning rate is still being changed: if its schedule lowers it further, see "
            "what that does before stopping."
        )
    if fact(pair, "constant_lr"):
        return ""
    return " If a drop of the learning rate is planned, let it come first."


def _tenth_of_lr(pair: LossPair) -> dict[str, object]:
    curve = pair.signals.get("lr")
    known = None if curve is None else curve.finite()
    if known is None or not len(known) or known.values.max() <= 0:
        return {}
    return {"lr": float(f"{known.values.max() / 10:.3g}")}
