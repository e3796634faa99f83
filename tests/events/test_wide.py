"""Frames shaped as tbparse's: tbparse itself says what they should be."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tbparse import SummaryReader

from core.errors import BadInput
from core.events import as_tbparse


@pytest.fixture
def folder(tmp_path: Path, log: Any) -> Path:
    """Two runs in folders, one file on the top; one step was logged twice."""
    for name, shift in (("a/b", 0.0), ("c", 0.5)):
        writer = log().scalars("loss", [3 + shift, 2 + shift]).scalars("acc", [0.1, 0.2, 0.3])
        writer.text("note", 1, f"in {name}").hparams({"lr": 0.1 + shift, "name": name})
        writer.histogram("weights", 2, [0.0, 1.0, 2.0], [0, 5, 3])
        writer.write(tmp_path / name / "events.out.tfevents.1")
    log().scalar("loss", 1, 9.0).scalar("loss", 1, 8.0).write(tmp_path / "events.out.tfevents.9")
    return tmp_path


def _theirs(path: Path, kind: str, **options: Any) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tbparse calls pandas in a way that is deprecated
        reader = SummaryReader(str(path), event_types={kind, "tensors"}, **options)
        return reader.get_events(kind)


EXTRA = [set(), {"wall_time"}, {"dir_name"}, {"wall_time", "dir_name", "file_name"}]


@pytest.mark.parametrize("extra", EXTRA, ids=sorted)
@pytest.mark.parametrize("pivot", [False, True])
@pytest.mark.parametrize("kind", ["scalars", "text"])
def test_scalars_and_text_are_those_of_tbparse(folder, kind, pivot, extra):
    folder = folder / "a"
    ours = as_tbparse(folder, kind, pivot=pivot, extra_columns=extra)
    theirs = _theirs(folder, kind, pivot=pivot, extra_columns=set(extra))
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)


@pytest.mark.parametrize(
    "extra", [{"dir_name"}, {"dir_name", "file_name", "wall_time"}], ids=sorted
)
@pytest.mark.parametrize("pivot", [False, True])
def test_several_folders_are_told_apart(folder, pivot, extra):
    ours = as_tbparse(folder, pivot=pivot, extra_columns=extra)
    theirs = _theirs(folder, "scalars", pivot=pivot, extra_columns=set(extra))
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)


def test_extra_columns_of_histograms(folder):
    extra = {"min", "max", "num", "sum", "sum_squares", "wall_time"}
    ours = as_tbparse(folder / "c", "histograms", extra_columns=extra)
    theirs = _theirs(folder / "c", "histograms", extra_columns=extra)
    for name in theirs:
        assert list(map(str, ours[name])) == list(map(str, theirs[name])), name
    assert set(ours) == set(theirs)


@pytest.mark.parametrize("pivot", [False, True])
def test_hyper_parameters(folder, pivot):
    ours = as_tbparse(folder / "c", "hparams", pivot=pivot)
    theirs = _theirs(folder / "c", "hparams", pivot=pivot)
    assert ours.to_dict("list") == theirs.to_dict("list")


def test_what_cannot_be_is_said(folder):
    with pytest.raises(BadInput, match="no_such"):
        as_tbparse(folder, extra_columns={"no_such"})
    with pytest.raises(BadInput, match="audio"):
        as_tbparse(folder, "audio")
    with pytest.raises(BadInput, match="pivot"):
        as_tbparse(folder, "images", pivot=True)
