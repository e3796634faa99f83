"""The event file of a watched run, written by one thread through TensorBoard's own record writer.

``SummaryWriter`` would write from a thread of its own, in which a full disk ends with a traceback
on the user's screen; here it is an ``OSError`` where it can be met.
"""

from __future__ import annotations

import io
import os
import socket
import time
from pathlib import Path
from typing import Any

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

_Event: Any = event_pb2.Event  # pyright: ignore[reportAttributeAccessIssue]
_Summary: Any = summary_pb2.Summary  # pyright: ignore[reportAttributeAccessIssue]


class EventFile:
    """A new event file in a folder.

    Raises:
        OSError: it cannot be made; :meth:`flush` and :meth:`close` raise it too.
    """

    def __init__(self, folder: Path) -> None:
        host, number = socket.gethostname(), os.getpid()
        name = f"events.out.tfevents.{int(time.time()):010d}.{host}.{number}.0"
        self._file = (folder / name).open("xb", buffering=0)
        self._buffer = io.BytesIO()
        self._records = RecordWriter(self._buffer)
        self._write(_Event(wall_time=time.time(), file_version="brain.Event:2"))
        self.flush()

    def scalar(self, tag: str, value: float, step: int, at: float | None = None) -> None:
        """One number, logged at ``at`` (seconds since the epoch, now without it)."""
        self.summary(_Summary(value=[_Summary.Value(tag=tag, simple_value=value)]), step, at)

    def summary(self, summary: Any, step: int = 0, at: float | None = None) -> None:
        """Any summary."""
        when = time.time() if at is None else at
        self._write(_Event(wall_time=when, step=step, summary=summary))

    def _write(self, event: Any) -> None:
        self._records.write(event.SerializeToString())

    def flush(self) -> None:
        """Bring to disk what was written since the last time."""
        left = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        while left:
            left = left[self._file.write(left) :]

    def close(self) -> None:
        """Flush, and close the file whatever becomes of that."""
        try:
            self.flush()
        finally:
            self._file.close()
