"""P1, Q1 to Q5: what is odd about the profile; A2 and C3: about the job's set-up."""

from __future__ import annotations

import pytest


def jumping(line, lengths):
    at = 0
    for number, length in enumerate(lengths):
        line.host(f"ProfilerStep#{number}", at, length, kind="user_annotation")
        line.host("train.py(5): log", at, max(length - 1000, 1), kind="python_function")
        start = at + max(length - 1000, 1)
        line.work("gemm", start, start + 5, 900)
        at += length
    return line.found()


def test_a_step_that_stands_out_is_named_with_what_grew(line):
    found = jumping(line, [1000, 1010, 2500, 990, 1000])["P1"]
    assert found.where == "step 2"
    assert found.cost_ms * 5 == pytest.approx(1.5)
    assert "Python" in found.evidence[1]


@pytest.mark.parametrize(
    "lengths",
    [[1000, 2500, 1000], [1000, 1500, 2000, 2500, 3000], [1000, 1010, 1100, 1000, 990]],
    ids=["too few steps", "all differ", "within a fifth"],
)
def test_ordinary_steps_do_not(line, lengths):
    assert "P1" not in jumping(line, lengths)


def flushing(line, length):
    line.steps(2)
    for t in (0, 1000):
        line.work("gemm", t + 5, t + 10, 400)
        line.host("Buffer Flush", t + 500, length, kind="overhead")
    return line.found()


def test_the_profilers_own_work_is_told(line):
    assert flushing(line, 80)["Q3"].where == "Buffer Flush"


def test_a_short_flush_is_not(line):
    assert "Q3" not in flushing(line, 40)


@pytest.mark.parametrize(("frames", "fires"), [(30, True), (15, False)])
def test_many_frames_for_few_operators_are_told(line, frames, fires):
    line.steps(2)
    for t in (0, 1000):
        for index in range(2):
            line.host("aten::mm", t + 890 + index, 1)
        for index in range(frames):
            line.host(f"m.py({index}): f", t + index, 800 - 2 * index, kind="python_function")
        line.work("gemm", t + 895, t + 900, 90)
    assert ("Q3" in line.found()) == fires


def replaying(line, gap):
    """A graph of ten kernels with gaps between them, launched once a step."""
    line.steps(3)
    for t in range(0, 3000, 1000):
        line.correlation += 1
        line.host("cudaGraphLaunch", t + 1, 20, kind="cuda_runtime", correlation=line.correlation)
        for index in range(10):
            line.events.append(
                line.span(
                    "kernel", "node", t + 30 + index * 95, 95 - gap, correlation=line.correlation
                )
            )
    return line.diagnose()


def test_gaps_inside_a_graph_are_no_hole_of_the_device(line):
    result = replaying(line, 20)
    assert result.idle_by_cause["device-queue"] > 15
    assert "Q2" not in {f.rule for f in result.findings}
    assert any("inside CUDA graphs" in note for note in result.notes)


def test_a_graph_without_gaps_says_nothing(line):
    assert not any("CUDA graphs" in note for note in replaying(line, 0).notes)


def test_the_same_gaps_between_ordinary_kernels_are(line):
    line.steps(3)
    for t in range(0, 3000, 1000):
        for index in range(10):
            line.work("k", t + index, t + 30 + index * 95, 75)
    found = line.found()
    assert "Q2" in found


def test_launches_without_a_kernel_are_a_warning_about_the_trace(line):
    line.steps(2)
    for t in (0, 1000):
        line.work("gemm", t + 5, t + 10, 400)
        line.host("cudaLaunchKernel", t + 450, 5, kind="cuda_runtime", correlation=900 + t)
    assert any("50 % of the launches have no kernel" in note for note in line.diagnose().notes)


def test_complete_launches_are_not_warned_of(line):
    line.steps(2)
    line.work("gemm", 5, 10, 400)
    assert not any("have no kernel" in note for note in line.diagnose().notes)


@pytest.mark.parametrize(
    ("share", "level"), [(0.89, None), (0.91, "note"), (0.94, "warning"), (0.98, "critical")]
)
def test_memory_near_its_limit_is_told(line, share, level):
    line.steps(2)
    line.work("gemm", 5, 10, 900)
    line.top["deviceProperties"] = [{"id": 0, "name": "x", "totalGlobalMem": 1000}]
    for reserved, device in ((1000, -1), (round(share * 1000), 0), (10, 0)):
        args = {"Total Reserved": reserved, "Device Id": device, "Device Type": int(device >= 0)}
        line.events.append({"ph": "i", "name": "[memory]", "ts": 5, "pid": 1, "args": args})
    finding = line.found().get("A2")
    assert (finding and finding.severity) == level


@pytest.mark.parametrize(("devices", "fires"), [(2, True), (1, False)])
def test_dataparallel_on_several_devices_is_told(line, devices, fires):
    line.steps(2)
    for t in (0, 1000):
        line.host("DataParallel.forward", t + 5, 500)
        for device in range(devices):
            line.work("gemm", t + 10, t + 20, 400 + device, device=device)
    assert ("C3" in line.found()) == fires


@pytest.mark.parametrize(("nccl", "fires"), [(False, True), (True, False)])
def test_distributed_training_on_gpus_wants_nccl(line, nccl, fires):
    line.steps(2)
    for t in (0, 1000):
        line.host("DistributedDataParallel.forward", t + 5, 500)
        line.host("gloo:all_reduce", t + 600, 100, kind="user_annotation")
        line.work("gemm", t + 10, t + 20, 400)
        if nccl:
            line.work("ncclDevKernel_AllReduce", t + 430, t + 440, 10)
    assert ("C3" in line.found()) == fires
