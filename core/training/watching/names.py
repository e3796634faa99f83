"""The tags under which a user's values are logged: those of our own runs where they are the same
quantity, so that pages lay both over each other."""

from __future__ import annotations

_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
_QUANTITIES = {
    "loss": "Loss",
    "acc": "accuracy",
    "lr": "LearningRate",
    "learning_rate": "LearningRate",
    "grad_norm": "Gradients/global_norm",
    "gradient_norm": "Gradients/global_norm",
}
PER_STEP = "_step"
"""Ends the tag of what is logged at every step; the mean over an epoch is logged without it."""


def tag_of(name: str) -> str:
    """``val_loss`` -> ``Loss/val``, ``loss`` -> ``Loss/train``, ``f1_val`` -> ``f1/val``.

    What holds a slash is a tag already, and what is not known here is its own tag.
    """
    if "/" in name:
        return name
    words, split = name.split("_"), ""
    for end in (0, -1):
        if len(words) > 1 and words[end].lower() in _SPLITS:
            split = _SPLITS[words.pop(end).lower()]
            break
    rest = "_".join(words)
    quantity = _QUANTITIES.get(rest.lower(), rest)
    if quantity == "Loss":
        return f"Loss/{split or 'train'}"
    return f"{quantity}/{split}" if split else quantity
