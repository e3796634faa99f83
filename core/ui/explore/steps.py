"""Choosing one tag and one step of what the chosen runs logged, without reading it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core import events
from core.errors import GpulseError
from core.runs import Run
from core.ui.explore.store import contents, ledger
from core.ui.texts import t

MAX_SIDE_BY_SIDE = 8
"""Runs shown beside each other where each needs room of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where one run has something of the chosen tag.

    Attributes:
        run: which run.
        folder: of the event file, below the run.
        steps: int64[n] that it logged, in file order.
    """

    run: Run
    folder: str
    steps: np.ndarray

    @property
    def name(self) -> str:
        """The run, with the folder where there is one."""
        return self.run.key if self.folder in (".", "") else f"{self.run.key}/{self.folder}"

    def at(self, step: int) -> int | None:
        """The latest step logged at or before ``step``."""
        before = self.steps[self.steps <= step]
        return int(before.max()) if len(before) else None


def pick_tag(runs: Sequence[Run], kind: str) -> str | None:
    """The tag to show, of all that the runs have of a kind; None after saying there is none."""
    book = ledger()
    tags = {line.tag for run in runs for line in book.outline(run).lines if line.kind == kind}
    if not tags:
        st.info(t(f"runs.no.{kind}"), icon=":material/info:")
        return None
    return st.selectbox(
        t("runs.tag"), sorted(tags), key=f"{kind}.tag", bind="query-params", width=420
    )


def places(runs: Sequence[Run], kind: str, tag: str) -> list[Place]:
    """The runs that have the tag, at most :data:`MAX_SIDE_BY_SIDE`; a line where more do."""
    book = ledger()
    having = [
        run
        for run in runs
        if any(line.kind == kind and line.tag == tag for line in book.outline(run).lines)
    ]
    found: list[Place] = []
    for run in having[:MAX_SIDE_BY_SIDE]:
        frame = contents(run).frame
        rows = frame[(frame["kind"] == kind) & (frame["tag"] == tag)]
        found += [
            Place(run, str(folder), np.asarray(steps))
            for folder, steps in zip(rows["run"], rows["steps"], strict=True)
        ]
    if len(having) > MAX_SIDE_BY_SIDE:
        st.caption(t("runs.firstfew", shown=MAX_SIDE_BY_SIDE, total=len(having)))
    return found


def pick_step(found: Sequence[Place], kind: str) -> int:
    """The step on the slider, of all that the runs logged; the last one to begin with."""
    steps = sorted({int(step) for place in found for step in place.steps})
    if len(steps) < 2:
        return steps[0]
    return st.select_slider(
        t("runs.step"), steps, value=steps[-1], key=f"{kind}.step", bind="query-params"
    )


def read(place: Place, kind: str, tag: str, steps: Sequence[int]) -> events.Events | None:
    """Read a few steps of one tag of one run; None after saying what is wrong."""
    try:
        return events.load(place.run.event_files, {kind}, place.run.path, [tag], steps)
    except GpulseError as error:
        st.error(str(error), icon=":material/error:")
        return None
