"""The simulated DataLoader: what must hold for any costs, and cases with a known answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.loader.queueing import Load, simulate

SECONDS = st.floats(1e-5, 0.05)


def load(worker_cpu=0.01, worker_wait=0.0, step=0.001, wait=0.0, **more) -> Load:
    return Load(worker_cpu, worker_wait, 1e-5, step, more.pop("parallel", 1.0), wait, **more)


def test_one_worker_on_a_core_of_its_own_is_the_limit():
    assert simulate(load(), 1, 2, 2).step_s == pytest.approx(0.01, rel=0.02)


def test_workers_that_wait_multiply_without_using_cores():
    one, eight = (simulate(load(1e-4, 0.05), w, 2, 2).step_s for w in (1, 8))
    assert one / eight == pytest.approx(8, rel=0.05)


def test_a_slow_step_hides_the_workers_and_the_loop_does_not_wait():
    steady = simulate(load(worker_cpu=0.001, wait=0.05), 2, 2, 2)
    assert steady.step_s == pytest.approx(0.051, rel=0.01)
    assert steady.wait_s < 0.001


def test_cores_are_shared_with_the_training_step():
    # 10 ms of a worker and 10 ms of the step on one core: 20 ms, however many workers.
    assert simulate(load(step=0.01), 4, 2, 1).step_s == pytest.approx(0.02, rel=0.02)


def test_a_step_of_several_threads_takes_several_cores():
    one, two = (simulate(load(1e-4, step=0.02, parallel=p), 1, 2, 2).step_s for p in (1.0, 2.0))
    assert one / two == pytest.approx(2, rel=0.05)


def test_stragglers_hurt_less_when_any_order_is_taken_or_more_is_prefetched():
    factors = (1.0,) * 19 + (30.0,)
    slow = load(worker_cpu=0.001, worker_wait=0.01, step=0.003, factors=factors)
    shallow, deep = (simulate(slow, 4, prefetch, 8).step_s for prefetch in (1, 4))
    free = simulate(slow, 4, 1, 8, in_order=False).step_s
    assert deep < shallow
    assert free < shallow


def test_contention_slows_computing_when_all_cores_are_busy():
    alone, crowded = (simulate(load(contention=c), 2, 2, 2).step_s for c in (1.0, 1.5))
    assert 1.2 < crowded / alone <= 1.5


@settings(max_examples=60, deadline=None)
@given(SECONDS, SECONDS, SECONDS, SECONDS, st.integers(1, 6), st.integers(1, 4), st.integers(1, 4))
def test_no_bound_of_a_queueing_network_is_broken(cpu, wait, step, idle, workers, prefetch, cores):
    asked = load(cpu, wait, step, idle)
    steady = simulate(asked, workers, prefetch, cores)
    main = asked.receive_s + step + idle
    least = max(main, (cpu + wait) / workers, (cpu + step) / cores)
    most = main + cpu + wait + step * workers + cpu * workers
    assert least * 0.9 <= steady.step_s <= most * 1.1
    assert 0 <= steady.wait_s <= steady.step_s * 1.1
