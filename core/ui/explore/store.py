"""What sessions share: the ledger of runs, and the curves that were read."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field
from operator import is_not
from typing import Any

import streamlit as st

from core import events, series, table
from core.errors import GpulseError
from core.runs import Run, file_stamp

MAX_BYTES = 384 * 2**20
"""Curves kept in memory over all runs and sessions; the least recently used go first."""

IN_SIGHT_S = 30.0
"""Curves asked for within this time are on a screen and stay, however many they are: what is read
a share at a look would otherwise push out what was read before it, and never be complete."""

MAX_DRAWINGS = 128
"""Charts kept; the key names the runs, so what a live run drew before is replaced."""

Drawing = tuple[dict[str, Any] | None, str]
"""A Vega-Lite specification, None where there is nothing to draw, and the notes below it."""


@st.cache_resource
def ledger() -> table.Ledger:
    """The ledger of runs."""
    return table.Ledger()


@dataclass(slots=True)
class _Held:
    stamp: tuple[tuple[str, int, int], ...]
    tags: dict[str, list[series.Curve]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    size: int = 0
    used: float = 0.0


class Curves:
    """Curves by run and tag, read again only where the run's files changed.

    What was asked for before the change is then read all at once: where that is everything, the
    curves are views of what :mod:`core.events` holds anyway, and a live run is in memory once.
    """

    def __init__(self) -> None:
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self, run: Run, tags: Collection[str], *, read: bool = True
    ) -> tuple[list[series.Curve], bool]:
        """The curves of some tags of a run; none where its files cannot be read.

        Args:
            run: whose.
            tags: which.
            read: False takes what is there, of an earlier content of the files or nothing at all.

        Returns:
            (the curves, whether they are those of the files as they are now).
        """
        stamp = file_stamp(run.event_files)
        key = str(run.path)
        with self._lock:
            held = self._held.get(key) or _Held(())
            wanted = held.asked.union(tags)
            current = held.stamp == stamp and held.tags.keys() >= set(tags)
            if read and held.stamp != stamp:
                held = _Held(stamp)
            held.asked.update(tags)
            missing = sorted(wanted - held.tags.keys()) if read and stamp else []
        if missing:
            self._read(run, held, missing)
        with self._lock:
            held.used = time.monotonic()
            self._held[key] = held
            self._held.move_to_end(key)
            if missing:
                self._forget()
        curves = [curve for tag in tags for curve in held.tags.get(tag, ())]
        return curves, current or read

    @staticmethod
    def _read(run: Run, held: _Held, missing: list[str]) -> None:
        try:
            found = events.load(run.event_files, {"scalars"}, run.path, tags=missing)
        except GpulseError:
            return
        read: dict[str, list[series.Curve]] = {tag: [] for tag in missing}
        for curve in series.cut(found.scalars, run.key):
            read[curve.tag].append(curve)
            held.size += 24 * len(curve.value)
        held.tags.update(read)

    def _forget(self) -> None:
        total = sum(held.size for held in self._held.values())
        before = time.monotonic() - IN_SIGHT_S
        while total > MAX_BYTES and next(iter(self._held.values())).used < before:
            _, oldest = self._held.popitem(last=False)
            total -= oldest.size


class Drawings:
    """Finished charts, so that a look at unchanged curves computes nothing.

    Curves are read once and then shared, so the objects themselves tell whether they changed.
    """

    def __init__(self) -> None:
        self._made: OrderedDict[Hashable, tuple[list[series.Curve], Drawing]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, of: list[series.Curve], make: Callable[[], Drawing]) -> Drawing:
        """The drawing of some curves, made where there is none of the same curves.

        Args:
            key: everything else that the drawing depends on.
            of: the curves.
            make: draws them.
        """
        with self._lock:
            held = self._made.get(key)
        if held is None or len(held[0]) != len(of) or any(map(is_not, held[0], of)):
            held = (of, make())
        with self._lock:
            self._made[key] = held
            self._made.move_to_end(key)
            while len(self._made) > MAX_DRAWINGS:
                self._made.popitem(last=False)
        return held[1]


@st.cache_resource
def drawings() -> Drawings:
    """The charts of all sessions."""
    return Drawings()


@st.cache_resource
def curves() -> Curves:
    """The curves of all sessions."""
    return Curves()


@st.cache_resource(max_entries=64, show_spinner=False)
def _contents(stamp: tuple[tuple[str, int, int], ...], files: tuple, root: object):
    return events.contents(files, root)  # pyright: ignore[reportArgumentType]


def contents(run: Run) -> events.Contents:
    """The table of contents of a run's event files, shared: not to be changed."""
    return _contents(file_stamp(run.event_files), run.event_files, run.path)
