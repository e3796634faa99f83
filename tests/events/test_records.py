"""Values that are no plain scalars, read from just the records that hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.events import KINDS, chunks, library, load, values
from core.events.records import read


@pytest.fixture(autouse=True)
def forgotten():
    library.forget()
    yield
    library.forget()


@pytest.fixture
def parsed(monkeypatch) -> list[int]:
    """The step of every record that is parsed to give its values."""
    steps: list[int] = []
    original = chunks.intact_event

    def counted(record: bytes) -> Any:
        event: Any = original(record)
        steps.append(event.step)
        return event

    monkeypatch.setattr(chunks, "intact_event", counted)
    return steps


def test_one_bad_value_costs_only_itself(tmp_path, log):
    writer = log()
    for step in range(9):
        text = (
            np.array([b"two", b"texts"], object) if step == 4 else np.array([b"%d" % step], object)
        )
        writer.tensor("t", step, text, plugin="text")
    writer.write(tmp_path / "x.tfevents")
    events = load(tmp_path, {"text"})
    assert events.text["step"].tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    assert events.text["value"].tolist() == [str(step) for step in (0, 1, 2, 3, 5, 6, 7, 8)]
    (problem,) = events.problems
    assert "text that cannot be parsed" in problem.message


def test_a_text_whose_plugin_an_earlier_record_named(tmp_path, log):
    writer = log().text("note", 0, "first")
    for step in (1, 2):
        later = log().text("note", step, f"text {step}").records[-1]
        event = values.Event.FromString(later)
        event.summary.value[0].ClearField("metadata")
        writer.records.append(event.SerializeToString())
    writer.write(tmp_path / "x.tfevents")
    assert load(tmp_path, {"text"}).text["value"].tolist() == ["first", "text 1", "text 2"]
    assert load(tmp_path, {"text"}, steps=[2]).text["value"].tolist() == ["text 2"]
    library.forget()
    assert load(tmp_path, {"text"}, steps=[1]).text["value"].tolist() == ["text 1"]


def test_only_the_records_asked_for_are_parsed(tmp_path, log, png, parsed):
    writer = log()
    for step in range(6):
        writer.image("i", step, png, 6, 4).image("j", step, png, 6, 4)
    writer.write(tmp_path / "x.tfevents")
    images = load(tmp_path, {"images"}, tags=["j"], steps=[4, 2]).images
    assert images["step"].tolist() == [2, 4]
    assert images["tag"].tolist() == ["j", "j"]
    assert parsed == [2, 4]


def test_other_values_of_a_record_are_left_out(tmp_path, log):
    writer = log().histogram("a", 3, [0.0, 1.0], [1, 2])
    event = values.Event.FromString(writer.records[-1])
    event.summary.value.add().CopyFrom(event.summary.value[0])
    event.summary.value[1].tag = "b"
    writer.records[-1] = event.SerializeToString()
    writer.write(tmp_path / "x.tfevents")
    assert load(tmp_path, {"histograms"}).histograms["tag"].tolist() == ["a", "b"]
    assert load(tmp_path, {"histograms"}, tags=["b"]).histograms["tag"].tolist() == ["b"]


def test_a_record_changed_since_it_was_listed_is_lost_not_misread(tmp_path, log):
    path = log().text("a", 1, "one").text("b", 2, "two").write(tmp_path / "x.tfevents")
    snapshot = library.get(path)
    content = bytearray(path.read_bytes())
    content[content.index(b"one")] ^= 1
    path.write_bytes(bytes(content))
    frames, lost = read(snapshot, {"text"})
    assert frames["text"]["value"].tolist() == ["two"]
    assert [value.tag for value in lost] == ["a"]
    path.write_bytes(b"")
    frames, lost = read(snapshot, {"text"})
    assert len(frames["text"]) == 0
    assert [value.tag for value in lost] == ["a", "b"]


def test_a_file_gone_since_it_was_listed_is_a_problem(tmp_path, log, monkeypatch):
    path = log().text("a", 1, "one").write(tmp_path / "x.tfevents")
    snapshot = library.get(path)
    monkeypatch.setattr(library, "get", lambda _: snapshot)
    events_before = load([path], KINDS)
    path.unlink()
    events = load([path], KINDS)
    assert events_before.problems == ()
    assert "cannot be read any more" in events.problems[0].message
    assert len(events.text) == 0
