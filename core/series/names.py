"""What the names of tags and folders say: which split, which chart, which section, which seed."""

from __future__ import annotations

import re

_SPLITS = {
    "train": "train", "training": "train", "trn": "train",
    "val": "validation", "valid": "validation", "validation": "validation",
    "eval": "validation", "evaluation": "validation",
    "test": "test", "testing": "test", "holdout": "test",
}  # fmt: skip
SPLITS = ("train", "validation", "test", "")
"""Every answer of :func:`split_of`, in the order of legends."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_GLUED = re.compile(r"(train|val|valid|test|eval)(loss|acc|accuracy|error)", re.IGNORECASE)
_GAP = "\0"
_AROUND_GAP = re.compile(rf"[\s_.\-]*{_GAP}[\s_.\-]*")

SEED = r"[-_]?(seed)?\d+$"
"""The end of a run's name that tells repetitions of one experiment apart."""


def _words(text: str) -> list[tuple[int, int, str]]:
    """(start, end, lower-case word) of each word; ``trainloss`` counts as two."""
    found: list[tuple[int, int, str]] = []
    for match in _WORD.finditer(text):
        glued = _GLUED.fullmatch(match.group())
        if glued is None:
            found.append((match.start(), match.end(), match.group().lower()))
        else:
            middle = match.start() + len(glued.group(1))
            found.append((match.start(), middle, glued.group(1).lower()))
            found.append((middle, match.end(), glued.group(2).lower()))
    return found


def _only_split(text: str) -> str:
    splits = {_SPLITS[word] for _, _, word in _words(text) if word in _SPLITS}
    return splits.pop() if len(splits) == 1 else ""


def split_of(tag: str, folder: str = ".") -> str:
    """Which split a curve is of.

    Args:
        tag: its tag, ``val_loss``.
        folder: where its event file lies below the run; ``train/`` of Keras and ``loss_train/``
            of ``add_scalars`` say more than the tag, which is the same in both.

    Returns:
        ``train``, ``validation``, ``test``; "" for none or several.
    """
    return _only_split(folder.rpartition("/")[2]) or _only_split(tag)


def chart_of(tag: str) -> str:
    """The title of the chart that a tag is drawn on: the tag without the name of its split.

    ``Loss/train`` and ``Loss/val`` share ``Loss``; ``train_loss`` and ``val_loss`` share
    ``loss``; a tag that names no split, or several, is its own title.
    """
    if not _only_split(tag):
        return tag
    text = tag
    for start, end, word in reversed(_words(tag)):
        if word in _SPLITS:
            text = f"{text[:start]}{_GAP}{text[end:]}"
    parts = [_without_gap(part) for part in text.split("/")]
    return "/".join(part for part in parts if part) or tag


def _without_gap(part: str) -> str:
    pieces = [piece for piece in _AROUND_GAP.split(part) if piece]
    return ("_" if "_" in part else " ").join(pieces)


def section_of(title: str) -> str:
    """The section a chart stands in: what comes before its first slash; "" without one."""
    prefix, slash, _ = title.partition("/")
    return prefix if slash else ""


def strip_seed(name: str, pattern: re.Pattern[str] | None = None) -> str:
    """The name of the experiment that a run repeats: its own name without the seed.

    Args:
        name: of the run.
        pattern: what to leave out (default :data:`SEED`); of a pattern with a group named
            ``group``, that group is the experiment.
    """
    found = (pattern or re.compile(SEED, re.IGNORECASE)).search(name)
    if found is None:
        return name
    if "group" in found.re.groupindex:
        return found["group"] or name
    rest = (name[: found.start()] + name[found.end() :]).rstrip("/_-")
    return rest or name
