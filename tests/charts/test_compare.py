"""The charts of a comparison, as their specifications."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.charts.compare import MORE, differences_chart, stacks_chart
from core.charts.theme import BEST
from core.compare import TraceComparison, compare_traces
from core.traces import SimulatorSettings, simulate_trace


@pytest.fixture(scope="module")
def found() -> TraceComparison:
    slow = SimulatorSettings(data_ms=60.0, kernels=60)
    fast = SimulatorSettings(
        data_ms=60.0,
        kernels=60,
        workers=4,
    )
    return compare_traces(simulate_trace(slow), simulate_trace(fast))


def _rows(spec: dict) -> list[dict]:
    return next(iter(spec["datasets"].values()))


def test_both_bars_stand_for_the_whole_step(found: TraceComparison) -> None:
    rows = _rows(stacks_chart(found).to_dict())
    for name, step in zip(("A", "B"), found.step_ms, strict=True):
        drawn = sum(row["ms"] for row in rows if row["run"] == name)
        assert drawn == pytest.approx(step, rel=0.05)
    assert {row["run"] for row in rows} == {"A", "B"}


def test_less_is_green_and_more_is_red_with_their_sign(found: TraceComparison) -> None:
    rows = _rows(differences_chart(found).to_dict())
    assert rows[0]["activity"] == "Waiting for the DataLoader"
    assert (rows[0]["text"][0], rows[0]["colour"]) == ("−", BEST)
    turned = replace(found, changes=tuple(replace(c, a=c.b, b=c.a) for c in found.changes))
    rows = _rows(differences_chart(turned).to_dict())
    assert (rows[0]["text"][0], rows[0]["colour"]) == ("+", MORE)


def test_nothing_changed_says_so(found: TraceComparison) -> None:
    trace = simulate_trace(SimulatorSettings(kernels=60))
    spec = differences_chart(compare_traces(trace, trace)).to_dict()
    assert "has changed" in spec["data"]["values"][0]["text"]
