"""Event files written with tensorboard's own record writer and protobufs."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams import summary_v2 as hparams_summary
from tensorboard.plugins.text import metadata as text_metadata
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_tensor_proto

Event: Any = event_pb2.Event  # pyright: ignore[reportAttributeAccessIssue]
SessionLog: Any = event_pb2.SessionLog  # pyright: ignore[reportAttributeAccessIssue]
Summary: Any = summary_pb2.Summary  # pyright: ignore[reportAttributeAccessIssue]
Histogram: Any = summary_pb2.HistogramProto  # pyright: ignore[reportAttributeAccessIssue]
Metadata: Any = summary_pb2.SummaryMetadata  # pyright: ignore[reportAttributeAccessIssue]

FIRST_TIME = 1_700_000_000.0


class Log:
    """Collects records, then writes them as one event file."""

    def __init__(self) -> None:
        self.records: list[bytes] = [
            Event(wall_time=FIRST_TIME, file_version="brain.Event:2").SerializeToString()
        ]

    def value(self, step: int, wall_time: float | None = None, **fields: Any) -> Log:
        event = Event(wall_time=FIRST_TIME + step if wall_time is None else wall_time, step=step)
        event.summary.value.add(**fields)
        self.records.append(event.SerializeToString())
        return self

    def scalar(self, tag: str, step: int, value: float, wall_time: float | None = None) -> Log:
        return self.value(step, wall_time, tag=tag, simple_value=value)

    def stepless(self, tag: str, value: float) -> Log:
        """A scalar in a record that names no step."""
        event = Event(wall_time=FIRST_TIME)
        event.summary.value.add(tag=tag, simple_value=value)
        return self.raw(event.SerializeToString())

    def multi(self, step: int, pairs: Iterable[tuple[str, float]]) -> Log:
        """One record with several scalars."""
        event = Event(wall_time=FIRST_TIME + step, step=step)
        for tag, value in pairs:
            event.summary.value.add(tag=tag, simple_value=value)
        return self.raw(event.SerializeToString())

    def start(self, step: int) -> Log:
        """A TensorFlow session starts: what has this step or a later one does not count."""
        session = SessionLog(status=SessionLog.START)
        event = Event(wall_time=FIRST_TIME, step=step, session_log=session)
        return self.raw(event.SerializeToString())

    def version(self, text: str) -> Log:
        return self.raw(Event(wall_time=FIRST_TIME, file_version=text).SerializeToString())

    def raw(self, payload: bytes) -> Log:
        """A record with any payload and the checksums that belong to it."""
        self.records.append(payload)
        return self

    def follow(self, recipe: Iterable[tuple[Any, ...]]) -> Log:
        """Add records as (name of the method, its arguments) tell."""
        for name, *words in recipe:
            getattr(self, name)(*words)
        return self

    def scalars(self, tag: str, values: Iterable[float]) -> Log:
        for step, value in enumerate(values):
            self.scalar(tag, step, value)
        return self

    def tensor(self, tag: str, step: int, value: Any, plugin: str = "") -> Log:
        metadata = Metadata(plugin_data=Metadata.PluginData(plugin_name=plugin))
        return self.value(step, tag=tag, metadata=metadata, tensor=make_tensor_proto(value))

    def text(self, tag: str, step: int, text: str) -> Log:
        metadata = text_metadata.create_summary_metadata(tag, "")
        tensor = make_tensor_proto([text.encode()])
        return self.value(step, tag=f"{tag}/text_summary", metadata=metadata, tensor=tensor)

    def image(self, tag: str, step: int, png: bytes, width: int, height: int) -> Log:
        picture = Summary.Image(width=width, height=height, encoded_image_string=png, colorspace=3)
        return self.value(step, tag=tag, image=picture)

    def histogram(self, tag: str, step: int, limits: list[float], counts: list[float]) -> Log:
        histogram = Histogram(
            min=0, max=limits[-1], num=sum(counts), bucket_limit=limits, bucket=counts
        )
        return self.value(step, tag=tag, histo=histogram)

    def hparams(self, values: dict[str, Any]) -> Log:
        event = Event(
            wall_time=FIRST_TIME, summary=hparams_summary.hparams_pb(values, None, FIRST_TIME)
        )
        self.records.append(event.SerializeToString())
        return self

    def ends(self) -> list[int]:
        """Where each record ends in the file."""
        return list(accumulate(len(record) + 16 for record in self.records))

    def to_bytes(self) -> bytes:
        stream = io.BytesIO()
        writer = RecordWriter(stream)
        for record in self.records:
            writer.write(record)
        return stream.getvalue()

    def write(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.to_bytes())
        return path


@pytest.fixture(scope="session")
def log() -> Callable[[], Log]:
    """A fresh, empty log at every call."""
    return Log


@pytest.fixture
def png() -> bytes:
    """A 6 x 4 picture as PNG."""
    stream = io.BytesIO()
    Image.fromarray(np.full((4, 6, 3), 128, np.uint8)).save(stream, "PNG")
    return stream.getvalue()
