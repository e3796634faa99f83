"""Finding the training and the validation loss among a run's scalars.

Writers name them in every way (``train_loss``/``val_loss``, ``Loss``/``Loss_val``,
``train/loss``/``eval/loss``, ``Training loss``/``Test loss (avg on test)``, Keras'
``epoch_loss`` in sub-runs ``train/`` and ``validation/``). So a name is cut into words, the words
say which split and which quantity it is, and the best-scoring pair of a run wins.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import pandas as pd

from core.dynamics.records import Curve, LossPair
from core.dynamics.signals import signal_name
from core.errors import NotFound

Split = Literal["train", "val", ""]

_TRAIN_WORDS = frozenset({"train", "training", "trn", "tr", "fit"})
_VAL_WORDS = frozenset(
    {"val", "valid", "validation", "validate", "eval", "evaluation", "dev"} | {"va", "heldout"}
)
_TEST_WORDS = frozenset({"test", "testing", "tst", "te", "holdout"})
_SPLIT_WORDS = _TRAIN_WORDS | _VAL_WORDS | _TEST_WORDS

_SECONDARY_LOSSES = frozenset(
    {"nll", "ce", "bce", "xent", "crossentropy", "mse", "mae", "rmse", "error", "err"}
    | {"perplexity", "ppl", "elbo", "cost", "objective"}
)
# Words that stand next to "loss" in tags that are no loss.
_NOT_A_LOSS = frozenset(
    {"scale", "scaler", "grad", "gradient", "lr", "weight", "weights", "time", "ms", "landscape"}
)
_FILLERS = frozenset(
    {"avg", "average", "mean", "on", "per", "epoch", "epochs", "step", "steps", "batch", "iter"}
    | {"iteration", "iterations", "total", "of", "the", "running", "smoothed", "vs"}
)
_ACCURACIES = frozenset({"acc", "accuracy"})
_PER_STEP = frozenset({"step", "batch", "iter", "iteration", "iterations"})

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_GLUED = re.compile(
    r"(train|training|val|valid|validation|test|eval)(loss|losses|acc|accuracy|error)"
)


def words(text: str) -> tuple[str, ...]:
    """The lower-case words of a tag or folder name: at punctuation, digits and capitals."""
    found: list[str] = []
    for word in _WORD.findall(text):
        glued = _GLUED.fullmatch(word.lower())
        found.extend(glued.groups() if glued else (word.lower(),))
    return tuple("loss" if word == "losses" else word for word in found)


def split_of(text: str) -> Split:
    """Which split a tag or folder name speaks of; "" for none or both."""
    return _split(set(words(text)))


def _split(tokens: set[str]) -> Split:
    train = bool(tokens & _TRAIN_WORDS)
    val = bool(tokens & (_VAL_WORDS | _TEST_WORDS))
    if train == val:
        return ""
    return "train" if train else "val"


@dataclass(frozen=True, slots=True, eq=False)
class _Series:
    """One tag of one event-file folder, with what its name says."""

    folder: str
    tag: str
    rows: pd.DataFrame
    tokens: frozenset[str]
    split: Split

    @property
    def base(self) -> frozenset[str]:
        return self.tokens - _SPLIT_WORDS - _FILLERS

    @property
    def rising(self) -> bool:
        """Whether this is an accuracy: higher is better."""
        return bool(self.tokens & _ACCURACIES) and "loss" not in self.tokens

    @property
    def quality(self) -> float:
        """How much this looks like a run's main loss; 0 if it is none."""
        if self.tokens & _NOT_A_LOSS:
            return 0.0
        score = 3.0 if "loss" in self.tokens else 1.0 if self.tokens & _SECONDARY_LOSSES else 0.0
        if not score:
            return 0.0
        score += 2.0 if self.base <= {"loss"} else 0.0
        score += 2.0 if len(self.rows) > 1 else 0.0
        score += 1.0 if "epoch" in self.tokens else 0.0
        score -= 1.0 if self.tokens & _PER_STEP else 0.0
        score -= 0.5 if self.tokens & _TEST_WORDS else 0.0
        return score + (1.0 if self.split else 0.0)


def pair_losses(
    scalars: pd.DataFrame, train_tag: str | None = None, val_tag: str | None = None
) -> list[LossPair]:
    """The training and validation loss of every run, sorted by run.

    Runs without any loss are left out. Sub-runs named like a split count as their parent run.

    Args:
        scalars: the Scalars frame (run, tag, step, wall_time, value).
        train_tag, val_tag: exact tags, where the automatic choice is not the wanted one.

    Raises:
        NotFound: a given tag occurs in no run.
    """
    tags = set(map(str, scalars["tag"].unique()))
    for wanted in (train_tag, val_tag):
        if wanted is not None and wanted not in tags:
            known = ", ".join(sorted(tags)[:12]) or "none"
            raise NotFound(f"No run has the tag '{wanted}'. Tags there are: {known}.")
    pairs = []
    for run, series in _groups(scalars).items():
        chosen = _choose(series, train_tag, val_tag)
        if chosen is not None:
            pairs.append(_make_pair(run, series, *chosen))
    return pairs


def loss_candidates(scalars: pd.DataFrame) -> dict[str, list[tuple[str, str]]]:
    """For every run the (train tag, val tag) pairs one may choose from, the best first."""
    return {
        run: [(train.tag, val.tag) for train, val in _ranked(series)]
        for run, series in _groups(scalars).items()
    }


def _groups(scalars: pd.DataFrame) -> dict[str, list[_Series]]:
    """The series of each run; split-like sub-runs join their parent."""
    folders: dict[str, dict[str, pd.DataFrame]] = {}
    for key, rows in scalars.groupby(["run", "tag"], observed=True, sort=True):
        run, tag = cast(tuple[str, str], key)
        folders.setdefault(str(run), {})[str(tag)] = rows
    groups: dict[str, list[_Series]] = {}
    for folder, tags in folders.items():
        parent, split = _parent(folder, folders)
        for tag, rows in tags.items():
            tokens = set(words(tag))
            if split:
                tokens = (tokens - _SPLIT_WORDS) | set(words(folder.rpartition("/")[2]))
            series = _Series(folder, tag, rows, frozenset(tokens), split or _split(tokens))
            groups.setdefault(parent, []).append(series)
    return dict(sorted(groups.items()))


def _parent(folder: str, folders: Collection[str]) -> tuple[str, Split]:
    """(run, split) of a folder: its parent where that or a sibling holds the other split.

    The parent itself holds it where only the evaluation writes to a folder of its own, ``eval/``
    below the run (TensorFlow's estimators).
    """
    above, _, name = folder.rpartition("/")
    split = "" if folder == "." else split_of(name)
    if not split:
        return folder, ""
    siblings = (other for other in folders if other != folder and other.rpartition("/")[0] == above)
    if any(split_of(other.rpartition("/")[2]) not in ("", split) for other in siblings):
        return above or ".", split
    if split == "val" and (above or ".") in folders and set(words(name)) <= _SPLIT_WORDS:
        return above or ".", split
    return folder, ""


def _choose(
    series: list[_Series], train_tag: str | None, val_tag: str | None
) -> tuple[_Series | None, _Series | None] | None:
    if train_tag is not None or val_tag is not None:
        return _by_tag(series, train_tag, val_tag)
    ranked = _ranked(series)
    if ranked:
        return ranked[0]
    losses = sorted((each for each in series if each.quality), key=lambda s: (-s.quality, s.tag))
    if not losses:
        return _accuracies(series)
    return (None, losses[0]) if losses[0].split == "val" else (losses[0], None)


def _accuracies(series: list[_Series]) -> tuple[_Series, _Series] | None:
    """Training and validation accuracy of a run that logs no loss at all."""
    found = sorted((each for each in series if each.rising), key=lambda s: (len(s.tag), s.tag))
    train = [each for each in found if each.split == "train"]
    val = [each for each in found if each.split == "val"]
    return (train[0], val[0]) if train and val else None


def _by_tag(
    series: list[_Series], train_tag: str | None, val_tag: str | None
) -> tuple[_Series | None, _Series | None] | None:
    train = [each for each in series if each.tag == train_tag and each.split != "val"]
    train = train or [each for each in series if each.tag == train_tag]
    val = [each for each in series if each.tag == val_tag and each.split == "val"]
    val = val or [each for each in series if each.tag == val_tag]
    if train_tag is None and val:
        matching = [pair for pair in _ranked(series) if pair[1] is val[0]]
        train = [matching[0][0]] if matching else []
    if val_tag is None and train:
        matching = [pair for pair in _ranked(series) if pair[0] is train[0]]
        val = [matching[0][1]] if matching else []
    if not train and not val:
        return None
    return (train[0] if train else None, val[0] if val else None)


def _ranked(series: list[_Series]) -> list[tuple[_Series, _Series]]:
    """All (train, val) combinations of losses, the most plausible first."""
    trains = [each for each in series if each.quality and each.split != "val"]
    vals = [each for each in series if each.quality and each.split == "val"]

    def rank(pair: tuple[_Series, _Series]) -> tuple[float, str, str]:
        train, val = pair
        same = 4.0 if train.base == val.base else 0.0
        return -(train.quality + val.quality + same), train.tag, val.tag

    return sorted(((train, val) for train in trains for val in vals), key=rank)


def _make_pair(
    run: str, series: list[_Series], train: _Series | None, val: _Series | None
) -> LossPair:
    curves = {each: to_curve(each.rows) for each in (train, val) if each is not None}
    negated = bool(curves) and all(each.rising for each in curves)
    whole = _whole([curve for curve, _ in curves.values()]) if negated else 1.0
    if negated:
        curves = {
            each: (Curve(curve.steps, whole - curve.values), times)
            for each, (curve, times) in curves.items()
        }
    return LossPair(
        run=run,
        train_tag=train.tag if train else "",
        val_tag=val.tag if val else "",
        train=curves[train][0] if train else None,
        val=curves[val][0] if val else None,
        restarts=max((restarts for _, restarts in curves.values()), default=0),
        negated=negated,
        whole=whole,
        signals=_signals(series, val or train),
    )


def _whole(accuracies: list[Curve]) -> float:
    """What every hit is in the accuracies of a run: 1, or 100 where they are per cent."""
    highest = max((float(each.finite().values.max(initial=0.0)) for each in accuracies), default=0)
    return 1.0 if highest <= 1 else 100.0


def to_curve(rows: pd.DataFrame, column: str = "value") -> tuple[Curve, int]:
    """Points in file order to a curve with strictly increasing steps, and the restarts seen.

    A point is dropped when a later one has the same or a smaller step: that is a restart or a
    resumption from a checkpoint, and the later training is the one that counts. Where every
    point has the same step (a writer called without ``global_step``), the order is the step.
    """
    steps = rows["step"].to_numpy(np.int64)
    values = rows[column].to_numpy(np.float64)
    if len(steps) > 1 and (steps == steps[0]).all():
        return Curve(np.arange(len(steps), dtype=np.int64), values), 0
    lowest_later = np.minimum.accumulate(steps[::-1])[::-1]
    keep = np.append(steps[:-1] < lowest_later[1:], True) if len(steps) else steps.astype(bool)
    return Curve(steps[keep], values[keep]), int((np.diff(steps) < 0).sum())


def _signals(series: list[_Series], timed: _Series | None) -> dict[str, Curve]:
    """Other curves the checks understand; of several tags the shortest (the global one) wins."""
    found: dict[str, Curve] = {}
    for each in sorted(series, key=lambda s: (len(s.tag), s.tag)):
        name = signal_name(each.tag, each.tokens, each.split)
        if name and name not in found:
            found[name] = to_curve(each.rows)[0]
    if timed is not None:
        found["wall_time"] = to_curve(timed.rows, "wall_time")[0]
    return found
