"""The verdict as one sentence, with its evidence and its uncertainty."""

from __future__ import annotations

import numpy as np

from core.dynamics.detector import EVIDENT_RISE, NOISY, lost_at
from core.dynamics.evidence import Evidence
from core.dynamics.records import LossPair, VerdictName
from core.dynamics.words import as_error, most, percent


def sentence(
    pair: LossPair,
    verdict: VerdictName,
    evidence: Evidence | None,
    best_step: int | None,
    overfit_step: int | None,
) -> str:
    """What was found, by how much, and how sure that is; of accuracies, what the error is."""
    text = _sentence(pair, verdict, evidence, best_step, overfit_step)
    return f"{as_error(text)} (Judged by the {pair.meaning}.)" if pair.negated else text


def _sentence(
    pair: LossPair,
    verdict: VerdictName,
    evidence: Evidence | None,
    best_step: int | None,
    overfit_step: int | None,
) -> str:
    if verdict == "no-validation":
        return (
            "Cannot tell: no validation loss was found, so overfitting would go unseen; the zones "
            "follow the training loss alone."
        )
    if verdict == "diverged":
        return _diverged(pair, evidence, best_step)
    if evidence is None or verdict == "too-short":
        points = 0 if pair.val is None else len(pair.val)
        few = f"{_points(points)} of validation {'is' if points == 1 else 'are'} too few"
        return f"Cannot tell yet: {few} to tell trend from noise."
    best = f"best {evidence.values[_index(evidence, best_step)]:.4g} at step {best_step}"
    if verdict == "overfitting":
        return _overfitting(evidence, best, overfit_step, pair.train is not None)
    if verdict == "underfitting":
        return _underfitting(evidence, best)
    if verdict == "not-learning":
        return (
            f"Not learning: the loss has fallen by {percent(max(evidence.learned, 0.0), 1)} since "
            f"the start and shows no downward trend ({_noise(evidence)})."
        )
    if verdict == "noisy":
        return _noisy(evidence, best)
    return _optimal(evidence, best)


def _points(count: int) -> str:
    return f"{count} point{'' if count == 1 else 's'}"


def _index(evidence: Evidence, step: int | None) -> int:
    return int(np.searchsorted(evidence.steps, step)) if step is not None else evidence.raw_best


def _overfitting(evidence: Evidence, best: str, onset: int | None, has_train: bool) -> str:
    if len(evidence.values) < 9:
        certainty = f"in {_points(len(evidence.values))}, too few to measure the noise"
        rise = max(evidence.rise, EVIDENT_RISE)
    elif evidence.rise_z >= 1e3:
        certainty, rise = "far beyond its noise", evidence.rise
    else:
        certainty, rise = f"{evidence.rise_z:.0f} times its standard error", evidence.rise
    text = (
        f"Overfitting since step {onset} ({best}): validation loss has risen {percent(rise)} above "
        f"its minimum, {certainty}"
    )
    if not has_train:
        return f"{text}; there is no training loss to compare with."
    if evidence.train_change < -0.01:
        return f"{text}, while training loss kept falling (by {most(-evidence.train_change)})."
    return f"{text}, while training loss stayed low."


def _underfitting(evidence: Evidence, best: str) -> str:
    if evidence.gain > 0.05:
        return (
            f"Underfitting ({best}): validation loss is still falling, by an expected "
            f"{percent(min(evidence.gain, 0.99))} if trained as long again ({_noise(evidence)})."
        )
    return (
        f"Underfitting ({best}): the loss is still at {percent(min(evidence.level, 1.0))} of its "
        f"starting value, so the model has learned little ({_noise(evidence)})."
    )


def _optimal(evidence: Evidence, best: str) -> str:
    if evidence.uncertainty > NOISY:
        return (
            f"Optimal so far ({best}): the validation loss and its swings are down to "
            f"{percent(evidence.left, 1)} of the starting loss, too little left to tell a trend."
        )
    text = (
        f"Optimal so far ({best}): validation loss ends {_signed(evidence.rise)} against its "
        f"minimum, uncertain by ± {percent(2 * evidence.uncertainty, 1)}"
    )
    if evidence.falling_t < -2.5 and evidence.gain >= 0.001:
        more = percent(evidence.gain, 1)
        return f"{text}, with an expected further {more} if trained as long again."
    return f"{text}, and is no longer falling."


def _noisy(evidence: Evidence, best: str) -> str:
    if evidence.rise_z > 2.5:
        return (
            f"Cannot tell ({best}): validation loss has risen {percent(evidence.rise)} above its "
            "minimum, but training loss has not fallen meanwhile, so this is not overfitting."
        )
    return (
        f"Cannot tell ({best}): the validation loss is too noisy; its last change of "
        f"{_signed(evidence.rise)} is uncertain by ± {percent(2 * evidence.uncertainty)}."
    )


def _diverged(pair: LossPair, evidence: Evidence | None, best_step: int | None) -> str:
    best = "" if best_step is None else f"; the best checkpoint before is that of step {best_step}"
    for label, curve in (("training", pair.train), ("validation", pair.val)):
        lost = lost_at(curve)
        if curve is None or lost is None:
            continue
        bad = ~np.isfinite(curve.values)
        step = int(curve.steps[lost])
        return (
            f"Diverged: the {label} loss became NaN or infinite at step {step} "
            f"({int(bad.sum())} of {len(bad)} points){best}."
        )
    risen = 0.0 if evidence is None else evidence.rise
    return (
        f"Diverged: validation loss has risen {percent(risen)} above its minimum and training "
        f"loss is no better than before, so this is not overfitting{best}."
    )


def _noise(evidence: Evidence) -> str:
    return f"noise {percent(evidence.trend.noise / evidence.scale, 1)} from point to point"


def _signed(share: float) -> str:
    return percent(share, 1, sign=True)
