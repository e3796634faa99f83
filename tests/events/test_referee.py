"""tbparse as the referee: the same rows in the same order, however a file came to be."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tbparse.summary_reader as theirs
from hypothesis import given
from hypothesis import strategies as st

from core.events import KINDS, load
from core.settings import settings
from tests.events.recipes import examples, plain, recipes, rows_of, table

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "curves" / "events"
REAL = sorted(SHARED.rglob("*tfevents*"))
NAME = "events.out.tfevents.1"


class _Encoded:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def numpy(self) -> bytes:
        return self._data


class _TensorFlowStandIn:
    """Lets tbparse hand out pictures as they are stored."""

    class image:
        decode_image = staticmethod(_Encoded)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theirs, "tensorflow", _TensorFlowStandIn)
    monkeypatch.setattr(logging.getLogger("tensorboard"), "disabled", True)


def _array(value: Any) -> np.ndarray:
    return value if isinstance(value, np.ndarray) else np.array(value)


def _kind(value: Any) -> str:
    """Which of our frames a tensor of tbparse's belongs to."""
    array = _array(value)
    if array.dtype.kind not in "iufb":
        return "other"
    if array.size == 1:
        return "scalars"
    if array.dtype.kind == "f" and array.ndim == 2:
        if array.shape[1] == 3:
            return "histograms"
        if array.shape[0] == 6 and array.shape[1] > 3:
            return "pr_curves"
    return "tensors"


def _from_tensors(kind: str, frame: pd.DataFrame) -> pd.DataFrame:
    values = frame["value"].tolist()
    if kind == "histograms":
        parsed = [theirs.SummaryReader.tensor_to_histogram(value) for value in values]
        limits, counts = [each["limits"] for each in parsed], [each["counts"] for each in parsed]
        return frame.assign(limits=limits, counts=counts)
    if kind == "pr_curves":
        return frame.assign(precision=[v[4] for v in values], recall=[v[5] for v in values])
    if kind == "scalars":
        return frame.assign(value=[float(_array(value).item()) for value in values])
    return frame


def referee(file: Path) -> dict[str, Any]:
    """tbparse's rows of one file, in file order, sorted into our kinds."""
    types = {"scalars", "tensors", "histograms", "images", "text", "hparams"}
    reader = theirs.SummaryReader(
        str(file), event_types=types, extra_columns={"wall_time", "width", "height"}
    )
    found = reader._events
    hparams = found["hparams"]
    names = [] if hparams.empty else zip(hparams["tag"], hparams["value"], strict=True)
    rows: dict[str, Any] = {"hparams": {name: plain(value) for name, value in names}}
    at = ["step", "wall_time"]
    rows["scalars"] = table(found["scalars"], [*at, "value"])
    rows["text"] = table(found["text"], [*at, "value"])
    rows["histograms"] = table(found["histograms"], [*at, "limits", "counts"])
    rows["images"] = table(found["images"], [*at, "value", "width", "height"])
    rows |= {"tensors": {}, "pr_curves": {}}
    tensors = found["tensors"]
    kinds = [] if tensors.empty else [_kind(value) for value in tensors["value"]]
    columns = {
        "scalars": ["value"],
        "tensors": ["value"],
        "histograms": ["limits", "counts"],
        "pr_curves": ["precision", "recall"],
    }
    for kind, names in columns.items():
        mask = [each == kind for each in kinds]
        if any(mask):
            rows[kind] |= table(_from_tensors(kind, tensors.loc[mask]), [*at, *names])
    return rows


def _assert_same(ours: dict[str, Any], expected: dict[str, Any]) -> None:
    for kind in expected:
        assert ours[kind] == expected[kind], kind


def _at_once(content: bytes) -> dict[str, Any]:
    """Our rows of a file with this content that nobody has seen before."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / NAME
        file.write_bytes(content)
        return rows_of(load(file, KINDS))


def _written(log: Any, recipe: list[tuple[Any, ...]], version: str | None) -> bytes:
    writer = log()
    if version is None:
        writer.records.clear()
    elif version:
        writer.records.clear()
        writer.version(version)
    return writer.follow(recipe).to_bytes()


_versions = st.sampled_from(["", "", "", "", None, "brain.Event:1", "brain.Event:3"])


@given(recipe=recipes(), version=_versions)
@examples(100)
def test_any_file_gives_the_rows_of_tbparse(log, recipe, version):
    content = _written(log, recipe, version)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / NAME
        file.write_bytes(content)
        if content:
            _assert_same(rows_of(load(file, KINDS)), referee(file))
            assert rows_of(load(file))["scalars"] == referee(file)["scalars"]


@pytest.mark.parametrize("dtype", ["i4", "i8", "bool"])
def test_tensors_of_integers_are_read(tmp_path, log, dtype):
    """tbparse alone raises on them (its stand-in for TensorFlow lacks int4)."""
    writer = log().tensor("one", 1, np.array(1, dtype), "scalars")
    writer.tensor("two", 1, np.array([1, 0], dtype), "scalars").write(tmp_path / NAME)
    events = load(tmp_path, KINDS)
    assert events.problems == ()
    assert events.scalars["value"].tolist() == [1.0]
    assert events.tensors["value"].tolist()[0].tolist() == [1, 0]


@pytest.mark.skipif(not REAL, reason="the real event files (../shared) are not here")
@pytest.mark.parametrize("file", REAL, ids=lambda file: file.relative_to(SHARED).as_posix()[:40])
def test_real_files_give_the_rows_of_tbparse(file):
    events = load(file, KINDS)
    assert events.problems == ()
    _assert_same(rows_of(events), referee(file))


def _follow(content: bytes, cuts: list[int], between: Any) -> None:
    """Write a file in pieces and load after each: always what reading at once gives."""
    bounds = sorted({cut % (len(content) + 1) for cut in cuts} | {len(content)})
    with tempfile.TemporaryDirectory() as folder:
        file, begin = Path(folder) / NAME, 0
        file.touch()
        for end in bounds:
            with file.open("ab") as stream:
                stream.write(content[begin:end])
            begin = end
            _assert_same(rows_of(load(file, KINDS)), _at_once(content[:end]))
            between()
        if content:
            _assert_same(rows_of(load(file, KINDS)), referee(file))


_cuts = st.lists(st.integers(0, 100_000), min_size=1, max_size=5)


@given(recipe=recipes(), cuts=_cuts, version=_versions)
@examples(40)
def test_reading_while_the_file_grows_gives_what_reading_at_once_gives(log, recipe, cuts, version):
    _follow(_written(log, recipe, version), cuts, lambda: None)


def _forget() -> None:
    shutil.rmtree(settings().state_dir, ignore_errors=True)


@given(recipe=recipes(), cuts=_cuts)
@examples(20)
def test_a_cache_thrown_away_between_two_looks_changes_nothing(log, recipe, cuts):
    _follow(_written(log, recipe, ""), cuts, _forget)


def _values(log: Any, count: int, shift: float) -> bytes:
    return log().scalars("a", [shift + i for i in range(count)]).to_bytes()


def _change(file: Path, content: bytes, in_place: bool) -> None:
    """Give a file new content, surely with another modification time."""
    before = file.stat().st_mtime_ns
    if in_place:
        file.write_bytes(content)
    else:
        other = file.with_name("other")
        other.write_bytes(content)
        other.replace(file)
    os.utime(file, ns=(before + 10**9, before + 10**9))


@pytest.mark.parametrize("in_place", [False, True], ids=["renamed over", "written over"])
@pytest.mark.parametrize("count", [5, 20, 21, 80], ids=["shorter", "same", "longer", "much longer"])
@pytest.mark.parametrize("keep_cache", [True, False], ids=["cache", "no cache"])
def test_a_file_replaced_by_another_is_read_anew(tmp_path, log, in_place, count, keep_cache):
    file = tmp_path / NAME
    file.write_bytes(_values(log, 20, 0.0))
    assert load(file).scalars["value"].tolist() == [float(i) for i in range(20)]
    if not keep_cache:
        _forget()
    _change(file, _values(log, count, 1000.0), in_place)
    assert load(file).scalars["value"].tolist() == [1000.0 + i for i in range(count)]
    assert _at_once(file.read_bytes()) == rows_of(load(file, KINDS))


@pytest.mark.parametrize("cut", [0, 1, 11, 200, -1, -30])
def test_what_another_process_kept_is_continued_here(tmp_path, log, cut):
    content = log().scalars("a", range(40)).text("note", 1, "hello").to_bytes()
    file = tmp_path / NAME
    file.write_bytes(content[:cut])
    code = f"from core.events import KINDS, load; load({str(file)!r}, KINDS)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with file.open("ab") as stream:
        stream.write(content[cut:])
    _assert_same(rows_of(load(file, KINDS)), referee(file))


def test_several_threads_read_the_same_growing_file(tmp_path, log):
    content = log().scalars("a", range(60)).to_bytes()
    file = tmp_path / NAME
    for end in (300, 301, 900, len(content)):
        file.write_bytes(content[:end])
        with ThreadPoolExecutor(4) as pool:
            frames = list(pool.map(lambda _: rows_of(load(file, KINDS)), range(8)))
        assert frames == [_at_once(content[:end])] * 8
