"""Every bench runs at toy size; the files it measures on are what SummaryWriter writes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from core.dynamics import Curve, LossPair
from core.traces import SimulatorSettings, diagnose, load_trace, simulate
from tests.bench import generate, histories, longtraces
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


def test_the_dynamics_bench_prints_ours_next_to_the_peers(tmp_path, capsys):
    if not histories.SHARED.is_dir():
        assert main(["dynamics"]) == 0
        assert "skipped" in capsys.readouterr().out
        return
    main(["dynamics", "--limit", "30", "--json", str(tmp_path / "figures.json")])
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert {"macro-F1, all", "stop: epochs"} <= {figure["name"] for figure in figures}
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("ours", "UMLAUT", "Prechelt GL 5", "every 10th"))


def test_a_trace_repeated_in_time_is_longer_and_otherwise_the_same(tmp_path):
    source = tmp_path / "one.json"
    settings = SimulatorSettings(steps=3)
    source.write_text(json.dumps(simulate(settings), indent=1))
    one = load_trace(source)
    repeater = longtraces.Repeater(source)
    three = load_trace(repeater.write(tmp_path / "three.json", 3 * repeater.size / 1e6))
    assert len(three) == 3 * len(one)
    first, found = diagnose(one), diagnose(three)
    assert (found.steps, found.primary) == (9, first.primary)
    assert found.device_busy_pct == pytest.approx(first.device_busy_pct, abs=1)


def test_the_traces_bench_runs_at_toy_size(tmp_path, capsys):
    source = tmp_path / "one.json"
    source.write_text(json.dumps(simulate(SimulatorSettings(steps=3))))
    words = ["--source", source, "--large", "2", "--spans", "10000", "--repeats", "1"]
    words += ["--only", "large", "zoom", "--json", tmp_path / "figures.json"]
    assert main(["traces", *map(str, words)]) == 0
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert all(figure["value"] > 0 for figure in figures)
    assert "costliest view" in capsys.readouterr().out
    assert main(["traces", "--source", str(tmp_path / "absent")]) == 0
    assert "skipped" in capsys.readouterr().out


def test_zones_of_a_history_follow_the_clean_test_loss():
    test = np.array([2.0, 1.01, 1.0, 1.01, 1.04, 1.06, 1.2])
    losses = Curve(np.arange(7), test)
    for label, phases in {
        "overfit": ["underfitting", *["optimal"] * 4, *["overfitting"] * 2],
        "optimal": ["underfitting", *["optimal"] * 6],
        "underfit": ["underfitting"] * 7,
    }.items():
        history = histories.History(LossPair("h-1", "t", "v", losses, losses), test, label, 0.2)
        assert history.zones() == [{phase} for phase in phases]


def test_an_unknown_bench_is_refused(capsys):
    assert main(["nothing"]) == 2
    assert "events" in capsys.readouterr().err
