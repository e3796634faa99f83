"""Charts of a tuning: valid, with everything that was measured and predicted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.charts.loader import (
    PARTS,
    faster_chart,
    step_chart,
    summary_frame,
    surface_chart,
    surface_frame,
    trial_frame,
    trials_chart,
)
from core.loader import Costs, Model, Setting, Trial, Trials, step_parts
from core.loader.costs import Line, StepCost
from core.loader.setting import Space

BASE = Setting.of(0, 32)


@pytest.fixture
def costs() -> Costs:
    return Costs(
        2, 1e-3, 1e-4, (1e-3,) * 9, Line(1e-5, 1e-6), Line(3e-4, 1e-5), Line(3e-4, 1e-6),
        Line(1e-4, 0.0), (StepCost(32, 1, 1e-3, 1e-3),), Line(0.05, 0.05),
        sample_bytes=4e4, shared_free=10_000_000,
    )  # fmt: skip


@pytest.fixture
def trials(costs: Costs) -> Trials:
    made = [
        Trial(
            Setting.of(workers, 32), number, "ok", samples_per_s=100.0 + 50 * workers + number,
            wait_share=0.4, step_ms=9.0, startup_s=0.2, steps=20, block_s=(0.1, 0.11, 0.09, 0.1),
        )
        for number in (1, 2)
        for workers in (0, 1, 2)
    ]  # fmt: skip
    made.append(Trial(Setting.of(4, 32), 1, "timeout", "No result."))
    predicted = Model(costs).predict(Space((0, 1, 2, 4), (32,)).settings())
    return Trials("photos", "cpu", 32, 2, 60.0, 14, False, BASE, trials=tuple(made),
                  predicted=tuple(predicted), costs=costs)  # fmt: skip


def _marks(spec: dict) -> list[str]:
    return [layer["mark"]["type"] for layer in spec["layer"]]


def test_trials_show_intervals_single_trials_predictions_and_the_baseline(trials):
    spec = trials_chart(trials).to_dict()
    assert _marks(spec) == ["rule", "tick", "point", "point", "rule"]
    assert spec["layer"][3]["encoding"]["x"]["title"] == "throughput (samples/s)"


def test_without_a_baseline_no_line_claims_to_be_one(trials):
    rest = tuple(t for t in trials.trials if t.setting != BASE)
    spec = trials_chart(replace(trials, trials=rest)).to_dict()
    assert _marks(spec) == ["rule", "tick", "point", "point"]


def test_the_frames_hold_what_was_measured_and_nothing_else(trials):
    frame = summary_frame(trials)
    assert len(frame) == 3
    assert bool(frame["samples_per_s"].between(frame["low"], frame["high"]).all())
    assert len(trial_frame(trials)) == 6


def test_before_the_first_result_the_charts_say_so(trials):
    nothing = replace(trials, trials=(), predicted=())
    assert "No setting has been measured yet." in str(trials_chart(nothing).to_dict())
    assert "are being timed" in str(surface_chart(nothing, None).to_dict())
    assert "are being timed" in str(step_chart({}).to_dict())


def test_the_surface_has_a_cell_for_each_workers_and_prefetch(trials):
    frame = surface_frame(trials)
    assert len(frame) == 1 + 3 * 3
    assert set(frame[frame["seen"]]["num_workers"]) == {0, 1, 2}
    assert not bool(frame[frame["num_workers"] == 4]["fits"].all())
    assert _marks(surface_chart(trials, BASE).to_dict()) == ["rect", "point", "point", "point"]


def test_several_batch_sizes_take_the_place_of_the_prefetch_factor(trials, costs):
    every = tuple(Model(costs).predict(Space((0, 1, 2), (32, 64)).settings()))
    frame = surface_frame(replace(trials, predicted=every))
    assert len(frame) == 6
    spec = surface_chart(replace(trials, predicted=every), None).to_dict()
    assert spec["layer"][0]["encoding"]["y"]["field"] == "batch_size"


def test_the_bar_of_a_step_knows_every_part(costs):
    model = Model(costs)
    rows = {s.label: step_parts(model, s) for s in (BASE, Setting.of(2, 32))}
    assert {part.name for parts in rows.values() for part in parts} == set(PARTS)
    assert step_chart(rows).to_dict()["encoding"]["x"]["title"] == "one step (ms)"


def test_a_faster_step_is_a_line_for_each_setting():
    import pandas as pd

    rows = [{"factor": f, "setting": s, "samples_per_s": 10.0 * f, "limit": "x"}
            for f in (1, 3) for s in ("a", "b")]  # fmt: skip
    assert faster_chart(pd.DataFrame(rows)).to_dict()["mark"]["type"] == "line"
