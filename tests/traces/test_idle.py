"""Every idle microsecond has one cause, and the causes add up."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.traces import CAUSES, diagnose, parse_trace
from core.traces.idle import device_busy, idle_pieces
from core.traces.window import find_window


def causes(trace) -> dict[str, float]:
    """Idle µs of every cause that has any."""
    pieces = idle_pieces(trace, find_window(trace), 0)
    return {key: us for key, us in pieces.by_cause_us().items() if us}


@pytest.fixture
def step(span):
    """A step of 1,000 µs whose only kernel runs from 500 to 600, launched at 490."""
    return [
        span("user_annotation", "ProfilerStep#1", 0, 1000),
        span("cuda_runtime", "cudaLaunchKernel", 490, 5, correlation=1),
        span("kernel", "gemm", 500, 100, correlation=1),
    ]


def test_the_time_up_to_the_launch_belongs_to_what_the_host_did(trace_of, span, step):
    loader = span("user_annotation", "enumerate(DataLoader)#_SingleProcessDataLoaderIter", 0, 300)
    trace = trace_of([*step, loader, span("cpu_op", "aten::mm", 350, 150)])
    assert causes(trace) == {
        "input-wait": 300,
        "unattributed": 50 + 400,
        "host-bound": 140,
        "launch-bound": 10,
    }


@pytest.mark.parametrize(
    ("category", "name", "cause"),
    [
        ("cuda_runtime", "cudaDeviceSynchronize", "host-sync"),
        ("hip_runtime", "hipStreamSynchronize", "host-sync"),
        ("cuda_runtime", "cudaMalloc", "allocator"),
        ("cuda_runtime", "cudaMemcpyAsync", "copy-wait"),
        ("cuda_runtime", "cudaFuncGetAttributes", "host-bound"),
        ("cpu_op", "aten::add", "host-bound"),
        ("user_annotation", "Optimizer.step#SGD.step", "host-bound"),
        ("user_annotation", "gloo:all_reduce", "communication"),
        ("user_annotation", "enumerate(DataPipe)#x", "input-wait"),
        ("python_function", "train.py(3): step", "python-bound"),
    ],
)
def test_each_kind_of_host_work_has_its_cause(trace_of, span, step, category, name, cause):
    found = causes(trace_of([*step, span(category, name, 100, 200)]))
    assert found[cause] == 200


def test_a_stronger_claim_hides_a_weaker_one(trace_of, span, step):
    loader = span("user_annotation", "enumerate(DataLoader)#x", 0, 400)
    trace = trace_of([*step, loader, span("cuda_runtime", "cudaMalloc", 100, 50, correlation=0)])
    found = causes(trace)
    assert (found["input-wait"], found["allocator"]) == (350, 50)


def test_a_queued_operation_is_the_devices_own_gap(trace_of, span, step):
    queued = [
        span("cuda_runtime", "cudaLaunchKernel", 496, 3, correlation=2),
        span("kernel", "relu", 607, 10, correlation=2),
    ]
    assert causes(trace_of([*step, *queued]))["device-queue"] == 7


def test_where_an_autograd_thread_is_silent_the_main_thread_speaks(trace_of, span):
    trace = trace_of(
        [
            span("user_annotation", "ProfilerStep#1", 0, 600),
            span("user_annotation", "enumerate(DataLoader)#x", 0, 300),
            span("cpu_op", "MmBackward0", 400, 100, thread=2),
            span("cuda_runtime", "cudaLaunchKernel", 490, 5, thread=2, correlation=1),
            span("kernel", "gemm", 500, 100, correlation=1),
        ]
    )
    assert causes(trace) == {
        "input-wait": 300,
        "unattributed": 100,
        "host-bound": 90,
        "launch-bound": 10,
    }


def test_device_copies_of_the_steps_do_not_count_as_steps(trace_of, span, step):
    copy = span("gpu_user_annotation", "ProfilerStep#1", 480, 200)
    trace = trace_of([*step, copy])
    assert find_window(trace).steps == 1
    assert find_window(trace).length_us == 1000


def test_the_window_ends_with_the_device_work_the_steps_launched(trace_of, span, step):
    late = [
        span("cuda_runtime", "cudaLaunchKernel", 990, 5, correlation=2),
        span("kernel", "tail", 1100, 50, correlation=2),
        span("cuda_runtime", "cudaLaunchKernel", 1200, 5, correlation=3),
        span("kernel", "after the steps", 1300, 50, correlation=3),
    ]
    assert find_window(trace_of([*step, *late])).end_us == 1150


NAMES = {
    "cuda_runtime": [
        *("cudaLaunchKernel", "cudaStreamSynchronize", "cudaFree", "cudaMemcpyAsync"),
        "cudaGraphLaunch",
    ],
    "cpu_op": [
        *("aten::mm", "aten::item", "aten::to", "aten::zero_", "aten::select", "aten::conv2d"),
        *("aten::batch_norm", "DataParallel.forward"),
    ],
    "user_annotation": [
        *("ProfilerStep#1", "ProfilerStep#2", "enumerate(DataLoader)#x", "gloo:x"),
        *("Optimizer.step#SGD.step", "Optimizer.zero_grad#SGD.zero_grad"),
    ],
    "python_function": ["a.py(1): f", "torch/optim/optimizer.py(2): zero_grad"],
    "kernel": ["gemm", "ncclKernel", "volta_sgemm", "cutlass_bf16_s16816gemm_bf16_align1"],
    "gpu_memcpy": ["Memcpy HtoD (Pageable -> Device)", "Memcpy DtoH (Device -> Pinned)"],
    "overhead": ["Buffer Flush"],
}


@st.composite
def events(draw):
    """Any set of host and device spans, properly nested or not."""
    category = draw(st.sampled_from(sorted(NAMES)))
    on_device = category in {"kernel", "gpu_memcpy"}
    return {
        "ph": "X",
        "cat": category,
        "name": draw(st.sampled_from(NAMES[category])),
        "pid": 0 if on_device else 9,
        "tid": draw(st.integers(1, 3)),
        "ts": draw(st.integers(0, 400) | st.floats(0, 400)),
        "dur": draw(st.integers(0, 90) | st.floats(0, 90)),
        "args": {
            "device": 0,
            "stream": 1,
            "correlation": draw(st.integers(0, 12)),
            "blocks per SM": draw(st.sampled_from([0.2, 4])),
            "Input Dims": draw(st.sampled_from([[[3, 5], [5, 4], [4]], [[8]], []])),
        },
    }


@settings(max_examples=100, deadline=None)
@given(st.lists(events(), min_size=1, max_size=40))
def test_busy_and_causes_tile_the_window_whatever_the_spans(spans):
    kernel = {**spans[0], "cat": "kernel", "name": "gemm", "dur": 5, "pid": 0}
    trace = parse_trace(json.dumps([*spans, kernel]).encode())
    window = find_window(trace)
    busy, pieces = device_busy(trace, window, 0), idle_pieces(trace, window, 0)
    assert (pieces.end > pieces.start).all()
    assert np.all(pieces.start[1:] >= pieces.end[:-1])
    total = busy.measure + sum(pieces.by_cause_us().values())
    assert total == pytest.approx(window.length_us, abs=1e-6)
    result = diagnose(trace)
    assert sum(result.idle_by_cause.values()) == pytest.approx(result.idle_pct, abs=1e-6)
    assert sum(result.step_breakdown.values()) == pytest.approx(100, abs=1e-6)
    assert set(result.idle_by_cause) == set(CAUSES)


@settings(max_examples=50, deadline=None)
@given(st.lists(events(), min_size=2, max_size=25), st.integers(1, 10**15), st.randoms())
def test_shifting_and_shuffling_a_trace_changes_nothing(spans, shift, random):
    spans = [{**e, "ts": round(e["ts"]), "dur": round(e["dur"]) + 1} for e in spans]
    moved = [{**e, "ts": e["ts"] + shift} for e in spans]
    random.shuffle(moved)
    one, two = (diagnose(parse_trace(json.dumps(e).encode())) for e in (spans, moved))
    assert one.window_ms == pytest.approx(two.window_ms)
    assert one.device_busy_pct == pytest.approx(two.device_busy_pct)
