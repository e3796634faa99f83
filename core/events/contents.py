"""What event files hold, a line for each curve or series, without the data themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.events.files import Problem
from core.events.reader import KINDS, load

COLUMNS: dict[str, str] = {
    "run": "str", "tag": "str", "kind": "str", "points": "int64",
    "first_step": "int64", "last_step": "int64", "first_time": "float64", "last_time": "float64",
    "last": "float64", "low": "float64", "low_step": "int64", "high": "float64",
    "high_step": "int64", "nonfinite": "int64", "restarts": "int64", "steps": "object",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Contents:
    """The table of contents of event files.

    Attributes:
        frame: one row for each (run, tag, kind), sorted by them: run, tag, kind, points (number
            of rows), first_step and last_step in file order, first_time and last_time (smallest
            and largest wall time, s since the epoch), and for scalars last (value), low and
            high (finite values only, NaN without any) with their first steps, nonfinite (count)
            and restarts (times that the step goes back); 0 or NaN for other kinds. ``steps``:
            int64[points] in file order for other kinds, None for scalars. Hyper-parameters have
            one row a run, tag "", points = their number, and no steps.
        problems: the files that could not be read, or not to their end.
    """

    frame: pd.DataFrame
    problems: tuple[Problem, ...]


def contents(path_or_files: Path | str | Iterable[Path], root: Path | None = None) -> Contents:
    """List what event files hold.

    Args:
        path_or_files: a folder (searched recursively), one file, or the files themselves.
        root: the folder that runs are named relative to, as for :func:`core.events.load`.

    Raises:
        NotFound: the path does not exist or holds no event file.
    """
    files = path_or_files if isinstance(path_or_files, (str, Path)) else list(path_or_files)
    loaded = load(files, KINDS, root)
    rows: list[dict[str, object]] = []
    for kind in KINDS:
        frame: pd.DataFrame = getattr(loaded, kind)
        keys = ["run"] if kind == "hparams" else ["run", "tag"]
        for key, part in frame.groupby(keys, observed=True, sort=False):
            rows.append(_line(kind, key, part))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    table = table.sort_values(["run", "tag", "kind"], ignore_index=True)
    return Contents(table, loaded.problems)


def _line(kind: str, key: tuple, part: pd.DataFrame) -> dict[str, object]:
    line: dict[str, object] = dict.fromkeys(COLUMNS, 0)
    line |= {"run": key[0], "tag": key[1] if len(key) > 1 else "", "kind": kind}
    line |= {"points": len(part), "last": np.nan, "low": np.nan, "high": np.nan, "steps": None}
    if kind == "hparams":
        return line
    steps, times = part["step"].to_numpy(), part["wall_time"].to_numpy()
    line |= {"first_step": steps[0], "last_step": steps[-1]}
    line |= {"first_time": times.min(), "last_time": times.max()}
    if kind != "scalars":
        return line | {"steps": steps}
    values = part["value"].to_numpy()
    finite = np.isfinite(values)
    line |= {"last": values[-1], "nonfinite": int((~finite).sum())}
    line["restarts"] = int((np.diff(steps) < 0).sum())
    if finite.any():
        low = int(np.where(finite, values, np.inf).argmin())
        high = int(np.where(finite, values, -np.inf).argmax())
        line |= {"low": values[low], "low_step": steps[low]}
        line |= {"high": values[high], "high_step": steps[high]}
    return line
