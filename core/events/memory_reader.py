"""tbparse, given events in memory instead of a file, and without TensorFlow.

Subclassing instead of asking tbparse's own properties has two reasons: they sort by step, which
loses the file order that shows restarts, and they call pandas in a way that warns as deprecated
since pandas 3.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import pandas as pd
from tbparse import SummaryReader, summary_reader
from tbparse.tensorflow_stub import tensor_util

_EXTRA_COLUMNS = {"wall_time", "width", "height", "min", "max", "num", "sum", "sum_squares"}


class _Encoded:
    """What the stand-in for TensorFlow returns: the encoded picture, not its pixels."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def numpy(self) -> bytes:
        return self._data


class _TensorFlowStandIn:
    """The one TensorFlow function tbparse needs for images; nothing is decoded here."""

    class image:
        decode_image = staticmethod(_Encoded)


# tbparse decodes integer tensors by a list of types in which it names two that tensorboard's own
# stand-in for TensorFlow does not have; no tensor is of either.
for _name in ("int4", "uint4"):
    if not hasattr(tensor_util.dtypes, _name):
        setattr(tensor_util.dtypes, _name, object())

# Once, at import: tbparse looks the module attribute up at every call, and a temporary change
# would not be safe with Streamlit's threads.
summary_reader.tensorflow = _TensorFlowStandIn


class _Prepared:
    """Hands over events that were read and verified before, in the place of a file."""

    def __init__(self, events: Iterable[Any]) -> None:
        self._events = events

    def Load(self) -> Iterator[Any]:
        yield from self._events


_PREPARED: ContextVar[_Prepared | None] = ContextVar("_PREPARED", default=None)


class _Accumulator(summary_reader.EventAccumulator):
    """TensorBoard's accumulator, fed with prepared events where there are any.

    tbparse makes it from a path; its own file reader verifies checksums in Python, at some 10 MB/s.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        prepared = _PREPARED.get()
        if prepared is not None:
            self._generator = prepared


summary_reader.EventAccumulator = _Accumulator


class EventReader(SummaryReader):
    """tbparse's reader for events in memory, giving its rows in file order.

    Args:
        events: Event messages, their checksums verified.
        event_types: tbparse's names of what to keep.

    Raises:
        Exception: whatever tbparse and tensorboard raise on unusual content; see
            :data:`core.events.tables.PARSE_ERRORS`.
    """

    def __init__(self, events: Iterable[Any], event_types: set[str]) -> None:
        token = _PREPARED.set(_Prepared(events))
        try:
            # tbparse insists on a file that exists; this one is never read.
            super().__init__(
                __file__,
                event_types=event_types,
                extra_columns=_EXTRA_COLUMNS,
            )
        finally:
            _PREPARED.reset(token)

    def rows(self, event_type: str) -> pd.DataFrame:
        """The rows of one type, in file order per tag."""
        return self._events[event_type]
