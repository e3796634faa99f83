"""A planted cause comes out first, with its true size, and its cure saves what it truly saves.

The truth is the simulator's: the size of a cause follows from the settings, and the step without
it is simulated without it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.traces import Diagnosis, SimulatorSettings, diagnose, simulate_trace

TOLERANCE = 0.01
"""Of the window, for each figure."""
AGREES = 0.03
"""Relative, between the replayed step at best and the one simulated without the cause."""


def busy_ms(run: SimulatorSettings) -> float:
    """Work of the device a step, without copies."""
    return run.kernels * run.kernel_us / 1e3


def step_ms(result: Diagnosis) -> float:
    """Window over steps."""
    return result.window_ms / result.steps


@st.composite
def healthy(draw) -> SimulatorSettings:
    """The host launches twice as fast as the device works, workers keep up, copies are small.

    A quarter of the communication, its last bucket, is never hidden: 2.5 % of the step at most.
    """
    kernel_us = draw(st.floats(30, 200))
    base = SimulatorSettings(
        data_ms=0.0,
        workers=4,
        kernels=draw(st.integers(60, 300)),
        kernel_us=kernel_us,
        launch_us=draw(st.floats(3, min(0.5 * kernel_us, 40))),
        steps=draw(st.integers(4, 10)),
    )
    busy = busy_ms(base)
    return replace(
        base,
        data_ms=draw(st.floats(0, 2)) * busy,
        batch_mib=draw(st.floats(0.1, 0.5)) * busy,
        python_ms=draw(st.floats(0, 0.1)) * busy,
        communication_ms=draw(st.sampled_from([0.0, 0.1])) * busy,
    )


@dataclass(frozen=True, slots=True)
class Plant:
    """A run with a cause, the same without it, and what must come out.

    Attributes:
        edits: what the first finding may propose; the first of them is replayed.
        truth: key of the step breakdown (or several) -> ms a step that the cause costs; empty
            where it does not follow from the settings alone.
    """

    sick: SimulatorSettings
    cured: SimulatorSettings
    edits: tuple[str, ...]
    keys: tuple[str, ...] = ()
    cost_ms: float = 0.0


def slow_loading(run: SimulatorSettings, size: float) -> Plant:
    # Reading the loss back empties the device before the next batch is asked for.
    data_ms = 8 + size * busy_ms(run)
    sick = replace(run, workers=0, data_ms=data_ms, sync_every_step=True)
    return Plant(sick, replace(sick, workers=16), ("loader",), ("input-wait",), sick.data_ms + 0.02)


def slow_worker(run: SimulatorSettings, size: float) -> Plant:
    sick = replace(run, workers=1, data_ms=(1 + size) * busy_ms(run))
    return Plant(sick, replace(sick, data_ms=0.0), ("workers",))


def tiny_kernels(run: SimulatorSettings, size: float) -> Plant:
    # The host comes late by more than a launch takes to reach the device.
    sick = replace(run, kernels=4 * run.kernels, kernel_us=4.0, launch_us=12 + 10 * size)
    sick = replace(sick, python_ms=0.0, batch_mib=0.1, communication_ms=0.0, data_ms=0.0)
    late = sick.kernels * (sick.launch_us - sick.kernel_us) / 1e3
    keys = ("host-bound", "launch-bound")
    return Plant(sick, replace(sick, launch_us=1.0), ("launches",), keys, late)


def slow_python(run: SimulatorSettings, size: float) -> Plant:
    sick = replace(run, python_ms=(1 + size) * busy_ms(run), data_ms=0.0)
    return Plant(sick, replace(sick, python_ms=0.0), ("python",))


def python_alone(run: SimulatorSettings, size: float) -> Plant:
    """With an empty device at the begin of a step all of the Python shows."""
    sick = replace(run, python_ms=(1 + size) * busy_ms(run), data_ms=0.0, sync_every_step=True)
    # Without the read-back it would run beside the device: that is a cure as well.
    edits, keys = ("python", "sync"), ("python-bound",)
    return Plant(sick, replace(sick, python_ms=0.0), edits, keys, sick.python_ms)


def reading_back(run: SimulatorSettings, size: float) -> Plant:
    # The host could be ahead of the device, for its work fits beside the device's; a read-back
    # makes one wait for the other in turn.
    spare = run.kernels * (run.kernel_us - run.launch_us) / 1e3
    free = replace(run, python_ms=min(0.2 + 0.2 * size, 0.9) * spare, communication_ms=0.0)
    return Plant(replace(free, sync_every_step=True), free, ("sync",))


def pageable_batches(run: SimulatorSettings, size: float) -> Plant:
    sick = replace(run, pinned=False, batch_mib=4 * (1 + size) * busy_ms(run))
    copied = sick.batch_mib * 2**20 / 8e6
    return Plant(sick, replace(sick, pinned=True), ("copies",), ("exposed-copies",), copied)


def allocating(run: SimulatorSettings, size: float) -> Plant:
    pairs = max(round(size * busy_ms(run) / 0.35), 1)
    sick = replace(run, allocations=pairs, python_ms=0.0, batch_mib=0.0)
    # A free waits for the device, so that from there to the last allocation nothing runs.
    return Plant(sick, replace(sick, allocations=0), ("allocator",), ("allocator",), pairs * 0.35)


def bare_communication(run: SimulatorSettings, size: float) -> Plant:
    sick = replace(run, overlap=False, communication_ms=size * busy_ms(run))
    keys = ("exposed-communication",)
    cured = replace(sick, communication_ms=0.0)
    return Plant(sick, cured, ("communication",), keys, sick.communication_ms)


PLANTS = (
    slow_loading,
    slow_worker,
    tiny_kernels,
    slow_python,
    python_alone,
    reading_back,
    pageable_batches,
    allocating,
    bare_communication,
)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
@settings(max_examples=10, deadline=None)
@given(run=healthy(), size=st.floats(0.3, 3))
def test_a_planted_cause_comes_out_first_with_its_size_and_its_gain(plant, run, size):
    case = plant(run, size)
    sick, cured = diagnose(simulate_trace(case.sick)), diagnose(simulate_trace(case.cured))
    # What is hidden behind something else is no cause.
    assume(step_ms(sick) > 1.1 * step_ms(cured))
    first = sick.findings[0]
    assert first.edit in case.edits
    if case.keys:
        share = sum(sick.step_breakdown[key] for key in case.keys) / 100
        assert share == pytest.approx(case.cost_ms / step_ms(sick), abs=TOLERANCE)
    replayed = sick.what_if.predict(case.edits[:1], workers=case.cured.workers)
    assert replayed is not None
    assert replayed.steps_ms is not None
    assert replayed.steps_ms[0] == pytest.approx(step_ms(cured), rel=AGREES)
    assert sum(sick.step_breakdown.values()) == pytest.approx(100)


@settings(max_examples=30, deadline=None)
@given(run=healthy())
def test_a_healthy_run_has_no_findings(run):
    result = diagnose(simulate_trace(run))
    assert {finding.rule for finding in result.findings} <= {"B1"}
    assert result.primary == "device-bound"


@settings(max_examples=10, deadline=None)
@given(run=healthy(), size=st.floats(1, 3))
def test_two_causes_are_both_cured_together(run, size):
    sick = replace(
        run,
        workers=0,
        data_ms=size * busy_ms(run),
        allocations=max(round(size * busy_ms(run) / 0.35), 1),
    )
    cured = diagnose(simulate_trace(replace(sick, workers=16, allocations=0)))
    found = diagnose(simulate_trace(sick))
    together = found.what_if.predict(["loader", "allocator"], workers=16)
    assert {"loader", "allocator"} <= {finding.edit for finding in found.findings}
    assert together is not None
    assert together.steps_ms is not None
    assert together.steps_ms[0] == pytest.approx(step_ms(cured), rel=AGREES)
