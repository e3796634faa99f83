"""What a trial drops, how it cuts its steps into blocks, what it sees of the machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.loader import Setting, surroundings
from core.loader.trial import MAX_BLOCKS, blocks, time_steps, warmup_steps


def test_all_that_was_fetched_ahead_is_warm_up():
    assert warmup_steps(Setting.of(0, 8)) == 2
    assert warmup_steps(Setting.of(4, 8, 8)) == 36


@given(st.lists(st.floats(1e-4, 1.0), min_size=8, max_size=3_000), st.integers(0, 9))
def test_blocks_are_whole_multiples_of_the_workers_and_few(times, workers):
    length, sums = blocks(times, workers)
    assert length % max(1, workers) == 0
    assert len(sums) <= MAX_BLOCKS
    assert sum(sums) == pytest.approx(sum(times[: length * len(sums)]))
    assert len(times) - length * len(sums) < length


def test_only_steps_after_the_warm_up_are_timed_and_there_are_enough():
    seen: list[int] = []
    timing = time_steps(iter(range(10**6)), seen.append, lambda: None, Setting.of(4, 8), 0.0, 0.0)
    assert len(timing.step_s) == len(timing.wait_s) == 12
    assert len(seen) == 12 + warmup_steps(Setting.of(4, 8))
    assert 0 <= timing.foreign_cpu <= 1


def test_a_page_cache_that_may_not_be_emptied_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(surroundings, "DROP", tmp_path / "absent" / "drop_caches")
    assert not surroundings.drop_page_cache()
    monkeypatch.setattr(surroundings, "DROP", tmp_path / "drop_caches")
    assert surroundings.drop_page_cache()
    assert (tmp_path / "drop_caches").read_text() == "3\n"


def test_the_machine_is_named_with_its_cores():
    assert surroundings.machine_name(1).endswith(", 1 core")
    assert surroundings.machine_name(8).endswith(", 8 cores")
