"""Every bench runs at toy size; the files it measures on are what SummaryWriter writes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from tests.bench import generate
from tests.bench.__main__ import main

Event: Any = event_pb2.Event  # pyright: ignore[reportAttributeAccessIssue]
Summary: Any = summary_pb2.Summary  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("count", [1, 3])
def test_generated_files_are_those_of_the_writer_byte_for_byte(tmp_path, count):
    tags = [f"tag/{index}" for index in range(count)]
    ours = generate.write(tmp_path / "ours", tags, 60_001).read_bytes()
    first = generate.first_record()
    times = slice(13, 21)  # behind the frame's header and the field's number
    writer = EventFileWriter(str(tmp_path / "theirs"))
    wanted = [*range(700), *range(59_900, 60_001)]
    for index in wanted:
        value = generate.value_of(index)
        summary = Summary(value=[Summary.Value(tag=tags[index % count], simple_value=value)])
        time = generate.FIRST_TIME + index * generate.SECONDS_A_POINT
        writer.add_event(Event(wall_time=time, step=index // count, summary=summary))
    writer.close()
    (file,) = (tmp_path / "theirs").iterdir()
    theirs = file.read_bytes()
    head, tail = bytearray(theirs[: len(first)]), theirs[len(first) :]
    head[times] = first[times]
    assert head[:-4] == first[:-4]  # the checksum covers the time
    begin = len(generate.points(tags, 0, 700))
    assert ours[len(first) :][:begin] == tail[:begin]
    assert ours.endswith(tail[begin:])


def test_the_events_bench_runs_at_toy_size(tmp_path, capsys):
    words = ["--points", "2000", "--runs", "4", "--repeats", "1", "--only", "tbparse", "runs"]
    code = main(["events", *words, "--json", str(tmp_path / "figures.json")])
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert code == any(figure["met"] is False for figure in figures)
    assert all(figure["value"] > 0 for figure in figures)
    assert "tbparse / cold" in capsys.readouterr().out


def test_an_unknown_bench_is_refused(capsys):
    assert main(["nothing"]) == 2
    assert "events" in capsys.readouterr().err
