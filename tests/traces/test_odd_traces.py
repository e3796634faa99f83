"""Kinds of traces that profilers wrote over the years: each gets a sensible answer."""

from __future__ import annotations

import pytest

from core.traces import diagnose

LOADER = "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"


def rules(result):
    return {finding.rule for finding in result.findings}


def test_a_trace_of_2021(span, trace_of):
    """Capital categories, streams and threads as strings, annotations among the operators, stacks
    inside the operators, no device in the arguments."""
    events = []
    for number in range(3):
        t = 1_623_142_623_460_000 + number * 100_000
        stack = "/opt/lib/python3.7/site-packages/torch/utils/data/dataloader.py(518): __next__"
        events += [
            span("Operator", f"ProfilerStep#{number}", t, 100_000, thread="25738"),
            span("Operator", LOADER, t, 60_000, thread="25738", **{"Call stack": stack}),
            span("Operator", "aten::stack", t + 5_000, 40_000, thread="25738"),
            span(
                "Runtime",
                "cudaLaunchKernel",
                t + 60_100,
                10,
                thread="25738",
                correlation=number + 1,
            ),
            span("Kernel", "volta_sgemm", t + 60_200, 39_000, correlation=number + 1)
            | {"tid": "stream 7"},
        ]
        events[-1]["args"].pop("stream")
    result = diagnose(trace_of(events))
    assert (result.primary, result.steps) == ("input-wait", 3)
    assert result.device_busy_pct == pytest.approx(39, abs=1)
    assert result.findings[0].rule == "D1"


def test_rocm(span, trace_of):
    """HIP names; hipMemcpyWithStream blocks; kernels of Tensile."""
    events = []
    for number in range(4):
        t, c = number * 1000, 3 * number + 1
        events += [
            span("user_annotation", f"ProfilerStep#{number}", t, 1000),
            span("cuda_runtime", "hipExtModuleLaunchKernel", t + 10, 5, correlation=c),
            span("kernel", "Cijk_Ailk_Bljk_HHS_BH_MT128_MI32x32", t + 20, 580, correlation=c),
            span("cpu_op", "aten::item", t + 300, 320),
            span("cpu_op", "aten::_local_scalar_dense", t + 301, 318),
            span("hip_runtime", "hipMemcpyWithStream", t + 302, 310, correlation=c + 1),
            span("gpu_memcpy", "CopyDeviceToHost", t + 600, 5, correlation=c + 1, bytes=4),
            span("cuda_runtime", "hipLaunchKernel", t + 780, 5, correlation=c + 2),
            span("kernel", "void at::native::elementwise_kernel", t + 790, 200, correlation=c + 2),
        ]
    result = diagnose(trace_of(events))
    assert result.device_busy_pct == pytest.approx(78.5, abs=0.5)
    found = {f.rule: f for f in result.findings}
    assert "aten::item" in found["S1"].title
    assert result.primary == "device-bound"


@pytest.mark.parametrize("steps", [0, 1, 4])
@pytest.mark.parametrize("prefix", ["cuda", "hip"])
def test_time_in_allocation_calls_is_churn_with_or_without_steps(span, trace_of, steps, prefix):
    """A pool that was switched off: 88 % of the time in Malloc and Free."""
    events = [
        span("user_annotation", f"ProfilerStep#{i}", i * 10_000, 10_000) for i in range(steps)
    ]
    for index in range(10 * max(steps, 1)):
        t = index * 1000
        events += [
            span("cpu_op", "aten::empty", t, 450),
            span("cuda_runtime", f"{prefix}Malloc", t + 5, 440),
            span("cpu_op", "aten::mul", t + 450, 40),
            span("cuda_runtime", f"{prefix}LaunchKernel", t + 460, 10, correlation=index + 1),
            span("kernel", "mul", t + 480, 60, correlation=index + 1),
            span("cuda_runtime", f"{prefix}Free", t + 492, 500),
        ]
    result = diagnose(trace_of(events))
    assert result.primary == "allocator"
    assert result.findings[0].rule == "A1"
    assert result.idle_by_cause["allocator"] > 80
    assert "S1" not in rules(result)


def test_first_allocations_of_a_single_step_are_start_up(span, trace_of):
    events = [span("user_annotation", "ProfilerStep#0", 0, 10_000)]
    for index in range(8):
        t = index * 1000
        events += [
            span("cuda_runtime", "cudaMalloc", t + 5, 700),
            span("cuda_runtime", "cudaLaunchKernel", t + 760, 10, correlation=index + 1),
            span("kernel", "mul", t + 780, 100, correlation=index + 1),
        ]
    assert diagnose(trace_of(events)).primary == "cold-start"


def test_many_threads(span, trace_of):
    """Autograd launches from its own thread, pin_memory and data threads make noise."""
    events = []
    for number in range(3):
        t = number * 1000
        events += [
            span("user_annotation", f"ProfilerStep#{number}", t, 1000),
            span("user_annotation", LOADER, t, 500),
            span(
                "cpu_op", "autograd::engine::evaluate_function: MmBackward0", t + 510, 80, thread=2
            ),
            span("cuda_runtime", "cudaLaunchKernel", t + 520, 5, thread=2, correlation=number + 1),
            span("kernel", "gemm", t + 530, 440, correlation=number + 1),
        ]
        for noise in range(20):
            events.append(span("cpu_op", "aten::copy_", t, 900, thread=100 + noise))
            events.append(
                span("python_function", "threading.py(9): _bootstrap", t, 999, thread=100 + noise)
            )
    result = diagnose(trace_of(events))
    assert result.primary == "input-wait"
    assert result.findings[0].rule == "D1"


def test_device_work_without_correlation_is_charged_to_what_the_main_thread_did(span, trace_of):
    events = []
    for number in range(3):
        t = number * 1000
        events += [
            span("user_annotation", f"ProfilerStep#{number}", t, 1000),
            span("user_annotation", LOADER, t, 400),
            span("kernel", "gemm", t + 420, 570),
        ]
    result = diagnose(trace_of(events))
    assert result.idle_by_cause["input-wait"] == pytest.approx(40, abs=0.1)
    assert any("launch was not recorded" in note for note in result.notes)


def test_cuda_graphs(span, trace_of):
    """One launch for a hundred kernels; between replays the host runs Python."""
    events = []
    for number in range(4):
        t = number * 2000
        events += [
            span("user_annotation", f"ProfilerStep#{number}", t, 2000),
            span("python_function", "train.py(4): metrics", t, 900),
            span("cuda_runtime", "cudaGraphLaunch", t + 900, 50, correlation=number + 1),
        ]
        events += [
            span("kernel", f"node{i}", t + 940 + 10 * i, 9, correlation=number + 1)
            for i in range(100)
        ]
    result = diagnose(trace_of(events))
    assert result.primary == "python-bound"
    assert not rules(result) & {"Q2", "L1"}
    assert any("CUDA graphs" in note for note in result.notes)


def test_several_devices_in_one_process(span, trace_of):
    events = []
    for number in range(3):
        t = number * 1000
        events += [span("user_annotation", f"ProfilerStep#{number}", t, 1000)]
        for device, length in enumerate((900, 300, 0.5)):
            correlation = 10 * number + device + 1
            events += [
                span("cuda_runtime", "cudaLaunchKernel", t + device, 1, correlation=correlation),
                span("kernel", "gemm", t + 10, length, correlation=correlation, device=device),
            ]
    result = diagnose(trace_of(events))
    assert (result.device_index, result.primary) == (0, "device-bound")
    assert [round(use.busy_pct) for use in result.devices] == [90, 30, 0]
    assert diagnose(trace_of(events), device=1).primary != "device-bound"


def test_busy_with_exposed_communication_on_one_of_many_streams_is_not_healthy(span, trace_of):
    events = []
    for number in range(3):
        t = number * 1000
        events += [
            span("user_annotation", f"ProfilerStep#{number}", t, 1000),
            span("cuda_runtime", "cudaLaunchKernel", t + 1, 1, correlation=2 * number + 1),
            span("kernel", "gemm", t + 5, 300, correlation=2 * number + 1),
            span("cuda_runtime", "cudaLaunchKernel", t + 3, 1, correlation=2 * number + 2),
            span(
                "kernel",
                "ncclDevKernel_AllReduce",
                t + 200,
                795,
                correlation=2 * number + 2,
                stream=9,
            ),
        ]
    result = diagnose(trace_of(events))
    assert result.device_busy_pct is not None
    assert result.device_busy_pct > 95
    assert result.primary == "communication"
    assert not rules(result) & {"B1"}
    assert "no computing hides" in result.headline


def test_worker_start_up_inside_next_is_an_epochs_edge(span, trace_of):
    """The one wait that is far longer than the others, without stacks."""
    loader = LOADER.replace("Single", "MultiProcessing").replace("ProcessingProcess", "Processing")
    events = []
    for number, wait in enumerate((4000, 100, 110, 90, 100)):
        t = number * 5000
        events += [
            span("user_annotation", f"ProfilerStep#{number}", t, 5000),
            span("user_annotation", loader, t, wait),
            span("cuda_runtime", "cudaLaunchKernel", t + wait + 5, 1, correlation=number + 1),
            span("kernel", "gemm", t + wait + 10, 4980 - wait, correlation=number + 1),
        ]
    result = diagnose(trace_of(events))
    assert "D3" in rules(result)
    assert not rules(result) & {"D1", "D2"}
