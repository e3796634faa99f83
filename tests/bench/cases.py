"""What a child process of the events bench does: ``python -m tests.bench.cases NAME PATH ...``."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from tests.bench.measure import Part


def ours(path: str) -> None:
    """Read every scalar."""
    from core.events import load

    with Part() as part:
        frame = load(Path(path)).scalars
    part.say(points=len(frame), total=float(frame["value"].to_numpy().sum()))


def append(path: str, extra: str) -> None:
    """Read, let the file grow, read again: only the second reading counts."""
    from core.events import load

    before = len(load(Path(path)).scalars)
    more = Path(extra).read_bytes()
    with Path(path).open("ab") as stream:
        stream.write(more)
    with Part() as part:
        frame = load(Path(path)).scalars
    part.say(
        points=len(frame), total=float(frame["value"].to_numpy().sum()), new=len(frame) - before
    )


def tbparse(path: str) -> None:
    """The same scalars from the peer."""
    from tbparse import SummaryReader

    warnings.simplefilter("ignore")  # it calls pandas in a way that is deprecated
    with Part() as part:
        frame = SummaryReader(path, extra_columns={"wall_time"}, event_types={"scalars"}).scalars
    part.say(points=len(frame), total=float(frame["value"].to_numpy().sum()))


def contents(path: str) -> None:
    """The table of contents of every file below a folder."""
    from core.events import contents as table_of

    with Part() as part:
        frame = table_of(Path(path)).frame
    part.say(points=int(frame["points"].to_numpy().sum()), rows=len(frame))


def table(path: str) -> None:
    """The table of runs, as the runs page shows it."""
    import importlib

    from core import runs

    run_table = importlib.import_module("core.table").run_table
    with Part() as part:
        rows = run_table(runs.discover([Path(path)]))
    part.say(rows=len(getattr(rows, "frame", rows)))


_CASES = {"ours": ours, "append": append, "tbparse": tbparse, "contents": contents, "table": table}

if __name__ == "__main__":
    _CASES[sys.argv[1]](*sys.argv[2:])
