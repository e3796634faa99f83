"""How shares are written in sentences, and how sentences are fitted to what was logged."""

from __future__ import annotations

import re

_LOSS = re.compile(r"\b([Ll])oss(es)?\b")
_OF_A_SPLIT = re.compile(r"\b((?:[Tt]raining|[Vv]alidation) )loss(es)?\b")
_STEP = re.compile(r"\b([Ss])tep(?= \d)")


def percent(share: float, digits: int = 0, *, sign: bool = False) -> str:
    """A share (1.0 = all) in per cent with a space before the sign: ``57 %``, ``+6.4 %``."""
    return f"{100 * share:{'+' if sign else ''}.{digits}f} %".replace("-", "−")


def most(share: float) -> str:
    """A share that is not all, which rounding must not make so: ``97 %``, ``over 99 %``."""
    return "over 99 %" if 0.99 < share < 1 else percent(share)


def as_error(text: str, *, only_splits: bool = False) -> str:
    """A sentence about losses as one about errors.

    Args:
        text: the sentence.
        only_splits: leave every loss that is not called training or validation loss: in advice it
            is the function that is minimised.
    """
    if only_splits:
        return _OF_A_SPLIT.sub(lambda found: f"{found[1]}error{'s' if found[2] else ''}", text)
    return _LOSS.sub(
        lambda found: ("E" if found[1] == "L" else "e") + "rror" + ("s" if found[2] else ""), text
    )


def in_epochs(text: str) -> str:
    """A sentence that numbers steps as one that calls them epochs: "step 12" is "epoch 12"."""
    return _STEP.sub(lambda found: "Epoch" if found[1] == "S" else "epoch", text)
