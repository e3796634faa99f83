"""What a setting gives to DataLoader, and which settings are considered."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.loader import Setting
from core.loader.setting import Space, pin_choices, present, worker_counts


def test_without_workers_what_needs_them_is_left_out():
    setting = Setting.of(0, 32, 4, in_order=False, multiprocessing_context="spawn")
    assert setting.arguments == {"batch_size": 32, "num_workers": 0}
    assert setting == Setting.of(0, 32, 1)


def test_every_knob_reaches_dataloader():
    setting = Setting.of(
        2, 32, 4, pin_memory=True, in_order=False, multiprocessing_context="spawn", threads=3
    )
    assert setting.arguments == {
        "batch_size": 32, "num_workers": 2, "prefetch_factor": 4, "pin_memory": True,
        "persistent_workers": True, "multiprocessing_context": "spawn", "in_order": False,
    }  # fmt: skip
    assert setting.label == "2 workers, prefetch 4, pinned, spawn, any order, 3 threads"


def test_the_call_can_be_copied_and_run():
    call = Setting.of(2, 32).call.replace("dataset,", "")
    assert eval(call, {"DataLoader": dict}) == Setting.of(2, 32).arguments


def test_a_relaunch_takes_the_parameters_and_they_lead_back_to_the_setting():
    for setting in (Setting.of(0, 64), Setting.of(3, 32, 4, in_order=False, threads=2)):
        assert present(setting.params) == setting


def test_among_equals_fewer_workers_then_less_memory_come_first():
    few, shallow, deep = Setting.of(1, 32, 4), Setting.of(2, 32, 1), Setting.of(2, 32, 4)
    assert sorted([deep, shallow, few]) == [few, shallow, deep]


@given(st.integers(0, 300))
def test_worker_counts_rise_to_the_maximum_in_steps_of_half_a_doubling(most):
    counts = worker_counts(most)
    assert list(counts) == sorted(set(counts))
    assert (counts[0], counts[-1]) == (0, most)
    assert all(b <= 1.5 * a + 1 for a, b in pairwise(counts))


def test_the_space_holds_every_combination_once_and_one_without_workers():
    space = Space((0, 1, 2), (32, 64), (1, 2, 4))
    settings = space.settings()
    assert len(settings) == len(set(settings)) == 2 * (1 + 2 * 3)
    assert settings == sorted(settings)
    assert len(Space((0, 1), (32,), threads=(0, 1), in_orders=(True, False)).settings()) == 14


@pytest.mark.parametrize("wanted", ["auto", "on"])
def test_without_an_accelerator_pinning_is_left_out_and_said(wanted):
    assert pin_choices(wanted, False)[0] == (False,)
    assert "no effect without a CUDA device" in pin_choices(wanted, False)[1]
    assert pin_choices("off", False)[1] == ""
    assert pin_choices("auto", True) == ((False, True), "")
