"""Traces and diagnoses kept in the state folder, so that a file is read and judged once.

One file for the columns and one for the diagnosis of each trace, by its path. They are believed
while size, times, inode and samples of the trace's content are the same, and while the code of
this package is: an upgrade, or a change of a rule, judges anew. Whatever goes wrong with a cache
file reads as "not kept".
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from core import cachedir
from core.errors import NotFound, Unreadable
from core.traces import archive
from core.traces.case import make_case
from core.traces.columns import Trace
from core.traces.diagnosis import diagnose
from core.traces.identity import content_key
from core.traces.loading import load_trace
from core.traces.records import Diagnosis
from core.traces.whatif import WhatIf
from core.traces.whatif.replay import Replay, make_replay

Kind = TypeVar("Kind")
_FOLDER = "traces"


def open_trace(path: Path | str) -> Trace:
    """:func:`core.traces.load_trace`, from the cache where the file did not change.

    Raises:
        NotFound: there is no such file.
        Unreadable: it is not a trace.
    """
    file = Path(path)
    key = content_key(file)
    trace = _recall(file, "columns", key, Trace)
    if trace is None:
        trace = load_trace(file)
        _keep(file, "columns", key, trace)
    return trace


def open_diagnosis(path: Path | str, columns: Callable[[Path], Trace] = open_trace) -> Diagnosis:
    """The diagnosis of a trace's busiest device; where it is kept, no columns are needed.

    Args:
        path: the trace.
        columns: where its columns come from if they are needed, for who has them in memory.

    Raises:
        NotFound: there is no such file.
        Unreadable: it is not a trace, or spans no time.
    """
    file = Path(path)
    key = content_key(file)
    kept = _recall(file, "diagnosis", key, _Kept)
    if kept is None:
        kept = _without_replay(diagnose(columns(file)))
        _keep(file, "diagnosis", key, kept)
    later = WhatIf(_Later(key, lambda: columns(file)), kept.refusal, kept.whole_step_ms)
    return Diagnosis(**{name: getattr(kept, name) for name in _FIELDS}, what_if=later)


class _Later:
    """Prepares the replay of a kept diagnosis when it is asked for; the latest one stays.

    It holds the columns of the trace, which a server cannot afford for every diagnosis.
    """

    _latest: tuple[str, Replay] | None = None

    def __init__(self, key: str, columns: Callable[[], Trace]) -> None:
        self._key, self._columns = key, columns

    def __call__(self) -> Replay:
        latest = _Later._latest
        if latest is None or latest[0] != self._key:
            latest = self._key, make_replay(make_case(self._columns()))
            _Later._latest = latest
        return latest[1]


_HINTS = get_type_hints(Diagnosis, localns={"WhatIf": WhatIf})
_FIELDS = tuple(field.name for field in dataclasses.fields(Diagnosis) if field.name != "what_if")
_Kept: Any = dataclasses.make_dataclass(
    "_Kept",
    [*((name, _HINTS[name]) for name in _FIELDS), ("refusal", str), ("whole_step_ms", float)],
)
"""A diagnosis with what is said of its replay in the place of the replay."""


def _without_replay(found: Diagnosis) -> Any:
    values = {name: getattr(found, name) for name in _FIELDS}
    return _Kept(**values, refusal=found.what_if.refusal, whole_step_ms=found.what_if.step_ms)


def file_of(path: Path, what: str) -> Path:
    """The cache file of a trace; ``what`` is ``columns`` or ``diagnosis``."""
    name = hashlib.blake2b(os.fsencode(path.absolute()), digest_size=16).hexdigest()
    return cachedir.folder(_FOLDER) / f"{name}.{what}"


def _recall(path: Path, what: str, key: str, kind: type[Kind]) -> Kind | None:
    kept = file_of(path, what)
    try:
        with kept.open("rb") as stream:
            record = archive.load(stream, key, kind)
    except (OSError, archive.Damaged):
        return None
    if record is not None:
        cachedir.used(kept)
    return record


def _keep(path: Path, what: str, key: str, record: object) -> None:
    """Keep a record, unless the trace has changed meanwhile or the disk does not take it."""
    with contextlib.suppress(OSError, TypeError, OverflowError, NotFound, Unreadable):
        if content_key(path) == key:
            cachedir.write(file_of(path, what), lambda to: archive.save(to, key, record))
