"""Clocks and counterparts: found again after random drops and shifts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.traces.ranks.matching import Ends, align, in_order, pair_up

TIME = np.cumsum(np.random.default_rng(5).uniform(200, 3000, 120))
"""When 120 collectives end, µs."""


def rank(
    kept: np.ndarray, shift: float, noise: float, seed: int, kinds: int = 2
) -> tuple[Ends, np.ndarray]:
    """What a rank saw of them on its clock, and which collective each of its rows is."""
    which = np.flatnonzero(kept)
    jitter = np.random.default_rng(seed).uniform(0, noise, which.size)
    ends = Ends.of(which % kinds, TIME[which] + shift + jitter)
    return ends, which[ends.row]


@st.composite
def kept(draw):
    """Which collectives a rank recorded: some missing at the ends and some in between."""
    first, last = draw(st.integers(0, 30)), draw(st.integers(90, 120))
    mask = np.zeros(TIME.size, bool)
    mask[first:last] = True
    mask[draw(st.lists(st.integers(0, 119), max_size=25))] = False
    return mask


SHIFTS = st.one_of(st.just(0.0), st.floats(-5e9, 5e9), st.floats(-300, 300))


@given(kept(), kept(), SHIFTS, st.integers(0, 99))
def test_the_shift_of_a_clock_is_found_within_the_noise_of_the_ends(one, other, shift, seed):
    here, _ = rank(one, 0.0, 7.0, seed)
    there, _ = rank(other, shift, 7.0, seed + 1)
    match = align(here, there)
    assert match is not None
    assert abs(match.shift_us - shift) <= 30.0
    assert match.spread_us < 10.0


@given(kept(), kept(), SHIFTS, st.integers(0, 99))
def test_every_common_collective_is_found_and_no_other(one, other, shift, seed):
    here, mine = rank(one, 0.0, 7.0, seed)
    there, theirs = rank(other, shift, 7.0, seed + 1)
    match = align(here, there)
    assert match is not None
    left, right = pair_up(here, there, match.shift_us, 100.0)
    assert (mine[left] == theirs[right]).all()
    assert left.size == np.count_nonzero(one & other)


def test_equal_clocks_are_left_alone_where_ends_are_noisy():
    here, _ = rank(np.ones(120, bool), 0.0, 7.0, 1)
    there, _ = rank(np.ones(120, bool), 3.0, 7.0, 2)
    match = align(here, there)
    assert match is not None
    assert match.shift_us == 0.0


def test_ranks_without_a_common_kind_are_not_aligned():
    here, there = Ends.of(np.zeros(3, int), TIME[:3]), Ends.of(np.ones(3, int), TIME[:3])
    assert align(here, there) is None
    empty = Ends.of(np.empty(0, int), np.empty(0))
    assert align(here, empty) is None
    assert align(empty, here) is None
    assert pair_up(here, empty, 0.0, 10.0)[0].size == 0


@given(st.integers(0, 999))
def test_noisy_ends_are_matched_by_their_order(seed):
    random = np.random.default_rng(seed)
    issued = np.cumsum(random.uniform(300, 900, 60))
    here, there = (
        Ends.of(np.zeros(60, int), issued + random.exponential(1500, 60)) for _ in range(2)
    )
    left, right = in_order(here, there, pair_up(here, there, 0.0, 500.0))
    assert left.size >= 59  # all but one that came over 20 ms late
    assert (here.row[left] == there.row[right]).all()


def test_a_series_that_fits_better_moved_or_is_shorter_keeps_its_pairs():
    here = Ends.of(np.zeros(100, int), TIME[:100])
    for there in (
        Ends.of(np.zeros(100, int), TIME[1:101] + 5),
        Ends.of(np.zeros(99, int), TIME[1:100]),
    ):
        pairs = pair_up(here, there, 0.0, 100.0)
        left, right = in_order(here, there, pairs)
        assert left.size == 99
        assert (left == right + 1).all()


def test_a_few_collectives_with_noisy_ends_are_all_matched():
    issued = np.array([160e3, 325e3, 490e3, 653e3, 820e3])
    here = Ends.of(np.zeros(5, int), issued)
    there = Ends.of(np.zeros(5, int), issued + np.array([337, 37, -334, 285, 779]))
    match = align(here, there)
    assert match is not None
    assert (match.one.size, match.shift_us) == (5, 0.0)


@pytest.mark.parametrize("count", [1, 2])
def test_a_single_common_collective_sets_a_clock(count):
    here = Ends.of(np.zeros(count, int), TIME[:count])
    there = Ends.of(np.zeros(count, int), TIME[:count] + 1e6)
    match = align(here, there)
    assert match is not None
    assert match.shift_us == pytest.approx(1e6)
