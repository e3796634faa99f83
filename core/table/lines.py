"""What is kept of one run: what it logged, and the verdict on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan
from typing import Any

from core import dynamics, events
from core.errors import GpulseError
from core.runs import Run

SUMMARIES = ("last", "min", "max")
"""What a column of a tag may show."""


@dataclass(frozen=True, slots=True)
class Line:
    """One curve or series of a run.

    Attributes:
        folder: of its event file, below the run; "." for the run itself.
        tag, kind: as in :class:`core.events.Contents`.
        points: number of rows.
        last_step: in file order.
        last: value; low, high: of the finite values; with their first steps (scalars only).
        nonfinite: number of NaN and infinite values.
        restarts: times that the step goes back.
    """

    folder: str
    tag: str
    kind: str
    points: int
    last_step: int
    last: float
    low: float
    low_step: int
    high: float
    high_step: int
    nonfinite: int
    restarts: int

    @property
    def name(self) -> str:
        """The tag, with its folder where the run has several."""
        return self.tag if self.folder in (".", "") else f"{self.folder}/{self.tag}"

    def summary(self, which: str) -> float:
        """The value of one of :data:`SUMMARIES`."""
        return {"last": self.last, "min": self.low, "max": self.high}[which]


@dataclass(frozen=True, slots=True)
class Outline:
    """What a run logged.

    Attributes:
        lines: its curves and series.
        duration_s: from the first to the last logged value.
        problems: (file name, message, pending) of what could not be read; a pending one is the
            end of a file that was still being written.
        hparams: hyper-parameter -> value (int and bool are float, as in the files).
    """

    lines: tuple[Line, ...] = ()
    duration_s: float = nan
    problems: tuple[tuple[str, str, bool], ...] = ()
    hparams: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def points(self) -> int:
        """Number of scalar values."""
        return sum(line.points for line in self.lines if line.kind == "scalars")

    @property
    def last_step(self) -> int | None:
        """The highest last step of its curves."""
        return max((line.last_step for line in self.lines if line.kind != "hparams"), default=None)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a run, in one line.

    Attributes:
        verdict: the word; "" without losses.
        best, best_step: lowest validation loss and where.
        train, val: latest losses.
        confidence: how sure the verdict is, 0 to 1.
        overfit_step: where overfitting begins.
    """

    verdict: str = ""
    best: float = nan
    best_step: int | None = None
    train: float = nan
    val: float = nan
    confidence: float = 0.0
    overfit_step: int | None = None


def outline_of(run: Run) -> Outline:
    """Read what a run logged."""
    if not run.event_files:
        return Outline()
    try:
        found = events.contents(run.event_files, run.path)
    except GpulseError as error:
        return Outline(problems=((run.key, str(error), False),))
    frame = found.frame
    names = ["run", "tag", "kind", "points", "last_step", "last"]
    names += ["low", "low_step", "high", "high_step", "nonfinite", "restarts"]
    lines = tuple(Line(*row) for row in zip(*(frame[name].tolist() for name in names), strict=True))
    timed = (frame["kind"] != "hparams").to_numpy()
    first, last = frame["first_time"].to_numpy()[timed], frame["last_time"].to_numpy()[timed]
    duration = float(last.max() - first.min()) if len(last) else nan
    problems = tuple((each.file.name, each.message, each.pending) for each in found.problems)
    return Outline(lines, duration, problems, _hparams(run, lines))


def _hparams(run: Run, lines: tuple[Line, ...]) -> dict[str, float | str]:
    if not any(line.kind == "hparams" for line in lines):
        return {}
    found = events.load(run.event_files, {"hparams"}, run.path).hparams
    return {
        str(name): float(value) if isinstance(value, (int, float)) else str(value)
        for name, value in zip(found["name"], found["value"], strict=True)
    }


def judge(run: Run, outline: Outline | None) -> Judgement:
    """Read and judge the losses of a run.

    Args:
        run: which one.
        outline: what it logged.
    """
    if outline is None or not any(line.kind == "scalars" for line in outline.lines):
        return Judgement()
    try:
        scalars = events.load(run.event_files, {"scalars"}, run.path).scalars
    except GpulseError:
        return Judgement()
    pairs = dynamics.pair_losses(scalars)
    if not pairs:
        return Judgement()
    pair = pairs[0]
    verdict = dynamics.diagnose(pair)
    return Judgement(
        verdict.verdict,
        nan if verdict.best_value is None else verdict.best_value,
        verdict.best_step,
        _last(pair.train),
        _last(pair.val),
        verdict.confidence,
        verdict.overfit_step,
    )


def _last(curve: dynamics.Curve | None) -> float:
    return float(curve.values[-1]) if curve is not None and len(curve) else nan


def as_json(outline: Outline) -> list[Any]:
    """An outline as JSON can hold it."""
    lines = [[getattr(line, name) for name in Line.__slots__] for line in outline.lines]
    return [lines, outline.duration_s, outline.problems, outline.hparams]


def outline_from(content: list[Any]) -> Outline:
    """An outline out of :func:`as_json`."""
    lines, duration, problems, hparams = content
    return Outline(
        tuple(Line(*line) for line in lines),
        duration,
        tuple((str(file), str(message), bool(pending)) for file, message, pending in problems),
        hparams,
    )


def judgement_from(content: list[Any]) -> Judgement:
    """A judgement out of the list of its fields."""
    verdict, best, best_step, train, val, confidence, overfit_step = content
    return Judgement(
        str(verdict),
        float(best),
        None if best_step is None else int(best_step),
        float(train),
        float(val),
        float(confidence),
        None if overfit_step is None else int(overfit_step),
    )
