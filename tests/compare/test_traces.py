"""Two traces side by side: simulated causes and a real pair."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.compare import compare_traces
from core.traces import (
    Category,
    SimulatorSettings,
    Trace,
    diagnose,
    load_trace,
    simulate_trace,
)

SLOW = {"data_ms": 60.0, "workers": 0, "kernels": 60}


def _without(trace: Trace, keep: np.ndarray) -> Trace:
    """The rows of a trace that are kept."""
    columns = {field.name: getattr(trace, field.name) for field in fields(trace)}
    rows = {name: v[keep] for name, v in columns.items() if isinstance(v, np.ndarray)}
    return replace(trace, **rows)


def test_the_real_pair_is_faster_by_what_the_loader_no_longer_takes(resnets) -> None:
    found = compare_traces(load_trace(resnets[0]), load_trace(resnets[1]))
    assert found.step_ms == pytest.approx((177.6, 141.1), abs=0.1)
    assert found.speedup is not None
    assert found.speedup.value == pytest.approx(1065.6 / 846.5, rel=1e-3)
    assert found.speedup.certain
    assert [each.finding.rule for each in found.of_state("resolved")] == ["D1"]
    assert found.changes[0].key == "input-wait"
    assert found.changes[0].difference == pytest.approx(-57.5, abs=0.5)
    assert found.promises[0].verdict == "within"
    assert any("middle steps" in note for note in found.notes)


def test_differences_of_the_real_pair_sum_to_that_of_the_step(resnets) -> None:
    found = compare_traces(load_trace(resnets[0]), load_trace(resnets[1]))
    record = found.to_json()
    json.dumps(record, allow_nan=False)
    total = sum(change["difference_ms"] for change in record["changes"])  # type: ignore[index]
    assert total == pytest.approx(found.step_ms[1] - found.step_ms[0], abs=1e-5)


def test_kernels_that_cudnn_chose_anew_are_listed(resnets) -> None:
    table = compare_traces(load_trace(resnets[0]), load_trace(resnets[1])).kernels
    assert set(table["change"]) >= {"appeared", "vanished", "more calls", "fewer calls"}
    assert table["difference_ms"].abs().is_monotonic_decreasing


@settings(max_examples=15, deadline=None)
@given(
    st.floats(0, 60), st.integers(0, 4), st.booleans(), st.booleans(), st.floats(1, 30),
    st.integers(1, 6),
)  # fmt: skip
def test_differences_always_sum_to_that_of_the_step(
    data_ms: float, workers: int, sync: bool, pinned: bool, launch_us: float, steps: int
) -> None:
    b = SimulatorSettings(
        data_ms=data_ms, workers=workers, sync_every_step=sync, pinned=pinned,
        launch_us=launch_us, steps=steps, kernels=40,
    )  # fmt: skip
    found = compare_traces(
        simulate_trace(SimulatorSettings(kernels=40, data_ms=20)), simulate_trace(b)
    )
    total = sum(change.difference for change in found.changes)
    assert total == pytest.approx(found.step_ms[1] - found.step_ms[0], abs=1e-6)
    assert found.speedup is not None
    assert found.speedup.value == pytest.approx(found.step_ms[0] / found.step_ms[1])


def test_a_trace_beside_itself_has_not_changed(simulated) -> None:
    trace = simulated(**SLOW)
    found = compare_traces(trace, trace)
    assert found.speedup is not None
    assert found.speedup.value == 1
    assert found.summary.startswith("No difference beyond the scatter")
    assert {each.state for each in found.findings} == {"kept"}
    assert found.kernels.empty
    assert found.operators.empty
    assert not found.promises


def test_turned_around_what_was_resolved_is_introduced(simulated) -> None:
    slow, fast = simulated(**SLOW), simulated(**{**SLOW, "workers": 4})
    there, back = compare_traces(slow, fast), compare_traces(fast, slow)
    resolved = {each.finding.rule for each in there.of_state("resolved")}
    assert "D1" in resolved
    assert resolved == {each.finding.rule for each in back.of_state("introduced")}
    assert back.summary.startswith("B is slower")


def test_a_larger_batch_is_noticed_by_what_is_copied(simulated) -> None:
    found = compare_traces(simulated(**SLOW, batch_mib=16.0), simulated(**SLOW, batch_mib=32.0))
    assert any("another batch size" in note for note in found.notes)
    assert not any("another batch size" in note for note in _notes(simulated, batch_mib=16.0))


def _notes(simulated, **change: float) -> tuple[str, ...]:
    return compare_traces(simulated(**SLOW), simulated(**SLOW, **change)).notes


def test_another_number_of_steps_is_said_and_does_not_count(simulated) -> None:
    found = compare_traces(simulated(**SLOW, steps=3), simulated(**SLOW, steps=6))
    assert any(note.startswith("3 steps in A, 6 in B") for note in found.notes)
    assert found.speedup is not None
    assert found.speedup.value == pytest.approx(1, abs=0.05)


def test_a_single_step_has_no_interval(simulated) -> None:
    found = compare_traces(simulated(**SLOW, steps=1), simulated(data_ms=1.0, kernels=60, steps=1))
    assert "one step each: no interval" in found.summary
    assert found.to_json()["speedup_interval"] is None


def test_a_trace_without_a_device_compares_by_its_steps_only(simulated) -> None:
    trace = simulated(**SLOW)
    host = _without(trace, trace.category > Category.MEMSET)
    found = compare_traces(trace, host)
    assert any(note.startswith("B profiled no device") for note in found.notes)
    assert found.idle == ()
    total = sum(change.difference for change in found.changes)
    assert total == pytest.approx(found.step_ms[1] - found.step_ms[0], abs=1e-6)


def test_another_device_is_named(simulated) -> None:
    one = replace(simulated(**SLOW), devices={0: "NVIDIA A100"})
    two = replace(simulated(**SLOW), devices={0: "NVIDIA H100"})
    assert (
        "Different devices: NVIDIA A100 in A, NVIDIA H100 in B." in compare_traces(one, two).notes
    )


def test_traces_without_steps_compare_by_their_windows(simulated) -> None:
    trace = simulated(**SLOW)
    bare = _without(trace, ~np.isin(trace.category, [Category.ANNOTATION]))
    both = compare_traces(bare, bare)
    assert both.speedup is not None
    assert both.speedup.low is None
    assert any(note.startswith("Neither trace has profiler steps") for note in both.notes)
    one = compare_traces(trace, bare)
    assert one.speedup is None
    assert one.to_json()["speedup"] is None
    assert any(note.startswith("B has no profiler steps") for note in one.notes)


def test_a_profile_of_start_up_is_said() -> None:
    trace = simulate_trace(SimulatorSettings(**SLOW))
    found = diagnose(trace)
    cold = replace(found, primary="cold-start")
    notes = compare_traces(trace, trace, (found, cold)).notes
    assert any(note.startswith("B caught start-up") for note in notes)
