"""Loss curves with known truth, drawn from formulas with seeded noise."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from core.dynamics import PHASES, Curve, LossPair, Verdict

Values = NDArray[np.float64]


def make_pair(
    val: Values | None, train: Values | None = None, every: int = 1, first: int = 0, **more
) -> LossPair:
    """A pair whose points lie ``every`` steps apart."""

    def curve(values: Values | None) -> Curve | None:
        if values is None:
            return None
        steps = first + every * np.arange(len(values), dtype=np.int64)
        return Curve(steps, np.asarray(values, np.float64))

    return LossPair("run", "Loss/train", "Loss/val", curve(train), curve(val), **more)


@pytest.fixture(scope="session")
def pair() -> Callable[..., LossPair]:
    return make_pair


def falling(count: int, floor: float = 0.3, rate: float = 0.1) -> Values:
    """Exponential fall from 2 towards ``floor``."""
    return floor + (2 - floor) * np.exp(-rate * np.arange(count))


@pytest.fixture(scope="session")
def fall() -> Callable[..., Values]:
    return falling


@pytest.fixture(scope="session")
def overfit() -> Callable[..., tuple[Values, Values]]:
    """(train, val): val has its minimum near epoch ``count / 3`` and climbs afterwards."""

    def build(count: int = 45, noise: float = 0.0, seed: int = 0) -> tuple[Values, Values]:
        rng = np.random.default_rng(seed)
        epoch = np.arange(count)
        train = falling(count, 0.01, 6 / count)
        val = 0.5 + 1.5 * np.exp(-12 * epoch / count) + 0.5 * np.maximum(epoch / count - 1 / 3, 0)
        return train + noise * rng.standard_normal(count) * 0.2, val + noise * rng.standard_normal(
            count
        )

    return build


@pytest.fixture(scope="session")
def curve() -> Callable[..., Curve]:
    def make(values, first: int = 0) -> Curve:
        values = np.atleast_1d(np.asarray(values, float))
        return Curve(first + np.arange(len(values)), values)

    return make


def assert_tiled(verdict: Verdict, first: int, last: int) -> None:
    """Zones cover every step from first to last exactly once."""
    zones = verdict.zones
    assert zones[0].start_step == first
    assert zones[-1].end_step == last
    assert all(zone.phase in PHASES and zone.start_step <= zone.end_step for zone in zones)
    pairs = itertools.pairwise(zones)
    assert all(after.start_step == zone.end_step + 1 for zone, after in pairs)


@pytest.fixture(scope="session")
def tiled() -> Callable[[Verdict, int, int], None]:
    return assert_tiled
