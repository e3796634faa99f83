"""Operators, kernels and steps as tables."""

from __future__ import annotations

import pytest

from core.traces import kernels, operators, steps


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
