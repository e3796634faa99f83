"""Cached readers for pages: content in, dataclass or DataFrame out.

What is read from disk is cached by path, size and modification time of its files, so that a change
is seen at once and nothing unchanged is read twice, by any session; event files have a cache of
their own (in ``core.events``). Traces are large and read-only: they are shared, not copied
(``cache_resource``).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core import compare, dynamics, events, health, jobs, remote, traces
from core import runs as run_store
from core.dynamics import words
from core.errors import GpulseError, NotFound
from core.runs import Run, file_stamp
from core.settings import settings
from core.ui.format import plain
from core.ui.texts import t

LIVE_S = 2.0
"""Seconds between two looks at something that is still being written."""

FRESH_S = 60.0
"""A run of somebody else's whose files changed within this time counts as still being written."""

MAX_VERDICTS = 256
"""Verdicts kept: a slider that was drawn over a run asks for one at each of its steps."""

_SEEN = "_remote_changes"


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show an error meant for the user as one line; what comes after the block still runs."""
    try:
        yield
    except GpulseError as error:
        st.error(plain(str(error)), icon=":material/error:")


@st.cache_resource(ttl=LIVE_S, max_entries=8, show_spinner=False)
def _discover(roots: tuple[str, ...], changes: tuple[int, ...]) -> list[Run]:
    return run_store.discover(Path(root) for root in roots)


def all_runs() -> list[Run]:
    """Every run below the allowed roots, newest first; at most :data:`LIVE_S` old.

    Of remote folders it is what was fetched by now; what is new there is on its way.
    """
    roots = tuple(str(root) for root in settings().all_roots)
    return list(_discover(roots, _remote_changes()))


@st.cache_resource(show_spinner=False)
def _keeper() -> remote.Keeper:
    return remote.Keeper()


def _remote_changes() -> tuple[int, ...]:
    """How often each mirror has changed; starts looking at the remote folders when that is due."""
    return tuple(status.changes for status in _keeper().look(settings().remotes))


def remote_notes() -> None:
    """What is to be said of remote folders; the page is drawn anew when one has changed.

    To be called before the runs are listed, so that no change falls between the two.
    """
    if settings().remotes:
        st.session_state[_SEEN] = _remote_changes()
        _notes()


@st.fragment(run_every=LIVE_S)
def _notes() -> None:
    if st.session_state.get(_SEEN) != _remote_changes():
        st.rerun(scope="app")
    for status in _keeper().look(settings().remotes):
        if status.fetching:
            st.info(t("remote.fetching", url=plain(status.url)), icon=":material/cloud_download:")
        for problem in status.problems:
            st.warning(plain(problem), icon=":material/cloud_off:")


def forget_runs() -> None:
    """Look again at once: a run was just made."""
    _discover.clear()


def look_again(run: Run) -> Run:
    """The same run with the files it holds now."""
    return run_store.find(run.key, settings().all_roots)


def job_of(run: Run) -> jobs.Job | None:
    """The job that made a run, or None where it is somebody else's or the store forgot it."""
    if run.job is None or not isinstance(run.job.get("id"), str):
        return None
    try:
        return jobs.get(run.job["id"])
    except NotFound:
        return None


def is_live(run: Run | None) -> bool:
    """Whether a job of ours is still writing this run."""
    job = job_of(run) if run is not None else None
    return job is not None and not job.final


def is_fresh(run: Run) -> bool:
    """Whether the files of a run changed a moment ago, and the program that wrote them goes on."""
    return time.time() - run.modified < FRESH_S and not (run.job or {}).get("ended")


def is_writing(run: Run | None) -> bool:
    """Whether a run is still being written, by a job of ours or by another program."""
    if run is None:
        return False
    job = job_of(run)
    return is_fresh(run) if job is None else not job.final


def _nothing_logged(run: Run) -> str:
    return t("empty.live", run=run.key) if is_writing(run) else t("empty.ended", run=run.key)


def load_events(run: Run, *kinds: str) -> events.Events:
    """The events of a run; nothing that is known of its files is read again.

    Args:
        run: which one.
        kinds: any of scalars, images, histograms, text, hparams.

    Raises:
        NotFound: the run has no event file yet.
    """
    if not run.event_files:
        raise NotFound(_nothing_logged(run))
    return events.load(run.event_files, kinds, run.path)


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair of losses with the verdict on it."""

    pair: dynamics.LossPair
    verdict: dynamics.Verdict


class _Verdicts:
    """The verdicts of the latest content of each run, least recently asked for dropped.

    Streamlit's own cache would keep one for every content that a live run ever had.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, tuple[Hashable, list[Judged]]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, stamp: Hashable, judge: Callable[[], list[Judged]]):
        with self._lock:
            known = self._known.get(key)
        if known is None or known[0] != stamp:
            known = (stamp, judge())
        with self._lock:
            self._known[key] = known
            self._known.move_to_end(key)
            while len(self._known) > MAX_VERDICTS:
                self._known.popitem(last=False)
        return known[1]


@st.cache_resource
def _verdicts() -> _Verdicts:
    return _Verdicts()


def judge(
    run: Run, train_tag: str | None = None, val_tag: str | None = None, at: int | None = None
) -> list[Judged]:
    """The verdict on each pair of losses of a run, as known at step ``at`` (None: now)."""
    if not run.event_files:
        raise NotFound(_nothing_logged(run))

    def fresh() -> list[Judged]:
        pairs = dynamics.pair_losses(load_events(run, "scalars").scalars, train_tag, val_tag)
        return [Judged(pair, dynamics.diagnose(pair, at=at)) for pair in pairs]

    return _verdicts().get((run.path, train_tag, val_tag, at), file_stamp(run.event_files), fresh)


def vital_signs(run: Run, *, with_trace: bool = False) -> health.Health:
    """The vital signs of a run; empty where it logged nothing.

    Args:
        run: which one.
        with_trace: take what the scalars do not tell from the run's only trace (reads it).
    """
    signs = health.Health()
    try:
        if run.event_files:
            judged = judge(run)
            frame = load_events(run, "scalars").scalars
            first = (judged[0].pair, judged[0].verdict) if judged else (None, None)
            signs = health.vital_signs(frame, *first)
        if with_trace and signs.step_ms is None and len(run.trace_files) == 1:
            signs = health.from_profile(signs, diagnosis(run.trace_files[0]))
    except GpulseError:
        return signs
    return signs


def step_name(run: Run | None) -> str:
    """What one step of the losses is: an epoch in our own runs, unless they say that it is not."""
    ours = run is None or (run.job is not None and run.job.get("unit", "epoch") == "epoch")
    return t("step.epoch") if ours else t("step.step")


def in_unit(text: str, unit: str) -> str:
    """A sentence of the detector, which counts steps, in the unit of the run."""
    return words.in_epochs(text) if unit == t("step.epoch") else text


@st.cache_resource(max_entries=2, show_spinner="Reading the trace …")
def _trace(path: str, size: int, mtime_ns: int) -> traces.Trace:
    return traces.open_trace(path)


@st.cache_resource(max_entries=16, show_spinner="Diagnosing the trace …")
def _diagnosis(path: str, size: int, mtime_ns: int) -> traces.Diagnosis:
    return traces.open_diagnosis(path, lambda _: _trace(path, size, mtime_ns))


@st.cache_resource(max_entries=4, show_spinner=False)
def _lanes(path: str, size: int, mtime_ns: int) -> traces.Lanes:
    return traces.build_lanes(_trace(path, size, mtime_ns))


@st.cache_resource(max_entries=64, show_spinner=False)
def _sorted_traces(root: str, files: tuple[tuple[str, int, int], ...]) -> traces.ranks.Sorted:
    return traces.ranks.sort_traces([Path(name) for name, _, _ in files], Path(root))


def sorted_traces(run: Run) -> traces.ranks.Sorted:
    """Which traces of a run are ranks of one job."""
    return _sorted_traces(str(run.path), file_stamp(run.trace_files))


@st.cache_resource(max_entries=8, show_spinner=False)
def _job(
    name: str, files: tuple[tuple[str, int, int], ...], _capture: traces.ranks.Capture
) -> traces.ranks.JobDiagnosis:
    return traces.ranks.diagnose_capture(_capture)


def job_diagnosis(capture: traces.ranks.Capture) -> traces.ranks.JobDiagnosis:
    """The diagnosis of one step window of a job of many ranks."""
    return _job(capture.name, file_stamp(file.path for file in capture.files), capture)


def _stamp_of(path: Path) -> tuple[str, int, int]:
    stamp = file_stamp([path])
    if not stamp:
        raise NotFound(f"The trace {path.name} is gone. Choose another one.")
    return stamp[0]


def load_trace(path: Path) -> traces.Trace:
    """A trace, shared between sessions: its arrays are read-only."""
    return _trace(*_stamp_of(path))


def diagnosis(path: Path) -> traces.Diagnosis:
    """The diagnosis of a trace."""
    return _diagnosis(*_stamp_of(path))


def lanes(path: Path) -> traces.Lanes:
    """The lanes of a trace's timeline."""
    return _lanes(*_stamp_of(path))


@st.cache_resource(max_entries=8, show_spinner="Comparing the traces …")
def _comparison(a: tuple[str, int, int], b: tuple[str, int, int]) -> compare.TraceComparison:
    return compare.compare_traces(_trace(*a), _trace(*b), (_diagnosis(*a), _diagnosis(*b)))


def comparison(before: Path, after: Path) -> compare.TraceComparison:
    """Two traces side by side, shared between sessions."""
    return _comparison(_stamp_of(before), _stamp_of(after))
