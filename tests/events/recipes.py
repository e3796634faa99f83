"""What hypothesis writes into event files, and frames as plain rows that compare exactly.

A recipe is a list of (name of a method of ``Log``, arguments): see ``conftest.Log.follow``.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from core.events import Events, Problem

OFFSETS = "offset" in {field.name for field in fields(Problem)}
"""Whether this reader says at which byte a file is damaged."""

EXAMPLES = int(os.environ.get("GPULSE_FUZZ_EXAMPLES", "150"))
"""How many files the longest test tries; the others in proportion."""


def examples(count: int) -> settings:
    """Try ``count`` files of 150. Shrinking takes minutes: only when looking for the reason."""
    phases = [Phase.explicit, Phase.reuse, Phase.generate]
    if "GPULSE_FUZZ_SHRINK" in os.environ:
        phases.append(Phase.shrink)
    return settings(
        max_examples=max(1, count * EXAMPLES // 150),
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


TAGS = ["loss", "Loss/train", "a b", "损失/é", "140 x", "20000 y"]


def _long(tag: str) -> str:
    """The tag that a short name of it stands for: lengths of two and three bytes in the file."""
    return {"140 x": "x" * 140, "20000 y": "y" * 20_000}.get(tag, tag)


_tags = st.sampled_from(TAGS).map(_long)
_steps = st.one_of(
    st.integers(0, 30),
    st.integers(-3, 300),
    st.sampled_from([2**31 - 1, 2**31, 2**40, 2**62, -(2**40), -(2**62)]),
)
_values = st.one_of(
    st.floats(width=32), st.sampled_from([float("nan"), float("inf"), float("-inf"), -0.0])
)
_times = st.one_of(st.none(), st.floats(allow_nan=False), st.floats(1.6e9, 1.8e9))
_words = st.one_of(st.text(max_size=20), st.sampled_from(["", "# heading\n\ntext", "z" * 300]))

_SHAPES: list[tuple[int, ...]] = [(), (2,), (4,), (2, 3), (3, 4), (6, 5), (2, 2, 2)]
if OFFSETS:  # the reader that went through tbparse loses these
    _SHAPES += [(1,), (1, 1)]

_PNG = b"\x89PNG\r\n\x1a\n"


def _varint(number: int, pad: bool = False) -> bytes:
    number &= 2**64 - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number | 128, 0]) if pad and len(out) < 8 else bytes([*out, number])


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


_UNKNOWN = [b"", _varint(100 << 3) + b"\x07", _field(60, b"later"), _varint(99 << 3 | 5) + b"1234"]


@st.composite
def _odd_scalar(draw: st.DrawFn) -> tuple[str, bytes]:
    """A scalar as only another protobuf library would write it; readers must not mind."""
    tag, value, step = _long(draw(st.sampled_from(TAGS[:-1]))), draw(_values), draw(_steps)
    simple = b"\x15" + struct.pack("<f", value)
    unknown = draw(st.sampled_from(_UNKNOWN))
    inner = draw(st.permutations([_field(1, tag.encode()), simple, unknown]))
    if draw(st.booleans()):
        inner.insert(0, b"\x15" + struct.pack("<f", 77.0))  # of a field given twice the last counts
    summary = _field(5, _field(1, b"".join(inner)))
    again = draw(st.sampled_from([b"", summary, _field(5, b"")]))  # messages given twice are merged
    other = draw(st.sampled_from([b"", b"", _field(4, b"graph"), _field(6, b"\x0a\x01m")]))
    parts = [
        b"\x09" + struct.pack("<d", 1.7e9),
        b"\x10" + _varint(step, pad=draw(st.booleans())),
        summary + again,
        draw(st.sampled_from(_UNKNOWN)),
        other,  # of the alternatives in a oneof the last one counts: the scalar may be gone
    ]
    return ("raw", b"".join(draw(st.permutations(parts))))


def _array(shape: tuple[int, ...], dtype: str, first: int) -> np.ndarray:
    return (first + np.arange(np.prod(shape, dtype=int))).reshape(shape).astype(dtype)


def _arrays() -> st.SearchStrategy[np.ndarray]:
    return st.builds(
        _array,
        st.sampled_from(_SHAPES),
        st.sampled_from(["f4", "f8", "i4", "i8", "u1", "bool"]),
        st.integers(0, 9),
    )  # fmt: skip


def _hparams() -> st.SearchStrategy[dict[str, Any]]:
    values = st.one_of(st.floats(), st.booleans(), st.text(max_size=8), st.integers(0, 99))
    return st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=4)


def records() -> st.SearchStrategy[tuple[Any, ...]]:
    """One record of any kind."""
    word, limits = st.just, [0.0, 0.5, 1.0]
    picture = st.binary(max_size=40).map(lambda tail: _PNG + tail)
    counts = st.lists(st.floats(0, 1e6), min_size=3, max_size=3)
    return st.one_of(
        st.tuples(word("scalar"), _tags, _steps, _values, _times),
        st.tuples(word("scalar"), _tags, _steps, _values, _times),
        st.tuples(word("scalar"), st.sampled_from(TAGS[:2]), st.integers(0, 9), _values),
        st.tuples(word("stepless"), _tags, _values),
        st.tuples(word("multi"), _steps, st.lists(st.tuples(_tags, _values), max_size=5)),
        _odd_scalar(),
        st.tuples(word("tensor"), _tags.map("t/{}".format), _steps, _arrays(), word("scalars")),
        st.tuples(word("text"), _tags.map("w/{}".format), _steps, _words),
        st.tuples(word("image"), _tags.map("i/{}".format), _steps, picture, word(6), word(4)),
        st.tuples(word("histogram"), _tags.map("h/{}".format), _steps, word(limits), counts),
        st.tuples(word("hparams"), _hparams()),
        st.tuples(word("start"), st.integers(-1, 20)),
        st.tuples(word("raw"), word(b"")),
    )


def recipes(max_size: int = 30) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """The records of one file, after its first."""
    return st.lists(records(), max_size=max_size)


def plain(value: Any) -> Any:
    """A value that compares exactly: NaN equals NaN, arrays equal by shape and content."""
    if isinstance(value, np.ndarray):
        return (value.shape, *(plain(each) for each in value.ravel().tolist()))
    if isinstance(value, (float, np.floating)):
        return "nan" if np.isnan(value) else (float(value), bool(np.signbit(value)))
    return value.item() if isinstance(value, np.generic) else value


def table(frame: pd.DataFrame, columns: Iterable[str]) -> dict[str, list[tuple[Any, ...]]]:
    """tag -> rows in the order of the frame."""
    if frame.empty:
        return {}
    tags = frame["tag"].astype(str).tolist()
    lists = [[plain(value) for value in frame[name].tolist()] for name in columns]
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for tag, *row in zip(tags, *lists, strict=True):
        rows.setdefault(tag, []).append(tuple(row))
    return rows


COLUMNS = {
    "scalars": ("step", "wall_time", "value"),
    "images": ("step", "wall_time", "png", "width", "height"),
    "histograms": ("step", "wall_time", "limits", "counts"),
    "text": ("step", "wall_time", "value"),
    "pr_curves": ("step", "wall_time", "precision", "recall"),
    "tensors": ("step", "wall_time", "value"),
}


def rows_of(events: Events) -> dict[str, Any]:
    """kind -> tag -> rows; of hyper-parameters name -> value."""
    found: dict[str, Any] = {
        kind: table(getattr(events, kind), columns) for kind, columns in COLUMNS.items()
    }
    hparams = events.hparams
    pairs = zip(hparams["name"].tolist(), hparams["value"].tolist(), strict=True)
    return found | {"hparams": {name: plain(value) for name, value in pairs}}
