"""Every bench runs at toy size; the files it measures on are what SummaryWriter writes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from core.dynamics import Curve, LossPair, detector, evidence, stopping
from core.loader import Costs, Model, Trial
from core.loader.costs import Line, StepCost
from core.traces import SimulatorSettings, diagnose, load_trace, simulate
from tests.bench import fresh, generalising, generate, grid, histories, longtraces, scores
from tests.bench.__main__ import main

Event: Any = event_pb2.Event  # pyright: ignore[reportAttributeAccessIssue]
Summary: Any = summary_pb2.Summary  # pyright: ignore[reportAttributeAccessIssue]


LITTLE = detector.LITTLE


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


def test_the_lint_bench_counts_alarms_by_rule(tmp_path, capsys):
    (tmp_path / "a.py").write_text("import torch\noptimizer.zero_grad(set_to_none=False)\n")
    (tmp_path / "b.py").write_text("def f(:\n")
    assert main(["lint", str(tmp_path), "--list"]) == 0
    printed = capsys.readouterr().out
    assert "grads-zeroed     1" in printed
    assert "b.py is not Python 3" in printed
    assert "1 alarms in 1 of 2 scripts, 2 lines" in printed
    assert "a.py:2: grads-zeroed" in printed


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


def test_the_opening_bench_needs_a_trace(tmp_path, capsys):
    assert main(["opening", "--trace", str(tmp_path / "absent")]) == 0
    assert "skipped" in capsys.readouterr().out


def test_a_constant_is_moved_everywhere_and_put_back():
    with generalising.moved("evidence", "RISE", 1.2):
        assert evidence.RISE == detector.RISE == stopping.RISE == pytest.approx(0.06)
    with generalising.moved("detector", "LITTLE", 0.5):
        assert pytest.approx((1 - LITTLE) / 2) == 1 - detector.LITTLE
    assert (evidence.RISE, detector.RISE, detector.LITTLE) == (0.05, 0.05, LITTLE)


def test_intervals_hold_the_score_and_draw_the_cuts_of_a_training_together():
    rising = Curve(np.arange(40), np.abs(np.arange(40) - 10) / 10 + 1.0)
    falling = Curve(np.arange(40), np.exp(-np.arange(40) / 5))
    pairs = [LossPair(f"h-{i}", "t", "v", falling, rising) for i in range(6)]
    truth = ["overfit", "overfit", "overfit", "optimal", "optimal", "diverged"]
    made = [
        histories.History(pair, np.asarray(rising.values), label, 0.5)
        for pair, label in zip(pairs, truth, strict=True)
    ]
    judged = scores.judge(made, histories.CONDITIONS[0], rules={})
    for name, (low, high) in generalising.intervals(judged, 50).items():
        assert low <= generalising.SCORES[name](judged) <= high


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ([3, 2, 1, 1.2, 1.5, 2.0, 2, 2, 2, 2, 2, 2], {"overfitting"}),
        ([3, 2, 1.5, 1.2, 1.1, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4], {"underfitting"}),
        ([3, 2, 1.5, 1.2, 1, 1, 1, 1, 1, 1, 1, 1], {"optimal"}),
        ([3, 2, 1, np.nan, np.nan, np.nan, 1, 1, 1, 1, 1, 1], {"diverged"}),
        ([3, 2, 1, 1.0, 1.0, 1.05, 1, 1, 1, 1, 1, 1], {"optimal"}),
        ([3, 2, 1, 1.05, 1.05, 1.05, 1, 1, 1, 1, 1, 1], {"optimal", "overfitting"}),
    ],
)
def test_what_may_be_said_of_a_fresh_training_follows_its_clean_test_curve(test, words):
    assert fresh.expected(np.array(test, float), 6) == words


def test_fresh_trainings_are_the_same_every_time_and_judged_right():
    """Measured: 34 of 35."""
    first, again = fresh.trainings(), fresh.trainings()
    assert len(first) >= 30
    for one, other in zip(first, again, strict=True):
        assert one.pair.val is not None
        assert other.pair.val is not None
        np.testing.assert_allclose(one.pair.val.values, other.pair.val.values, rtol=1e-6)
    wrong = [each.name for each in first if each.verdict().verdict not in each.expected]
    assert len(wrong) <= 2, wrong


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


def test_the_watch_bench_runs_at_toy_size(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tests.bench.watch.SETTLE_S", 0.0)
    words = ["--steps", "3", "--rounds", "1", "--rest", "0.1"]
    code = main(["watch", *words, "--json", str(tmp_path / "figures.json")])
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert code == any(figure["met"] is False for figure in figures)
    assert {"torch: longer step", "python: processor time"} <= {each["name"] for each in figures}
    assert "the profile, once" in capsys.readouterr().out


def test_an_unknown_bench_is_refused(capsys):
    assert main(["nothing"]) == 2
    assert "events" in capsys.readouterr().err


def _fake_grid() -> grid.Grid:
    """A grid whose trials are the model's own predictions."""
    costs = Costs(
        2, 1e-3, 0.0, (1e-3,) * 9, Line(1e-5, 1e-6), Line(3e-4, 1e-5), Line(3e-4, 1e-6),
        Line(1e-4, 0.0), (StepCost(16, 1, 1e-3, 0.0), StepCost(64, 1, 4e-3, 0.0)), Line(0.05, 0.05),
    )  # fmt: skip
    model = Model(costs)
    trials = [
        Trial(s, number, "ok", samples_per_s=model.raw(s), block_s=(s.batch_size / model.raw(s),))
        for batch in grid.BATCHES
        for s in grid.cells(batch)
        for number in (1, 2)
    ]
    return grid.Grid("a machine", 1.0, {"decode": [costs]}, {"decode": trials})


def test_the_loader_bench_replays_a_grid(tmp_path, capsys):
    path = tmp_path / "grid.json"
    _fake_grid().save(path)
    code = main(["loader", "--from", str(path), "--json", str(tmp_path / "figures.json")])
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    values = {figure["name"]: figure["value"] for figure in figures}
    assert values["error, two anchors, median"] < 1
    assert values["ours: trials, most"] <= 6
    assert values["full grid: trials, mean"] == len(grid.cells(16)) == 16
    # The truth pools prefetch factors: even a right model is a little off it.
    assert values["ours: from the best, mean"] < 4
    assert code == any(figure["met"] is False for figure in figures)
    assert "workers = cores" in capsys.readouterr().out


def test_grids_of_one_machine_are_replayed_as_one(tmp_path, capsys):
    paths = [tmp_path / "first.json", tmp_path / "second.json"]
    for path in paths:
        _fake_grid().save(path)
    pooled, one = grid.Grid.pooled(paths), _fake_grid()
    assert len(pooled.trials["decode"]) == 2 * len(one.trials["decode"])
    assert len(pooled.probes["decode"]) == 2
    main(["loader", "--from", *map(str, paths)])
    assert f"{len(pooled.trials['decode'])} trials" in capsys.readouterr().out


def test_a_grid_is_measured_on_from_where_it_was(tmp_path, monkeypatch):
    path, asked = tmp_path / "grid.json", []
    whole = _fake_grid()
    monkeypatch.setattr(grid, "run_probe", lambda *words: whole.probes["decode"][0])

    def trial(_folder, _question, setting, number, _limit):
        asked.append((setting, number))
        return next(t for t in whole.trials["decode"] if (t.setting, t.round) == (setting, number))

    monkeypatch.setattr(grid, "run_trial", trial)
    for name in ("GPULSE_WORKLOADS", "PYTHONPATH"):
        monkeypatch.setenv(name, "")
    grid.measure(path, ["decode"], 1, 1.0, None)
    first = len(asked)
    found = grid.measure(path, ["decode"], 2, 1.0, None)
    assert first == 32
    assert len(asked) == len(set(asked)) == 64
    assert len(found.probes["decode"]) == grid.PROBES
    assert grid.Grid.read(path).trials == found.trials
