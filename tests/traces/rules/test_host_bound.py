"""L1, F1, F2, O1, G1, Q1 and H1, A1, C1: a host that holds its device up, firing and not."""

from __future__ import annotations

import pytest


def launching(line, *, kernel, gap, queued=0, host="aten::mul"):
    """Each step alternates kernels with gaps in which the host works towards the next launch;
    ``queued`` more kernels of the same length follow each one without a gap."""
    line.steps(3)
    for t in range(0, 3000, 1000):
        at = t + 5.0
        while at + gap + (queued + 1) * kernel < t + 995:
            line.host(host, at, gap - 1, kind="cpu_op" if host[:4] == "aten" else "python_function")
            for index in range(queued + 1):
                line.work("k", at + gap - 2, at + gap + index * kernel, kernel)
            at += gap + (queued + 1) * kernel
    return line.found()


def test_tiny_kernels_wait_for_their_launch(line):
    found = launching(line, kernel=5, gap=10)
    assert "many small kernels" in found["L1"].title
    assert "reduce-overhead" in found["L1"].fix.snippet
    assert "F1" not in found


def test_an_empty_queue_is_said_of_large_kernels(line):
    assert "its queue is empty" in launching(line, kernel=60, gap=30)["L1"].title


def test_large_kernels_from_a_filled_queue_wait_for_operators(line):
    found = launching(line, kernel=40, gap=80, queued=3)
    assert "F1" in found
    assert "L1" not in found


def test_a_host_that_keeps_ahead_is_not_blamed(line):
    assert not {"L1", "F1", "F2"} & set(launching(line, kernel=100, gap=9))


def test_python_between_launches_is_python(line):
    found = launching(line, kernel=60, gap=30, host="train.py(3): metrics")
    assert found["F2"].where.endswith("train.py(3): metrics")
    assert "upper bound" in found["F2"].evidence[1]


def test_a_trace_without_host_activity_says_what_to_record(line):
    for index in range(20):
        line.events.append(line.span("kernel", "gemm", index * 100, 80))
    assert "ProfilerActivity.CPU" in line.found()["F2"].evidence[1]


@pytest.mark.parametrize(("busy", "fires"), [(600, True), (400, False)])
def test_operators_that_fill_a_step_without_a_device_are_named(line, busy, fires):
    line.steps(3)
    for t in range(0, 3000, 1000):
        line.host("aten::conv2d", t + 5, busy)
    found = line.found()
    assert ("O1" in found) == fires
    assert not fires or "aten::conv2d" in found["O1"].where


@pytest.mark.parametrize(("busy", "fires"), [(90, True), (120, False)])
def test_low_use_for_many_small_reasons_is_told(line, busy, fires):
    """No cause reaches its threshold: gaps of the device itself, loader, operators, Python."""
    line.steps(3)
    for t in range(0, 3000, 1000):
        for index in range(5):
            at = t + index * 200
            line.work("k", at + 2, at + 3, 5)
            line.work("k", at + 3, at + 200 - busy - 1, busy)
            line.work("k", at + 3, at + 199, 0.5)
    found = line.found()
    assert ("G1" in found) == fires


def starting(line, *, calls=("cudaMalloc",), early=True, length=900):
    line.steps(2, 2000)
    for number, t in enumerate((0, 2000)):
        if early == (number == 0):
            for index, name in enumerate(calls):
                line.host(name, t + 5 + index * length, length - 5, kind="cuda_runtime")
        line.work("gemm", t + 1850, t + 1860, 130)
        line.work("gemm", t + 1855, t + 1995, 4)
    return line.found()


def test_first_allocations_and_loading_code_are_start_up(line):
    found = starting(line, calls=("cudaMalloc", "cuModuleLoadData"))["Q1"]
    assert "warmup=2" in found.fix.snippet


def test_the_same_calls_in_a_later_step_are_not(line):
    assert "Q1" not in starting(line, calls=("cudaMalloc", "cudaMalloc"), early=False)


def test_little_start_up_does_not_count(line):
    assert "Q1" not in starting(line, length=300)


@pytest.mark.parametrize(("late", "fires"), [(True, True), (False, False)])
def test_one_allocation_a_step_after_the_first_is_churn(line, late, fires):
    line.steps(3)
    for t in range(0, 3000, 1000):
        if late or t == 0:
            line.host("cudaMalloc", t + 5, 30, kind="cuda_runtime")
        line.work("gemm", t + 40, t + 45, 900)
    assert ("A1" in line.found()) == fires


@pytest.mark.parametrize(
    ("count", "length", "memory", "fires"),
    [
        (1, 80, "Pageable", True),
        (4, 5, "Pageable", True),
        (1, 40, "Pageable", False),
        (4, 5, "Pinned", False),
    ],
    ids=["long", "many", "few and short", "pinned"],
)
def test_pageable_copies_count_by_time_or_number(line, count, length, memory, fires):
    line.steps(3)
    for t in range(0, 3000, 1000):
        for index in range(count):
            at = t + 10 + index * length
            name = f"Memcpy HtoD ({memory} -> Device)"
            line.work(name, t + 5, at, length, kind="gpu_memcpy", bytes=length * 8000)
        line.work("gemm", t + 6, t + 10 + count * length, 800)
    found = line.found()
    assert ("H1" in found) == fires
    if fires:
        assert "8.0 GB/s" in found["H1"].evidence[0]


@pytest.mark.parametrize(("exposed", "fires"), [(60, True), (40, False)])
def test_communication_counts_where_nothing_hides_it(line, exposed, fires):
    line.steps(3)
    for t in range(0, 3000, 1000):
        line.work("gemm", t + 5, t + 10, 900)
        line.work("ncclDevKernel_AllReduce", t + 6, t + 510, 400 + exposed, stream=9)
    assert ("C1" in line.found()) == fires
