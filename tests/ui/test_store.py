"""The curves that sessions share: read when files change, and held in memory once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from core import events
from core.events import library
from core.runs import Run, find
from core.ui.explore import store as store_module
from core.ui.explore.store import Curves

Event: Any = event_pb2.Event  # pyright: ignore[reportAttributeAccessIssue]
Summary: Any = summary_pb2.Summary  # pyright: ignore[reportAttributeAccessIssue]

TAGS = ("acc", "loss/train", "loss/val")


@pytest.fixture
def grow(tmp_path: Path) -> Iterator[Callable[[int], Run]]:
    """Continues a run of three tags until each has so many points."""
    writer, done = EventFileWriter(str(tmp_path / "live")), 0

    def write(points: int) -> Run:
        nonlocal done
        for step in range(done, points):
            for tag in TAGS:
                summary = Summary(value=[Summary.Value(tag=tag, simple_value=step)])
                writer.add_event(Event(wall_time=1.7e9 + step, step=step, summary=summary))
        done = points
        writer.flush()
        return find("live", (tmp_path,))

    yield write
    writer.close()


@pytest.fixture
def loads(monkeypatch) -> list[list[str]]:
    """The tags of every load."""
    asked: list[list[str]] = []
    original = events.load

    def counted(*args, tags, **more):
        asked.append(list(tags))
        return original(*args, tags=tags, **more)

    monkeypatch.setattr(events, "load", counted)
    return asked


def test_unchanged_files_are_read_once_and_only_for_what_is_asked(grow, loads):
    run, store = grow(5), Curves()
    first, _ = store.get(run, ["acc"])
    assert [curve.tag for curve in first] == ["acc"]
    assert store.get(run, ["acc"])[0][0] is first[0]
    store.get(run, ["loss/val", "acc"])
    assert loads == [["acc"], ["loss/val"]]


def test_after_a_change_all_that_was_asked_for_is_read_at_once(grow, loads):
    store = Curves()
    run = grow(5)
    store.get(run, ["acc"])
    store.get(run, ["loss/train", "loss/val"])
    run = grow(9)
    del loads[:]
    assert [len(curve.value) for curve in store.get(run, ["acc"])[0]] == [9]
    assert [len(curve.value) for curve in store.get(run, ["loss/train", "loss/val"])[0]] == [9, 9]
    assert loads == [list(TAGS)]


def test_what_is_asked_for_no_more_is_not_read_again(grow, loads):
    store = Curves()
    store.get(grow(5), TAGS)
    store.get(grow(6), ["acc"])
    del loads[:]
    store.get(grow(7), ["acc"])
    assert loads == [["acc"]]


def test_the_curves_of_a_growing_run_are_in_memory_once(grow):
    store = Curves()
    for points in (50, 60, 61):
        run = grow(points)
        curves = [curve for tag in TAGS for curve in store.get(run, [tag])[0]]
        rows = library.get(run.event_files[0]).rows
    assert [len(curve.value) for curve in curves] == [61, 61, 61]
    for curve in curves:
        assert np.shares_memory(curve.value, rows.value)
        assert np.shares_memory(curve.step, rows.step)
        assert np.shares_memory(curve.time, rows.wall_time)


def test_what_may_not_be_read_now_is_remembered_for_the_next_look(grow, loads):
    run, store = grow(5), Curves()
    assert store.get(run, ["acc"], read=False) == ([], False)
    assert store.get(run, ["loss/val"], read=False) == ([], False)
    assert loads == []
    found, current = store.get(run, ["acc"])
    assert current
    assert [curve.tag for curve in found] == ["acc"]
    assert loads == [["acc", "loss/val"]]
    assert store.get(run, ["loss/val"], read=False)[1]


def test_curves_of_earlier_content_are_drawn_until_there_is_time_to_read(grow):
    store = Curves()
    store.get(grow(5), ["acc"])
    found, current = store.get(grow(7), ["acc"], read=False)
    assert not current
    assert [len(curve.value) for curve in found] == [5]


def test_curves_in_sight_stay_however_many_they_are(grow, monkeypatch):
    monkeypatch.setattr(store_module, "MAX_BYTES", 100)
    store = Curves()
    first, second = grow(20), dataclasses.replace(grow(20), path=Path("other"))
    store.get(first, ["acc"])
    store.get(second, ["acc"])
    assert store.get(first, ["acc"], read=False)[1]
    monkeypatch.setattr(store_module, "IN_SIGHT_S", 0.0)
    store.get(second, ["loss/val"])
    assert not store.get(first, ["acc"], read=False)[1]
