"""The table of contents: a line for each curve, as load() gives its rows."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.errors import NotFound
from core.events import KINDS, contents, derived, library, load

NAN, INF = math.nan, math.inf


@pytest.fixture(autouse=True)
def forgotten():
    library.forget()
    yield
    library.forget()


def line(frame: pd.DataFrame, run: str, tag: str, kind: str = "scalars") -> Any:
    chosen = frame[(frame["run"] == run) & (frame["tag"] == tag) & (frame["kind"] == kind)]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_the_lines_are_those_of_the_rows(tmp_path, log, png):
    writer = log().scalars("a", [3, 1, 2]).scalars("b", [5, NAN, INF])
    writer.text("note", 4, "text").text("note", 9, "more").image("i", 7, png, 6, 4)
    writer.histogram("h", 1, [0.0, 1.0], [2, 3]).hparams({"lr": 0.1, "name": "x"})
    writer.write(tmp_path / "one/x.tfevents")
    log().scalars("a", [9]).write(tmp_path / "two/x.tfevents")
    frame = contents(tmp_path).frame
    loaded = load(tmp_path, KINDS)
    for kind in KINDS - {"hparams"}:
        rows = getattr(loaded, kind)
        lines = frame[frame["kind"] == kind]
        grouped = dict(iter(rows.groupby(["run", "tag"], observed=True)))
        assert set(zip(lines["run"], lines["tag"], strict=True)) == set(grouped)
        for (run, tag), part in grouped.items():
            each = line(frame, run, tag, kind)
            assert each["points"] == len(part)
            assert each["first_step"] == part["step"].iloc[0]
            assert each["last_step"] == part["step"].iloc[-1]
            assert each["first_time"] == part["wall_time"].min()
            assert each["last_time"] == part["wall_time"].max()
            if kind == "scalars":
                assert each["steps"] is None
            else:
                assert each["steps"].tolist() == part["step"].tolist()
                assert each["steps"].dtype == np.int64
    assert line(frame, "one", "", "hparams")["points"] == len(loaded.hparams) == 2


def test_low_and_high_are_of_finite_values_with_their_first_steps(tmp_path, log):
    log().scalars("a", [INF, 2, 7, NAN, 2, 7, -INF]).write(tmp_path / "x.tfevents")
    each = line(contents(tmp_path).frame, ".", "a")
    assert (each["low"], each["low_step"], each["high"], each["high_step"]) == (2, 1, 7, 2)
    assert each["nonfinite"] == 3
    assert each["last"] == -INF


def test_a_curve_without_finite_values(tmp_path, log):
    log().scalars("a", [NAN, INF]).write(tmp_path / "1.tfevents")
    each = line(contents(tmp_path).frame, ".", "a")
    assert math.isnan(each["low"])
    assert math.isnan(each["high"])
    assert each["nonfinite"] == 2
    log().scalars("a", [4]).write(tmp_path / "2.tfevents")
    each = line(contents(tmp_path).frame, ".", "a")
    assert (each["low"], each["high"], each["points"], each["last"]) == (4, 4, 3, 4)


def write_restarted(tmp_path, log) -> None:
    first = log()
    for step, value in [(0, 9), (5, 3), (2, 4)]:
        first.scalar("a", step, value)
    first.write(tmp_path / "r/events.out.tfevents.1")
    second = log().scalar("a", 1, 3).scalar("a", 3, 11).scalar("late", 0, 1)
    second.write(tmp_path / "r/events.out.tfevents.2")


def test_files_of_one_run_make_one_line(tmp_path, log):
    write_restarted(tmp_path, log)
    each = line(contents(tmp_path).frame, "r", "a")
    assert each["points"] == 5
    assert (each["first_step"], each["last_step"], each["last"]) == (0, 3, 11)
    assert (each["low"], each["low_step"]) == (3, 5)
    assert (each["high"], each["high_step"]) == (11, 3)
    assert line(contents(tmp_path).frame, "r", "late")["points"] == 1


def test_restarts_within_a_file_and_between_files_are_counted(tmp_path, log):
    write_restarted(tmp_path, log)
    frame = contents(tmp_path).frame
    assert line(frame, "r", "a")["restarts"] == 2
    assert line(frame, "r", "late")["restarts"] == 0


def test_only_scalars_have_restarts(tmp_path, log, png):
    log().image("i", 5, png, 6, 4).write(tmp_path / "1.tfevents")
    log().image("i", 0, png, 6, 4).write(tmp_path / "2.tfevents")
    each = line(contents(tmp_path).frame, ".", "i", "images")
    assert each["steps"].tolist() == [5, 0]
    assert each["restarts"] == 0


def test_the_table_is_sorted_and_typed_even_when_empty(tmp_path, log):
    log().write(tmp_path / "b/x.tfevents")
    empty = contents(tmp_path).frame
    log().scalars("z", [1]).scalars("a", [1]).write(tmp_path / "b/x.tfevents")
    log().scalars("m", [1]).write(tmp_path / "a/x.tfevents")
    frame = contents(tmp_path).frame
    assert list(zip(frame["run"], frame["tag"], strict=True)) == [
        *(("a", "m"), ("b", "a"), ("b", "z"))
    ]
    assert len(empty) == 0
    pd.testing.assert_series_equal(empty.dtypes, frame.dtypes)


def test_it_is_kept_between_calls_and_follows_the_files(tmp_path, log, monkeypatch):
    path = log().scalars("a", [1, NAN]).text("t", 3, "x").write(tmp_path / "x.tfevents")
    old = path.stat().st_mtime - 3600
    os.utime(path, (old, old))
    first = contents(tmp_path)
    library.forget()
    with monkeypatch.context() as patch:
        patch.setattr(library, "get", None)  # whoever reads a file fails
        pd.testing.assert_frame_equal(contents(tmp_path).frame, first.frame)
    log().scalars("a", [1, NAN, 3]).write(path)
    assert line(contents(tmp_path).frame, ".", "a")["points"] == 3
    path.unlink()
    with pytest.raises(NotFound):
        contents(tmp_path)


def test_a_file_deleted_between_listing_and_reading_is_a_problem(tmp_path, log):
    path = log().scalars("a", [1]).write(tmp_path / "x.tfevents")
    missing = tmp_path / "y.tfevents"
    found = contents([path, missing])
    assert found.frame["tag"].tolist() == ["a"]
    assert [problem.file for problem in found.problems] == [missing]


def test_problems_are_those_of_load_and_kept_too(tmp_path, log):
    content = bytearray(log().scalars("a", range(20)).to_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "bad.tfevents").write_bytes(bytes(content))
    (tmp_path / "empty.tfevents").touch()
    expected = load(tmp_path).problems
    assert len(expected) == 2
    assert contents(tmp_path).problems == expected
    library.forget()
    assert contents(tmp_path).problems == expected


def test_a_cut_off_file_stops_being_pending(tmp_path, log):
    path = tmp_path / "x.tfevents"
    path.write_bytes(log().scalars("a", range(5)).to_bytes()[:-3])
    assert [problem.pending for problem in contents(tmp_path).problems] == [True]
    old = path.stat().st_mtime - 3600
    os.utime(path, (old, old))
    assert [problem.pending for problem in contents(tmp_path).problems] == [False]


def test_results_that_cannot_be_decoded_are_worked_out_anew(tmp_path, log):
    log().scalars("a", [1, 2]).write(tmp_path / "x.tfevents")
    first = contents(tmp_path).frame
    kept = derived.path().read_bytes()
    assert kept
    derived.path().write_bytes(b"?" * len(kept))
    pd.testing.assert_frame_equal(contents(tmp_path).frame, first)


def test_runs_are_named_below_the_root(tmp_path, log):
    path = log().scalars("a", [1]).write(tmp_path / "jobs/one/x.tfevents")
    assert contents(tmp_path).frame["run"].tolist() == ["jobs/one"]
    assert contents([path], root=tmp_path / "jobs").frame["run"].tolist() == ["one"]
    assert contents(path).frame["run"].tolist() == ["."]
