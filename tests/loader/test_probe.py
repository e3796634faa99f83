"""The probe tells computing from waiting, on a machine that may be busy with something else."""

from __future__ import annotations

import time

import pytest

from core.loader.probe.clocks import Cost, Stopwatch, line
from core.loader.processes import run_probe


def spin(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_sleeping_is_waiting_and_spinning_is_computing():
    watch = Stopwatch()
    time.sleep(0.05)
    slept = watch.cost()
    watch = Stopwatch()
    spin(0.05)
    spun = watch.cost()
    assert slept.wait_s >= 0.045
    assert slept.cpu_s < 0.02
    assert spun.cpu_s >= 0.05
    # Time in the queue for a core, however long on a busy machine, is no waiting.
    assert spun.wait_s < 0.02


def test_without_the_kernels_figures_context_switches_tell_waiting():
    assert Cost(0.01, 0.05, switches=1.0).wait_s == pytest.approx(0.04)
    assert Cost(0.01, 0.05, switches=0.0).wait_s == 0.0
    assert Cost(0.01, 0.05).wait_s == pytest.approx(0.04)


def test_a_line_through_costs_has_no_negative_part():
    found = line([10, 40], [0.012, 0.042])
    assert (found.fixed, found.each) == pytest.approx((0.002, 0.001))
    assert line([10, 40], [0.009, 0.042]).fixed == 0.0
    assert line([10, 40], [0.02, 0.01]).each == 0.0
    assert line([8], [0.016]).each == pytest.approx(0.002)


@pytest.mark.slow
def test_every_part_of_a_pipeline_is_timed(tmp_path, user_workload):
    name = user_workload("end = time.thread_time() + 0.002\n        "
                         "while time.thread_time() < end: pass")  # fmt: skip
    question = {"workload": name, "device": "cpu", "seed": 0, "batch_sizes": [4, 8],
                "threads": [1, 2]}  # fmt: skip
    costs = run_probe(tmp_path, question, 90.0)
    assert 0.002 <= costs.get_cpu_s < 0.004
    assert costs.get_wait_s < 0.001
    assert len(costs.get_s) >= 16
    assert {(s.batch_size, s.threads) for s in costs.steps} == {(4, 1), (4, 2), (8, 1), (8, 2)}
    assert all(s.cpu_s > 0 and s.parallel >= 1 for s in costs.steps)
    assert costs.deliver_s.at(8) > 0
    assert costs.receive_s.at(8) > 0
    assert costs.start_s.at(2) > 0
    assert 1.0 <= costs.contention <= 2.0
    assert costs.tensors == 2
    assert costs.copy is None
