"""What is put into a simulated run comes out of its diagnosis."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadInput
from core.traces import SimulatorSettings, diagnose, simulate, simulate_trace

HEALTHY = SimulatorSettings(workers=4)


def shares(settings: SimulatorSettings) -> dict[str, float]:
    """Step breakdown (%)."""
    return diagnose(simulate_trace(settings)).step_breakdown


def test_a_healthy_run_is_device_bound_without_critical_findings():
    result = diagnose(simulate_trace(HEALTHY))
    assert result.primary == "device-bound"
    assert all(finding.severity != "critical" for finding in result.findings)
    assert result.steps == HEALTHY.steps


@pytest.mark.parametrize("data_ms", [10.0, 30.0, 80.0])
def test_data_time_without_workers_comes_out_as_input_wait(data_ms):
    # With a read-back the device is idle for the whole of the next fetch.
    run = SimulatorSettings(data_ms=data_ms, sync_every_step=True, steps=8)
    result = diagnose(simulate_trace(run))
    step_ms = result.window_ms / run.steps
    assert result.primary == ("input-wait" if 100 * data_ms / step_ms > 20 else "device-bound")
    assert result.idle_by_cause["input-wait"] == pytest.approx(100 * data_ms / step_ms, abs=2)
    assert any(finding.rule == "D1" for finding in result.findings)


def test_enough_workers_hide_the_data_time_and_too_few_do_not():
    slow = SimulatorSettings(data_ms=60, workers=1, sync_every_step=True)
    assert diagnose(simulate_trace(slow)).findings[0].rule == "D2"
    assert shares(replace(slow, workers=8))["input-wait"] < 1


@pytest.mark.parametrize("python_ms", [4.0, 12.0, 40.0])
def test_python_work_comes_out_as_python_bound(python_ms):
    run = SimulatorSettings(data_ms=0, python_ms=python_ms, sync_every_step=True, batch_mib=0)
    result = diagnose(simulate_trace(run))
    expected = 100 * python_ms / (result.window_ms / run.steps)
    assert result.idle_by_cause["python-bound"] == pytest.approx(expected, abs=2)


def test_tiny_kernels_come_out_as_the_cost_of_launching():
    run = SimulatorSettings(
        data_ms=0, kernels=1000, kernel_us=3, launch_us=15, batch_mib=0, python_ms=0
    )
    result = diagnose(simulate_trace(run))
    idle = result.idle_by_cause
    # Of every 15 µs from launch to launch the device works 3.
    assert idle["host-bound"] + idle["launch-bound"] == pytest.approx(80, abs=2)
    assert result.findings[0].rule == "L1"


def test_reading_back_every_step_is_found_where_it_costs_something():
    run = SimulatorSettings(
        data_ms=0,
        kernels=50,
        kernel_us=60,
        launch_us=45,
        sync_every_step=True,
        python_ms=1,
        batch_mib=0,
    )
    result = diagnose(simulate_trace(run))
    found = {finding.rule: finding for finding in result.findings}
    assert "S1" in found
    assert "aten::item" in found["S1"].title
    free = diagnose(simulate_trace(replace(run, sync_every_step=False)))
    assert free.window_ms < result.window_ms
    assert "S1" not in {finding.rule for finding in free.findings}


def test_pageable_batches_are_found_and_pinned_ones_are_not():
    run = SimulatorSettings(data_ms=0, batch_mib=64, pinned=False)
    rules = {f.rule for f in diagnose(simulate_trace(run)).findings}
    assert "H1" in rules
    pinned = diagnose(simulate_trace(replace(run, pinned=True)))
    assert "H1" not in {f.rule for f in pinned.findings}


@settings(max_examples=40, deadline=None)
@given(
    st.builds(
        SimulatorSettings,
        data_ms=st.floats(0, 50),
        workers=st.integers(0, 8),
        kernels=st.integers(1, 80),
        kernel_us=st.floats(1, 300),
        launch_us=st.floats(1, 60),
        sync_every_step=st.booleans(),
        pinned=st.booleans(),
        batch_mib=st.floats(0, 32),
        python_ms=st.floats(0, 10),
        steps=st.integers(1, 5),
    )
)
def test_any_setting_is_accounted_for_completely(run):
    result = diagnose(simulate_trace(run))
    assert sum(result.step_breakdown.values()) == pytest.approx(100)
    work = run.kernels * run.kernel_us * run.steps / 1e3
    computed = result.step_breakdown["compute"] / 100 * result.window_ms
    assert computed == pytest.approx(work, rel=0.01, abs=0.01)


def test_the_default_run_is_simulated_and_loaded_fast_enough_for_a_slider():
    simulate_trace(SimulatorSettings())
    best = min(_seconds() for _ in range(3))
    assert best < 0.2


def _seconds() -> float:
    start = time.process_time()
    simulate_trace(SimulatorSettings())
    return time.process_time() - start


@pytest.mark.parametrize("bad", [{"kernels": 0}, {"data_ms": -1.0}, {"steps": 10_000}])
def test_settings_out_of_bounds_are_refused_with_their_name(bad):
    with pytest.raises(BadInput, match=next(iter(bad))):
        SimulatorSettings(**bad)


def test_the_json_is_a_kineto_trace():
    record = simulate(SimulatorSettings(steps=1))
    assert {e["ph"] for e in record["traceEvents"]} == {"X"}
    assert record["schemaVersion"] == 1
