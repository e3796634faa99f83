"""Frames shaped as tbparse's users know them: its column names, extra columns and ``pivot``."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.errors import BadInput
from core.events.reader import load, resolve, run_key

EXTRA_COLUMNS: dict[str, tuple[str, ...]] = {
    "scalars": ("wall_time", "dir_name", "file_name"),
    "histograms": (
        *("wall_time", "dir_name", "file_name"),
        *("min", "max", "num", "sum", "sum_squares"),
    ),
    "images": ("wall_time", "dir_name", "file_name", "width", "height"),
    "text": ("wall_time", "dir_name", "file_name"),
    "hparams": ("dir_name", "file_name"),
}
"""Kind -> the extra columns that tbparse can give for it."""

_PLAIN = {
    "scalars": ["step", "tag", "value"],
    "histograms": ["step", "tag", "limits", "counts"],
    "images": ["step", "tag", "value"],
    "text": ["step", "tag", "value"],
    "hparams": ["tag", "value"],
}


def as_tbparse(
    path: Path | str,
    kind: str = "scalars",
    *,
    pivot: bool = False,
    extra_columns: Collection[str] = (),
) -> pd.DataFrame:
    """What ``tbparse.SummaryReader(path, pivot=…, extra_columns=…)`` gives for one kind of data.

    Two differences, both wanted: images stay encoded (tbparse needs TensorFlow to decode them),
    and new-style scalars, images and histograms stand with the old ones instead of among tensors.
    Rows of one tag and step keep the order of the files; tbparse's sort does not.

    Args:
        path: a folder (searched recursively) or one event file.
        kind: scalars, histograms, images, text or hparams.
        pivot: one column a tag (for scalars, text and hparams), one row a step; several values of
            one step become a list.
        extra_columns: more columns, see :data:`EXTRA_COLUMNS`. ``dir_name`` is the folder below
            ``path``, "" for ``path`` itself.

    Raises:
        BadInput: an unknown kind or extra column, or a pivot of what has no single value.
        NotFound: there is no event file.
    """
    _check(kind, pivot, extra_columns)
    files, root = resolve(path)
    parts = [_of_file(file, kind, root) for file in files]
    frame = pd.concat(parts, ignore_index=True).astype({"tag": object})
    extra = [name for name in EXTRA_COLUMNS[kind] if name in set(extra_columns)]
    order = [name for name in ("dir_name", "file_name") if name in extra]
    if not pivot:
        keys = [*order, "tag", *(["step"] if "step" in frame else [])]
        frame = frame.sort_values(keys, kind="stable", ignore_index=True)
        return frame.loc[:, [*_PLAIN[kind], *extra]]
    return _pivoted(frame, [*order, *(["step"] if "step" in frame else [])], extra)


def _check(kind: str, pivot: bool, extra_columns: Collection[str]) -> None:
    if kind not in EXTRA_COLUMNS:
        raise BadInput(f"{kind!r} is none of {', '.join(EXTRA_COLUMNS)}.")
    unknown = sorted(set(extra_columns) - set(EXTRA_COLUMNS[kind]))
    if unknown:
        known = ", ".join(EXTRA_COLUMNS[kind])
        raise BadInput(f"No extra column {unknown[0]!r} for {kind}. There are: {known}.")
    if pivot and kind in ("histograms", "images"):
        raise BadInput(f"{kind} have no single value to make a column of. Leave pivot out.")


def _of_file(file: Path, kind: str, root: Path) -> pd.DataFrame:
    frame: pd.DataFrame = getattr(load([file], {kind}, root=root), kind)
    frame = frame.rename(columns={"name": "tag", "png": "value"}).drop(columns="run")
    run = run_key(file, root)
    return frame.assign(dir_name="" if run == "." else run, file_name=file.name)


def _pivoted(frame: pd.DataFrame, keys: list[str], extra: list[str]) -> pd.DataFrame:
    tags = sorted(frame["tag"].unique())
    times = ["wall_time"] if "wall_time" in extra else []
    if not keys:
        columns = {tag: _merged(part) for tag, part in frame.groupby("tag")["value"]}
        return pd.DataFrame({tag: [value] for tag, value in columns.items()})
    once = not frame.duplicated([*keys, "tag"]).any()
    merge: Any = "first" if once else _merged
    wide = frame.pivot_table(
        index=keys, columns="tag", values="value", aggfunc=merge, sort=True, dropna=False
    )
    wide = wide.reindex(columns=tags).dropna(how="all")
    if times:
        wide["wall_time"] = frame.groupby(keys)["wall_time"].agg(_merged)
    wide = wide.reset_index()
    wide.columns.name = None
    last = [name for name in ("wall_time", "dir_name", "file_name") if name in wide]
    return wide.loc[:, [*(name for name in keys if name == "step"), *tags, *last]]


def _merged(values: Iterable[Any]) -> Any:
    """One value as it is, several as a list; NaN counts as none."""
    found = [value for value in values if not (isinstance(value, float) and np.isnan(value))]
    if not found:
        return np.nan
    return found[0] if len(found) == 1 else found
