"""tbparse's frames into ours (columns and units: see :class:`core.events.reader.Events`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from google.protobuf.message import DecodeError
from tbparse import SummaryReader
from tensorboard.compat.proto import event_pb2
from tensorboard.compat.tensorflow_stub import errors as tf_errors

from core.events.memory_reader import EventReader

_EVENT_TYPES: dict[str, set[str]] = {
    # New-style scalars, images and histograms arrive as tensors.
    "scalars": {"scalars", "tensors"},
    "images": {"images", "tensors"},
    "histograms": {"histograms", "tensors"},
    # Without "tensors" tbparse keeps one text in a reservoir of size 1.
    "text": {"text", "tensors"},
    "hparams": {"hparams"},
    "pr_curves": {"tensors"},
    "tensors": {"tensors"},
}
KINDS: frozenset[str] = frozenset(_EVENT_TYPES)

_COLUMNS: dict[str, dict[str, str]] = {
    "scalars": {"tag": "str", "step": "int64", "wall_time": "float64", "value": "float64"},
    "images": {
        "tag": "str",
        "step": "int64",
        "wall_time": "float64",
        "png": "object",
        "width": "int64",
        "height": "int64",
    },
    "histograms": {
        "tag": "str",
        "step": "int64",
        "wall_time": "float64",
        "limits": "object",
        "counts": "object",
        "min": "float64",
        "max": "float64",
        "num": "float64",
        "sum": "float64",
        "sum_squares": "float64",
    },
    "text": {"tag": "str", "step": "int64", "wall_time": "float64", "value": "object"},
    "hparams": {"name": "str", "value": "object"},
    "pr_curves": {
        "tag": "str",
        "step": "int64",
        "wall_time": "float64",
        "precision": "object",
        "recall": "object",
    },
    "tensors": {"tag": "str", "step": "int64", "wall_time": "float64", "value": "object"},
}

_VERSION_2: Any = event_pb2.Event(file_version="brain.Event:2")  # pyright: ignore[reportAttributeAccessIssue]

PARSE_ERRORS = (
    DecodeError,
    tf_errors.OpError,
    MemoryError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
)
"""What tbparse and tensorboard let through on damaged or unusual content."""

_IMAGE_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM")


def parse(
    events: Sequence[Any], kinds: Collection[str], *, whole: bool = False
) -> dict[str, pd.DataFrame]:
    """Parse events with tbparse.

    Args:
        events: Event messages in file order, each with its ``wall_time`` replaced by its position
            (any number that says which event it is; hyper-parameters need none).
        kinds: a subset of :data:`KINDS`.
        whole: the events are all of a file, its format and restarts among them. Otherwise no
            point is dropped because a step goes back.

    Returns:
        For each kind its frame without ``run``, and with ``position`` (int64) for ``wall_time``.

    Raises:
        PARSE_ERRORS: tbparse cannot make sense of an event.
    """
    types = set().union(*(_EVENT_TYPES[kind] for kind in kinds))
    reader = EventReader(events if whole else (_VERSION_2, *events), types)
    tensors = reader.rows("tensors") if "tensors" in types else pd.DataFrame()
    return {kind: _positioned(kind, _BUILDERS[kind](reader, tensors)) for kind in kinds}


def parse_each(
    events: Sequence[Any], kinds: Collection[str], *, whole: bool = False
) -> tuple[dict[str, pd.DataFrame], list[Any]]:
    """As :func:`parse`, but an event that cannot be parsed costs only itself.

    Returns:
        The frames, and the events that were left out.
    """
    try:
        return parse(events, kinds, whole=whole), []
    except PARSE_ERRORS:
        if len(events) < 2:
            return {kind: _positioned(kind, pd.DataFrame()) for kind in kinds}, list(events)
    middle = len(events) // 2
    first, bad = parse_each(events[:middle], kinds, whole=whole)
    second, also_bad = parse_each(events[middle:], kinds, whole=whole)
    frames = {kind: _both(first[kind], second[kind]) for kind in kinds}
    return frames, bad + also_bad


def _both(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    if first.empty or second.empty:
        return second if first.empty else first
    return pd.concat([first, second], ignore_index=True)


def empty(kind: str) -> pd.DataFrame:
    """A frame of the right columns and types with no rows."""
    return _typed(pd.DataFrame(), _COLUMNS[kind])


def _positioned(kind: str, frame: pd.DataFrame) -> pd.DataFrame:
    columns = dict(_COLUMNS[kind])
    if columns.pop("wall_time", None):
        columns["position"] = "int64"
    return _typed(frame.rename(columns={"wall_time": "position"}), columns)


def _typed(frame: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    if frame.empty:
        return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in columns.items()})
    return frame.loc[:, list(columns)].astype(columns)  # pyright: ignore[reportReturnType]


def _scalars(reader: EventReader, tensors: pd.DataFrame) -> pd.DataFrame:
    numbers = _select(tensors, _is_number)
    if len(numbers):
        numbers = numbers.assign(value=numbers["value"].map(lambda value: np.asarray(value).item()))
    return _stack(reader.rows("scalars"), numbers)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) or (
        isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "iufb"
    )


def _images(reader: EventReader, tensors: pd.DataFrame) -> pd.DataFrame:
    old = reader.rows("images").rename(columns={"value": "png"})
    new = _select(tensors, _is_images)
    if new.empty:
        return old
    # A new-style row is [width, height, picture, picture, ...]: one row for each picture.
    pictures = new["value"].map(lambda value: list(value[2:]))
    new = new.assign(
        width=new["value"].map(lambda value: int(value[0])),
        height=new["value"].map(lambda value: int(value[1])),
        png=pictures,
    ).explode("png", ignore_index=True)
    return _stack(old, new)


def _is_images(value: Any) -> bool:
    return (
        isinstance(value, np.ndarray)
        and value.dtype == object
        and value.ndim == 1
        and len(value) > 2
        and isinstance(value[2], bytes)
        and value[2].startswith(_IMAGE_MAGIC)
    )


def _histograms(reader: EventReader, tensors: pd.DataFrame) -> pd.DataFrame:
    old = reader.rows("histograms")
    new = _select(tensors, _is_histogram)
    if new.empty:
        return old
    parsed = new["value"].map(SummaryReader.tensor_to_histogram)
    fields = ("limits", "counts", "min", "max", "num", "sum", "sum_squares")
    new = new.assign(**{name: [each[name] for each in parsed] for name in fields})
    return _stack(old, new)


def _is_histogram(value: Any) -> bool:
    return (
        isinstance(value, np.ndarray)
        and value.ndim == 2
        and value.shape[1] == 3
        and len(value) > 0
        and value.dtype.kind == "f"
    )


def _text(reader: EventReader, tensors: pd.DataFrame) -> pd.DataFrame:
    del tensors  # asked for only so that tbparse keeps every text
    return reader.rows("text")


def _hparams(reader: EventReader, tensors: pd.DataFrame) -> pd.DataFrame:
    del tensors
    return reader.rows("hparams").rename(columns={"tag": "name"})


def _pr_curves(reader: EventReader, tensors: pd.DataFrame) -> pd.DataFrame:
    del reader
    found = _select(tensors, _is_pr_curve)
    return found.assign(
        precision=found["value"].map(lambda value: value[4]) if len(found) else None,
        recall=found["value"].map(lambda value: value[5]) if len(found) else None,
    )


def _is_pr_curve(value: Any) -> bool:
    """Six rows (true and false positives, true and false negatives, precision, recall).

    See ``tensorboard.plugins.pr_curve.metadata``.
    """
    return (
        isinstance(value, np.ndarray)
        and value.ndim == 2
        and value.shape[0] == 6
        and value.shape[1] > 3
        and value.dtype.kind == "f"
    )


def _tensors(reader: EventReader, tensors: pd.DataFrame) -> pd.DataFrame:
    """Tensors of numbers that are nothing else that GPUlse shows."""
    del reader
    return _select(tensors, _is_other_array)


def _is_other_array(value: Any) -> bool:
    return (
        isinstance(value, np.ndarray)
        and value.dtype.kind in "iufb"
        and value.size != 1
        and not _is_histogram(value)
        and not _is_pr_curve(value)
    )


_BUILDERS: dict[str, Callable[[EventReader, pd.DataFrame], pd.DataFrame]] = {
    "scalars": _scalars,
    "images": _images,
    "histograms": _histograms,
    "text": _text,
    "hparams": _hparams,
    "pr_curves": _pr_curves,
    "tensors": _tensors,
}


def _select(tensors: pd.DataFrame, test: Callable[[Any], bool]) -> pd.DataFrame:
    if tensors.empty:
        return tensors
    keep = np.fromiter(map(test, tensors["value"]), dtype=bool, count=len(tensors))
    return tensors.loc[keep]


def _stack(*frames: pd.DataFrame) -> pd.DataFrame:
    present = [frame for frame in frames if not frame.empty]
    if len(present) == 1:
        return present[0]
    return pd.concat(present, ignore_index=True) if present else pd.DataFrame()
