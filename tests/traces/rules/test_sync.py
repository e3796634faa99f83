"""S1 and S2: who makes the host wait, and what that costs."""

from __future__ import annotations

import pytest

WAIT = "cudaStreamSynchronize"


def waiting(line, operators=(), *, wait=200, gap=100, stack=None):
    """In each step the device works until 600, the host waits for that, then starts late."""
    line.steps(4)
    for number in range(4):
        t = number * 1000
        line.work("gemm", t + 10, t + 20, 580)
        for name, start, length in operators:
            line.host(name, t + start, length)
        line.host(WAIT, t + 605 - wait, wait, kind="cuda_runtime", correlation=0)
        line.host("aten::mul", t + 606, gap - 6)
        line.work("gemm", t + 596 + gap, t + 600 + gap, 400 - gap)
        if stack:
            line.host(stack, t, 1000, kind="python_function")
    return line.found()


READ = [("aten::item", 395, 215), ("aten::_local_scalar_dense", 396, 213)]


def test_the_operator_its_line_its_count_and_its_cost_are_named(line):
    found = waiting(line, READ, stack="train.py(7): log")["S1"]
    assert "aten::item" in found.where
    assert "train.py(7): log" in found.where
    assert found.evidence[0].startswith("aten::item, at train.py(7): log: 1.0 waits a step")
    assert found.cost_ms == pytest.approx(0.1, abs=0.01)
    assert found.ranges_us


def test_the_cost_is_bounded_by_the_length_of_the_wait(line):
    assert waiting(line, READ, wait=60, gap=300)["S1"].cost_ms == pytest.approx(0.06, abs=0.01)


def test_a_long_wait_with_a_short_gap_after_it_costs_nothing(line):
    assert not {"S1", "S2"} & set(waiting(line, READ, wait=550, gap=20))


def test_a_call_outside_all_operators_is_explicit(line):
    found = waiting(line)
    assert "S1" not in found
    assert "synchronise" in found["S2"].title
    assert "torch.cuda.synchronize" in found["S2"].fix.snippet


@pytest.mark.parametrize(
    ("outer", "word"),
    [("aten::nonzero", "torch.where"), ("aten::is_nonzero", "loss.detach")],
)
def test_the_fix_is_that_of_the_operator(line, outer, word):
    found = waiting(line, [(outer, 395, 215), ("aten::copy_", 396, 213)])["S1"]
    assert outer in found.title
    assert word in found.fix.snippet


def test_a_blocking_upload_is_told_apart_from_reading_back(line):
    line.steps(4)
    for t in range(0, 4000, 1000):
        line.work("gemm", t + 10, t + 20, 580)
        line.host("aten::to", t + 300, 320)
        line.host("aten::copy_", t + 301, 318)
        name = "Memcpy HtoD (Pageable -> Device)"
        line.work(name, t + 302, t + 600, 10, kind="gpu_memcpy", by="cudaMemcpyAsync", bytes=4096)
        line.host(WAIT, t + 310, 305, kind="cuda_runtime", correlation=0)
        line.work("gemm", t + 790, t + 800, 180)
    found = line.found()["S1"]
    assert "aten::to (copy to the device)" in found.title
    assert "pin_memory" in found.fix.snippet


def test_time_in_the_dataloader_after_a_wait_is_not_charged_to_it(line):
    # Steps of 100 ms: to fetch a batch from a worker takes a millisecond too.
    line.steps(4, 100_000)
    for t in range(0, 400_000, 100_000):
        line.work("gemm", t + 1_000, t + 2_000, 38_000)
        line.host("aten::item", t + 10_000, 30_500)
        line.host(WAIT, t + 10_200, 30_100, kind="cuda_runtime", correlation=0)
        name = "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"
        line.host(name, t + 40_600, 38_400, kind="user_annotation")
        line.work("gemm", t + 79_200, t + 80_000, 20_000)
    found = line.found()
    assert next(iter(found)) == "D1"
    # What the wait costs once batches come from workers: the launch that follows it.
    assert "S1" not in found or found["S1"].share < 0.1


def test_old_profilers_write_the_stack_into_the_operator(line):
    line.steps(4)
    for t in range(0, 4000, 1000):
        line.work("gemm", t + 10, t + 20, 580)
        stack = "/usr/lib/python3.7/site-packages/torch/tensor.py(9): item;loop.py(3): main"
        line.host("aten::item", t + 395, 215, **{"Call stack": stack})
        line.host(WAIT, t + 405, 200, kind="cuda_runtime", correlation=0)
        line.work("gemm", t + 690, t + 700, 250)
    assert line.found()["S1"].where.endswith("at loop.py(3): main")


def test_the_profilers_own_synchronise_at_the_end_is_not_the_runs(line):
    line.steps(1)
    line.work("gemm", 5, 10, 800)
    line.host("cudaDeviceSynchronize", 20, 795, kind="cuda_runtime", correlation=0)
    assert "S2" not in line.found()
