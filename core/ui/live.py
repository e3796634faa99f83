"""What a page does while the run it shows is being written: signs in time, an end that is seen."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core import health, jobs
from core.runs import Run
from core.ui import data

TICKING = "_strip_ticking"
"""In the session's state: whether the strip of the chosen run looks again by itself."""

SIGNS_SHARE = 0.02
"""Of a processor, at most, that goes into the vital signs of a run while it is being written."""

LOOK_SHARE = 0.05
"""Of the time between two looks, at most, that its vital signs alone may take."""

MAX_SIGNS = 256
"""Runs whose signs are kept."""


@dataclass(frozen=True, slots=True)
class _Kept:
    stamp: Hashable
    signs: health.Health
    cost_s: float
    again: float
    """Monotonic time before which signs of earlier content are good enough."""


class _Signs:
    """The vital signs of runs that are being written.

    Of a run of many points they take long, and every look finds new ones: then the last ones are
    good enough for a while.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[Path, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, run: Run, make: Callable[[], health.Health]) -> health.Health:
        with self._lock:
            known = self._known.get(run.path)
        if known is None or (known.stamp != run.stamp and time.monotonic() >= known.again):
            begin, stamp = time.thread_time(), run.stamp
            signs = make()
            cost_s = time.thread_time() - begin
            rest_s = min(cost_s / SIGNS_SHARE, data.FRESH_S)
            known = _Kept(stamp, signs, cost_s, time.monotonic() + rest_s)
        with self._lock:
            self._known[run.path] = known
            self._known.move_to_end(run.path)
            while len(self._known) > MAX_SIGNS:
                self._known.popitem(last=False)
        return known.signs

    def cost_s(self, run: Run) -> float:
        """What they took the last time."""
        with self._lock:
            known = self._known.get(run.path)
        return known.cost_s if known else 0.0


@st.cache_resource
def _signs() -> _Signs:
    return _Signs()


def signs(run: Run) -> health.Health:
    """The vital signs of a run, its trace included.

    Of a run that is being written, where they take long, they may be some seconds old.
    """
    if not data.is_writing(run):
        return data.vital_signs(run, with_trace=True)
    return _signs().get(run, lambda: data.vital_signs(run, with_trace=True))


def every_s(run: Run) -> float:
    """Seconds between two looks at a run that is being written: more of them where it is long."""
    return min(data.FRESH_S, max(data.LIVE_S, _signs().cost_s(run) / LOOK_SHARE))


def rerun_when_calm(run: Run, flag: str) -> None:
    """Rerun the whole page once when another program has stopped writing a run.

    Args:
        run: as it is now, no run of a job that is known.
        flag: session key that remembers which run this fragment watches.
    """
    if data.is_writing(run):
        st.session_state[flag] = run.key
    elif st.session_state.get(flag) == run.key:
        del st.session_state[flag]
        data.forget_runs()
        st.rerun(scope="app")


def rerun_when_done(job: jobs.Job, flag: str) -> None:
    """Rerun the whole page once when a job that was being watched has ended.

    Args:
        job: as it is now.
        flag: session key that remembers which job this fragment watches.
    """
    if not job.final:
        st.session_state[flag] = job.id
    elif st.session_state.get(flag) == job.id:
        del st.session_state[flag]
        data.forget_runs()
        st.rerun(scope="app")
