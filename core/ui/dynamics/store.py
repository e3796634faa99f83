"""What the dynamics page reads of a run besides its verdict, cached by the stamp of its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core import dynamics, events
from core.dynamics import Clock, Hindsight, LossPair
from core.runs import Run, file_stamp

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """The losses that a run offers.

    Attributes:
        pairs: sub-run -> (train tag, validation tag), the most plausible first.
        tags: all tags of scalars.
    """

    pairs: dict[str, list[tuple[str, str]]]
    tags: tuple[str, ...]


@st.cache_data(max_entries=64, show_spinner=False)
def _offer(stamp: Stamp, root: str) -> Offer:
    frame = _scalars(stamp, root)
    tags = tuple(sorted(map(str, frame["tag"].unique())))
    return Offer(dynamics.loss_candidates(frame), tags)


def _scalars(stamp: Stamp, root: str):
    files = [Path(path) for path, _, _ in stamp]
    return events.load(files, kinds={"scalars"}, root=Path(root)).scalars


def offer(run: Run) -> Offer:
    """What there is to choose from."""
    return _offer(file_stamp(run.event_files), str(run.path))


@st.cache_resource(max_entries=32, show_spinner=False)
def _clock(stamp: Stamp, root: str, name: str, tags: tuple[str, str], _pair: LossPair):
    return dynamics.clock_of(_scalars(stamp, root), _pair)


def clock(run: Run, pair: LossPair) -> Clock | None:
    """When each step of a pair was logged."""
    tags = (pair.train_tag, pair.val_tag)
    return _clock(file_stamp(run.event_files), str(run.path), pair.run, tags, pair)


@st.cache_data(max_entries=4096, show_spinner=False)
def _hindsight(
    stamp: Stamp, name: str, tags: tuple[str, str], step: int, _pair: LossPair
) -> Hindsight:
    return dynamics.hindsight(_pair, step)


def hindsight(run: Run, pair: LossPair, step: int) -> Hindsight:
    """What a verdict at ``step`` would have said."""
    tags = (pair.train_tag, pair.val_tag)
    return _hindsight(file_stamp(run.event_files), pair.run, tags, step, pair)
