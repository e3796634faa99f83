"""Operators, kernels and steps as tables."""

from __future__ import annotations

import numpy as np
import pytest

from core.traces import bubbles, copies, kernels, operators, steps


@pytest.fixture
def trace(span, trace_of):
    """linear(100 µs) holds addmm(60 µs), which launches a kernel; relu launches another."""
    return trace_of(
        [
            span("user_annotation", "ProfilerStep#7", 0, 300),
            span("cpu_op", "aten::linear", 0, 100),
            span("cpu_op", "aten::addmm", 20, 60),
            span("cuda_runtime", "cudaLaunchKernel", 50, 10, correlation=1),
            span("cpu_op", "aten::relu", 100, 30),
            span("cuda_runtime", "cudaLaunchKernel", 110, 10, correlation=2),
            span("kernel", "gemm", 70, 120, correlation=1),
            span("kernel", "relu_kernel", 190, 5, correlation=2),
            span("gpu_memcpy", "Memcpy HtoD", 200, 15, correlation=3, bytes=2**20),
        ]
    )


def test_device_time_goes_to_the_innermost_operator_around_the_launch(trace):
    table = operators(trace).set_index("name")
    assert table["device_ms"].to_dict() == pytest.approx(
        {"aten::addmm": 0.12, "aten::relu": 0.005, "aten::linear": 0.0}
    )
    assert table.loc["aten::linear", "device_total_ms"] == pytest.approx(0.12)
    assert operators(trace)["name"].tolist()[0] == "aten::addmm"


def test_self_time_is_total_time_less_the_children(trace):
    table = operators(trace).set_index("name")
    assert table.loc["aten::linear", "total_cpu_ms"] == pytest.approx(0.1)
    assert table.loc["aten::linear", "self_cpu_ms"] == pytest.approx(0.04)
    assert table["self_cpu_pct"].to_numpy().sum() == pytest.approx(100)


def test_operators_of_different_threads_do_not_enclose_each_other(span, trace_of):
    trace = trace_of(
        [
            span("cpu_op", "outer", 0, 100, thread=1),
            span("cpu_op", "other", 10, 20, thread=2),
            span("cpu_op", "again", 100, 20, thread=1),
        ]
    )
    assert operators(trace).set_index("name")["self_cpu_ms"].to_dict() == pytest.approx(
        {"outer": 0.1, "other": 0.02, "again": 0.02}
    )


def test_kernels_are_summed_by_name_and_kind(trace):
    table = kernels(trace).set_index("name")
    assert table.index[0] == "gemm"
    assert table.loc["gemm", "total_ms"] == pytest.approx(0.12)
    assert table.loc["Memcpy HtoD", "kind"] == "copy"
    assert table.loc["Memcpy HtoD", "mib"] == pytest.approx(1)
    assert table["device_pct"].to_numpy().sum() == pytest.approx(100)


def test_steps_carry_their_number_and_parts(trace):
    table = steps(trace)
    assert table["step"].tolist() == [7]
    assert table.loc[0, "duration_ms"] == pytest.approx(0.3)
    assert table.loc[0, "compute"] == pytest.approx(0.125)


def test_tables_of_a_trace_without_operators_or_device_are_empty_but_have_their_columns(
    span, trace_of
):
    trace = trace_of([span("user_annotation", "x", 0, 10)])
    assert operators(trace).empty
    assert "device_ms" in operators(trace)
    assert kernels(trace).empty
    assert "total_ms" in kernels(trace)
    assert len(steps(trace)) == 1
    assert copies(trace).empty
    assert "gb_s" in copies(trace)
    assert bubbles(trace).empty
    assert "cause" in bubbles(trace)


def test_operators_are_told_apart_by_their_shapes(span, trace_of):
    small, large = {"Input Dims": [[2, 3], []]}, {"Input Dims": [[20, 3], [3]]}
    trace = trace_of(
        [
            span("cpu_op", "aten::mm", 0, 10, **small),
            span("cpu_op", "aten::mm", 20, 10, **small),
            span("cpu_op", "aten::mm", 40, 30, **large),
            span("cpu_op", "aten::mm", 80, 5),
        ]
    )
    table = operators(trace, by_shapes=True).set_index("shapes")
    assert table["calls"].to_dict() == {"2×3": 2, "20×3, 3": 1, "": 1}
    assert table.loc["20×3, 3", "self_cpu_ms"] == pytest.approx(0.03)
    assert len(operators(trace)) == 1


def test_annotations_are_listed_on_request_and_take_their_time_from_operators(span, trace_of):
    trace = trace_of(
        [
            span("cpu_op", "outer", 0, 100),
            span("user_annotation", "mine", 10, 50),
            span("cpu_op", "inner", 20, 30),
        ]
    )
    assert operators(trace).set_index("name").loc["outer", "self_cpu_ms"] == pytest.approx(0.05)
    table = operators(trace, annotations=True).set_index("name")["self_cpu_ms"]
    assert table.to_dict() == pytest.approx({"outer": 0.05, "mine": 0.02, "inner": 0.03})


def test_kernels_say_units_occupancy_and_blocks_where_recorded(span, trace_of):
    half = {"est. achieved occupancy %": 50, "blocks per SM": 2.0}
    trace = trace_of(
        [
            span("kernel", "sm80_xmma_gemm_f16f16", 0, 30, **half),
            span("kernel", "sm80_xmma_gemm_f16f16", 50, 10, **{"est. achieved occupancy %": 10}),
            span("kernel", "volta_sgemm", 100, 10),
        ]
    )
    table = kernels(trace).set_index("name")
    tensor = table.loc["sm80_xmma_gemm_f16f16"]
    assert (tensor["family"], tensor["tensor_cores"]) == ("matmul", "yes")
    assert tensor["occupancy_pct"] == pytest.approx(40)
    assert tensor["blocks_per_sm"] == pytest.approx(2)
    assert table.loc["volta_sgemm", "tensor_cores"] == "no"
    assert np.isnan(table.loc["volta_sgemm", "occupancy_pct"])


def test_copies_are_summed_by_kind_with_their_bandwidth(span, trace_of):
    up = "Memcpy HtoD (Pinned -> Device)"
    trace = trace_of(
        [
            span("gpu_memcpy", up, 0, 100, bytes=1_000_000),
            span("gpu_memcpy", up, 200, 100, bytes=3_000_000),
            span("gpu_memset", "Memset (Device)", 400, 10),
        ]
    )
    table = copies(trace).set_index("kind")
    assert table.loc[up, ["calls", "gb_s", "best_gb_s"]].tolist() == pytest.approx([2, 20, 30])
    assert np.isnan(table.loc["Memset (Device)", "gb_s"])


def test_bubbles_come_longest_first_with_cause_step_and_next_operation(span, trace_of):
    trace = trace_of(
        [
            span("user_annotation", "ProfilerStep#4", 0, 500),
            span("user_annotation", "ProfilerStep#5", 500, 500),
            span("kernel", "a", 0, 300, correlation=1),
            span("cpu_op", "aten::item", 100, 205),
            span("cuda_runtime", "cudaStreamSynchronize", 101, 202, correlation=0),
            span("user_annotation", "enumerate(DataLoader)#x", 310, 380),
            span("cuda_runtime", "cudaLaunchKernel", 695, 3, correlation=2),
            span("kernel", "b", 700, 100, correlation=2),
            span("kernel", "c", 805, 195, correlation=3),
        ]
    )
    table = bubbles(trace)
    assert table["length_us"].tolist() == [400]
    line = table.iloc[0]
    assert (line["cause"], line["step"], line["next"], line["drained"]) == (
        "input-wait",
        4,
        "b",
        True,
    )
    assert line["cause_pct"] == pytest.approx(95)
    assert line["window_pct"] == pytest.approx(40)
