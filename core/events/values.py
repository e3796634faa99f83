"""What is in a record that is no plain scalar: which kinds of data, without parsing them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tensorboard.compat.proto import event_pb2, types_pb2

Event: Any = event_pb2.Event  # pyright: ignore[reportAttributeAccessIssue]
_SessionLog: Any = event_pb2.SessionLog  # pyright: ignore[reportAttributeAccessIssue]
_DT_STRING = types_pb2.DT_STRING  # pyright: ignore[reportAttributeAccessIssue]

HPARAMS, TEXT = "hparams", "text"
_TEXT_SUFFIX = "/text_summary"
_HISTOGRAM_COLUMNS = 3
_PR_CURVE_ROWS = 6


@dataclass(frozen=True, slots=True)
class Value:
    """One value that is no plain scalar, and where its record is.

    Attributes:
        kind: one of :data:`core.events.KINDS`.
        tag: as tbparse names it.
        step, wall_time: of its event; s since the epoch.
        offset: first byte of the record in its file.
        length: bytes of the record's payload.
    """

    kind: str
    tag: str
    step: int
    wall_time: float
    offset: int
    length: int


def is_version_2(event: Any) -> bool:
    """Whether an event begins a file of today's format (``brain.Event:2`` or later).

    In older files TensorBoard drops points whenever the step goes back.
    """
    name, _, number = event.file_version.partition(":")
    try:
        return name == "brain.Event" and float(number) >= 2
    except ValueError:
        return False


def is_start(event: Any) -> bool:
    """Whether an event says that logging began anew, which makes later steps obsolete."""
    return event.HasField("session_log") and event.session_log.status == _SessionLog.START


def kinds(event: Any, plugins: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(kind, tag) of each value of an event that GPUlse can show.

    Args:
        event: an Event message.
        plugins: tag -> plugin of the tags met so far; the first metadata of a tag count, as for
            TensorBoard, and are added here.
    """
    for value in event.summary.value:
        if value.HasField("metadata"):
            plugins.setdefault(value.tag, value.metadata.plugin_data.plugin_name)
        kind = _kind(value, plugins.get(value.tag, ""))
        if kind == TEXT:
            yield kind, value.tag.removesuffix(_TEXT_SUFFIX)
        elif kind:
            yield kind, value.tag or value.node_name


def _kind(value: Any, plugin: str) -> str:
    which = value.WhichOneof("value")
    if plugin == HPARAMS:
        return HPARAMS
    if which == "tensor":
        return _tensor_kind(value.tensor, plugin)
    return {"simple_value": "scalars", "image": "images", "histo": "histograms"}.get(which, "")


def _tensor_kind(tensor: Any, plugin: str) -> str:
    """The kind that a tensor's type and shape make it; tables.py judges its content likewise."""
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if plugin == TEXT:
        return TEXT
    if tensor.dtype == _DT_STRING:
        return "images" if plugin == "images" and len(shape) == 1 and shape[0] > 2 else ""
    if math.prod(shape) == 1:
        return "scalars"
    if len(shape) == 2 and shape[1] == _HISTOGRAM_COLUMNS and shape[0]:
        return "histograms"
    if len(shape) == 2 and shape[0] == _PR_CURVE_ROWS:
        return "pr_curves"
    return "tensors" if shape else ""
