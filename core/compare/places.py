"""From two places on disk to what is compared: traces or runs."""

from __future__ import annotations

from pathlib import Path

from core import runs
from core.compare.records import TraceComparison
from core.compare.runs import RunComparison, compare_runs, profiles
from core.errors import BadInput, GpulseError, NotFound
from core.runs import Run, is_event_file
from core.traces import find_traces

_NAMED = 4
"""Runs named where a folder holds several."""


def compare(a: Path, b: Path) -> TraceComparison | RunComparison:
    """Compare two traces, two runs, or a trace with the trace of a run.

    Args:
        a, b: trace files, event files or run folders.

    Raises:
        NotFound: a place does not exist or holds nothing to compare.
        BadInput: a folder holds several runs, or one side has traces and the other none.
        Unreadable: a file is not what it claims to be.
    """
    one, two = run_at(a), run_at(b)
    if one.event_files and two.event_files:
        return compare_runs(one, two)
    if one.trace_files and two.trace_files:
        return profiles(one, two)
    raise BadInput(
        f"{_holds(a, one)}, {_holds(b, two)}: nothing in common to compare. Give two traces or two "
        "runs."
    )


def _holds(path: Path, run: Run) -> str:
    parts = [
        f"{len(files)} {word}(s)"
        for files, word in ((run.event_files, "event file"), (run.trace_files, "trace"))
        if files
    ]
    return f"{path} holds {' and '.join(parts) or 'no log'}"


def run_at(path: Path) -> Run:
    """The run of a folder, or a file as a run of its own.

    Raises:
        NotFound: the place does not exist or holds no log.
        BadInput: a folder holds several runs.
    """
    if path.is_file():
        if is_event_file(path.name):
            return Run(path.name, path.parent.absolute(), event_files=(path.absolute(),))
        return Run(path.name, path.parent.absolute(), trace_files=(path.absolute(),))
    if not path.is_dir():
        raise NotFound(f"There is no {path}. Give a trace, an event file or the folder of a run.")
    found = runs.discover([path])
    own = [run for run in found if run.path == path.absolute()]
    if own or len(found) == 1:
        run = (own or found)[0]
        return Run(path.name, run.path, run.event_files, run.trace_files, run.job, run.modified)
    if found:
        named = ", ".join(run.key for run in found[:_NAMED])
        raise BadInput(f"{path} holds {len(found)} runs; name one of them: {named}, …")
    try:
        files = tuple(file.absolute() for file in find_traces(path))
    except GpulseError:
        files = ()
    if not files:
        raise NotFound(f"{path} holds neither event files nor traces. Give the folder of a run.")
    return Run(path.name, path.absolute(), trace_files=files)
