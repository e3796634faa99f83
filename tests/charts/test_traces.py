"""Charts of a diagnosis are valid Vega-Lite and carry its figures."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from core.charts import traces as charts
from core.traces import (
    ACTIVITIES,
    SimulatorSettings,
    diagnose,
    operators,
    parse_trace,
    simulate_trace,
    steps,
)


@pytest.fixture(scope="module")
def trace():
    """A run that waits for its data."""
    return simulate_trace(SimulatorSettings(steps=4, kernels=40, data_ms=8))


@pytest.fixture(scope="module")
def cpu():
    """A run without a device."""
    events = [
        {"ph": "X", "cat": "user_annotation", "name": "ProfilerStep#1", "ts": 0, "dur": 90},
        {"ph": "X", "cat": "cpu_op", "name": "aten::mm", "ts": 10, "dur": 50},
    ]
    return parse_trace(json.dumps(events).encode())


def rows(chart) -> list[dict]:
    """All data rows of a chart."""
    return [row for data in chart.to_dict()["datasets"].values() for row in data]


def test_breakdown_bars_sum_to_the_step_and_come_longest_first(trace):
    result = diagnose(trace)
    bars = rows(charts.step_breakdown_chart(result))
    lengths = [row["ms"] for row in bars]
    assert lengths == sorted(lengths, reverse=True)
    assert sum(lengths) == pytest.approx(result.window_ms / result.steps, rel=0.01)
    assert all("ms" in row["text"] and "%" in row["text"] for row in bars)


def test_breakdown_works_without_a_device(cpu):
    activities = {row["activity"] for row in rows(charts.step_breakdown_chart(diagnose(cpu)))}
    assert activities == {"Forward operators", "Python"}


def test_idle_causes_show_every_visible_cause(trace, cpu):
    result = diagnose(trace)
    shown = {row["activity"]: row["share"] for row in rows(charts.idle_causes_chart(result))}
    assert shown["Waiting for the DataLoader"] == pytest.approx(result.idle_by_cause["input-wait"])
    text = json.dumps(charts.idle_causes_chart(diagnose(cpu)).to_dict())
    assert "No device" in text


def test_utilisation_has_thirty_chunks_between_0_and_100(trace, cpu):
    for run, title in ((trace, "Device busy"), (cpu, "Main thread working")):
        chart = charts.utilisation_chart(diagnose(run)).to_dict()
        assert title in chart["title"]
        busy = [r["busy"] for data in chart["datasets"].values() for r in data if "busy" in r]
        assert len(busy) == 30
        assert all(-1e-9 <= value <= 100 + 1e-9 for value in busy)


def test_operators_are_shown_by_device_time_or_by_their_own(trace, cpu):
    assert "device time" in json.dumps(charts.operators_chart(operators(trace)).to_dict())
    assert "own CPU time" in json.dumps(charts.operators_chart(operators(cpu)).to_dict())
    assert "no operators" in json.dumps(charts.operators_chart(pd.DataFrame()).to_dict())


def test_steps_stack_to_their_duration(trace):
    table = steps(trace)
    total: dict[int, float] = {}
    for row in rows(charts.step_stack_chart(table)):
        total[row["step"]] = total.get(row["step"], 0) + row["ms"]
    assert list(total.values()) == pytest.approx(table["duration_ms"].tolist())


def test_no_two_activities_of_one_chart_share_words_or_explanations():
    assert len({label.title for label in ACTIVITIES.values()}) == len(ACTIVITIES)
    assert len({label.explanation for label in ACTIVITIES.values()}) == len(ACTIVITIES)
