"""Replays: unedited they give what was observed, edited what the edit means; guards refuse."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadInput
from core.traces import Edit, SimulatorSettings, diagnose, parse_trace, simulate_trace, what_if
from core.traces.case import make_case
from core.traces.whatif import prepare
from core.traces.whatif.replay import Changes, make_replay
from core.traces.whatif.waits import Kind

LOADER = "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"


@pytest.fixture
def two_steps(span, trace_of):
    """Two steps of 100 ms: 40 in the DataLoader, a launch at 50, a kernel from 60 to 100."""

    def make(*extra):
        events = list(extra)
        for number in range(2):
            at, correlation = number * 100_000, number + 1
            events += [
                span("user_annotation", f"ProfilerStep#{number}", at, 100_000),
                span("user_annotation", LOADER, at, 40_000),
                span("cuda_runtime", "cudaLaunchKernel", at + 50_000, 10, correlation=correlation),
                span("kernel", "gemm", at + 60_000, 40_000, correlation=correlation),
                span("cuda_runtime", "cudaStreamSynchronize", at + 50_100, 49_900, correlation=90),
            ]
        return trace_of(events)

    return make


def unedited(trace):
    replay = make_replay(make_case(trace))
    return replay.run(Changes()), replay.observed_us


def test_a_loader_that_is_gone_shortens_the_step_by_what_it_took(two_steps):
    assert unedited(two_steps())[0] == pytest.approx(200_000)
    found = what_if(two_steps(), [Edit.LOADER], workers=8)
    assert found.high == pytest.approx(100 / 60, rel=1e-3)
    assert found.step_ms == pytest.approx(100)
    assert found.steps_ms is not None
    best, expected, worst = found.steps_ms
    assert best == pytest.approx(60, rel=1e-3)
    assert expected is not None
    assert best < expected < worst < 100


def test_few_workers_bound_the_step_by_their_rate(two_steps):
    found = what_if(two_steps(), ["loader"], workers=1)
    assert found.steps_ms is not None
    # One worker makes a batch in 40 ms, faster than the 60 ms that are left.
    assert found.steps_ms[0] == pytest.approx(60, rel=1e-3)
    slow = what_if(simulate_trace(SimulatorSettings(data_ms=90)), ["loader"], workers=2)
    assert slow.steps_ms is not None
    assert slow.steps_ms[0] == pytest.approx(45, rel=0.01)


def test_without_the_wait_the_host_loads_while_the_device_computes(two_steps):
    found = what_if(two_steps(), ["sync"])
    assert found.steps_ms is not None
    # 50 ms of the host a step; the device's 40 ms and 10 ms of latency follow the second launch.
    assert found.steps_ms[0] == pytest.approx((50 + 50 + 50) / 2, rel=0.01)


def test_edits_together_save_more_than_each_and_never_more_than_the_device_allows(two_steps):
    trace = two_steps()
    alone = [what_if(trace, [edit]).high for edit in ("loader", "sync")]
    together = what_if(trace, ["loader", "sync"])
    assert together.high >= max(alone)
    assert together.high <= 100 / 40


def test_an_unknown_edit_is_refused_with_the_names_of_the_known_ones(two_steps):
    with pytest.raises(BadInput, match="loader"):
        what_if(two_steps(), ["magic"])
    with pytest.raises(BadInput):
        what_if(two_steps(), [])


def test_work_launched_before_the_window_leaves_the_bounds_alone(two_steps, span):
    early = span("kernel", "gemm", 10_000, 30_000, correlation=77)
    trace = two_steps(early)
    assert prepare(make_case(trace)).predict(["loader"]) is None
    with pytest.raises(BadInput, match="launch"):
        what_if(trace, ["loader"])
    result = diagnose(trace)
    loader = next(f for f in result.findings if f.rule == "D1")
    assert loader.predicted_speedup is not None
    assert loader.predicted_speedup.expected is None
    assert "bounds only" in loader.predicted_speedup.assumption
    assert any("launch" in note for note in result.notes)


def test_the_edge_of_an_epoch_is_not_what_workers_would_save(two_steps, span):
    edge = span("python_function", "torch/utils/data/dataloader.py(9): _get_iterator", 10, 39_000)
    with_edge, without = (what_if(two_steps(*extra), ["loader"]) for extra in ([edge], []))
    assert with_edge.high < without.high


def test_freeing_memory_waits_for_the_device_only_while_it_is_there():
    run = SimulatorSettings(data_ms=0, allocations=8, workers=4)
    case = make_case(simulate_trace(run))
    replay = make_replay(case)
    assert np.count_nonzero(replay.waits.kind == Kind.FREE) == 8 * run.steps
    free = case.total_us / replay.run(Changes(dropped=frozenset([Kind.FREE])))
    assert free > 1


def test_a_stream_that_waits_for_another_is_replayed_after_it():
    run = SimulatorSettings(communication_ms=8, overlap=False, data_ms=0, workers=4)
    replay = make_replay(make_case(simulate_trace(run)))
    assert np.count_nonzero(replay.work.depends >= 0) >= 2 * run.steps
    hidden = replay.run(Changes(communication=0.0))
    assert hidden == pytest.approx(replay.observed_us - run.steps * 8_000, rel=0.01)


RUNS = st.builds(
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
    allocations=st.integers(0, 4),
    communication_ms=st.floats(0, 10),
    overlap=st.booleans(),
    steps=st.integers(1, 5),
)


@settings(max_examples=60, deadline=None)
@given(RUNS)
def test_any_run_replays_to_what_was_observed(run):
    new, observed = unedited(simulate_trace(run))
    assert new == pytest.approx(observed, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(RUNS, st.lists(st.sampled_from(list(Edit)), min_size=1, unique=True))
def test_any_edits_keep_the_step_between_the_devices_work_and_the_observed_one(run, edits):
    case = make_case(simulate_trace(run))
    found = prepare(case).predict(edits)
    assert found is not None
    assert found.expected is not None
    assert 1 <= found.low <= found.expected <= found.high
    assert case.total_us / found.high >= case.compute.measure * (1 - 1e-9)
    # Workers bound the step by their own rate; these edits bound it by nothing new.
    more = prepare(case).predict([*edits, Edit.SYNC, Edit.PYTHON, Edit.ALLOCATOR, Edit.OPERATORS])
    assert more is not None
    assert more.high >= found.high * (1 - 1e-6)


@settings(max_examples=40, deadline=None)
@given(RUNS, st.floats(0.1, 10))
def test_twice_the_durations_are_the_same_speed_up(run, factor):
    trace = simulate_trace(run)
    slower = dataclasses.replace(
        trace, start=trace.start * factor, duration=trace.duration * factor
    )
    one, other = (prepare(make_case(t)).replay for t in (trace, slower))
    assert other.run(Changes()) / other.observed_us == pytest.approx(
        one.run(Changes()) / one.observed_us, rel=1e-6
    )


@pytest.fixture
def on_host(span, trace_of):
    """Four steps of 100 ms without a device: 60 in the DataLoader, 30 in an operator."""
    events = []
    for number in range(4):
        at = number * 100_000
        events += [
            span("user_annotation", f"ProfilerStep#{number}", at, 100_000),
            span("user_annotation", LOADER, at, 60_000),
            span("cpu_op", "aten::mm", at + 60_000, 30_000),
        ]
    return trace_of(events)


def test_a_trace_without_a_device_is_replayed_on_its_main_thread(on_host):
    trace = on_host
    found = what_if(trace, ["loader"])
    assert found.high == pytest.approx(2.5, rel=1e-3)
    assert found.low == pytest.approx(1.0)
    assert what_if(trace, ["python"]).high == pytest.approx(100 / 90, rel=1e-3)


def on_cores(trace, workers, cores):
    found = prepare(make_case(trace)).predict(["loader"], workers=workers, cores=cores)
    assert found is not None
    assert found.expected is not None
    return found.low, found.expected, found.high


def test_known_cores_bound_what_workers_can_gain(on_host):
    two, four, many = (on_cores(on_host, cores, cores) for cores in (2, 4, 64))
    # 100 ms of computing a step take 50 on two cores at least, 40 are left at least on four.
    assert (two[2], four[2], many[2]) == pytest.approx((2.0, 2.5, 2.5), rel=1e-3)
    # Half of the loading comes back, 1 ms receives a batch: 30 + 1 + 40 ms.
    assert two[1] == pytest.approx(100 / 71, rel=1e-3)
    assert two[0] <= two[1] <= four[1] <= many[1]


def test_one_core_has_nothing_to_share(on_host):
    assert on_cores(on_host, 2, 1) == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.parametrize(("frame", "computing"), [("<built-in function sleep>", 0.25), ("f", 1.0)])
def test_a_loader_that_sleeps_slows_nothing_down(span, two_steps, frame, computing):
    stacks = []
    for at in (0, 100_000):
        stacks += [
            span("python_function", "data.py(3): __getitem__", at, 40_000),
            span("python_function", frame, at + 10_000, 30_000),
        ]
    ready = prepare(make_case(two_steps(*stacks)))
    assert ready.replay.computing == pytest.approx(computing)
    unknown, known = what_if(two_steps(), ["loader"]), ready.predict(["loader"])
    assert known is not None
    assert known.expected is not None
    assert unknown.expected is not None
    assert (known.expected > unknown.expected * 1.01) is (computing < 1)


def test_an_empty_trace_of_one_span_does_not_break_a_replay(span):
    trace = parse_trace(b'{"traceEvents":[{"ph":"X","cat":"cpu_op","name":"a","ts":1,"dur":5}]}')
    assert unedited(trace) == (pytest.approx(5), pytest.approx(5))
