"""What trials say about settings that were not measured. Torch-free.

The logarithm of measured over simulated throughput is taken for a Gaussian process: an error that
all settings share (the machine is slower than while probing), one that settings without or with
workers share (what sending costs), and one that only similar settings share. The kernel is fixed;
its sizes are near the likeliest for the errors on a measured grid
(``python -m tests.bench loader``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.loader.setting import Setting

SHARED_SD, KIND_SD, LOCAL_SD = 0.12, 0.16, 0.07
"""Standard deviations of the three errors, as natural logarithms (0.1: about 10 %)."""

REACH = np.array([0.8, 1.5, 2.0, 0.5, 1.0, 0.5])
"""How far an error of similar settings reaches: doublings of workers, batch size and prefetch
factor, then pinning, doublings of the thread count, order."""

NUGGET_SD = 0.01
"""Error of a setting alone, so that equal predictions are never taken for the same."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A trial: measured samples/s and the standard deviation of its logarithm.

    ``predicted`` is the simulation's samples/s; the predictor fills it in.
    """

    setting: Setting
    samples_per_s: float
    sd: float
    predicted: float = 0.0


def _features(settings: Sequence[Setting]) -> NDArray[np.float64]:
    rows = [
        (
            np.log2(max(1, s.num_workers)),
            np.log2(s.batch_size),
            np.log2(max(1, s.prefetch_factor)),
            float(s.pin_memory),
            np.log2(1 + s.threads),
            float(s.in_order),
        )
        for s in settings
    ]
    return np.array(rows, dtype=np.float64).reshape(len(settings), len(REACH)) / REACH


def kernel(a: Sequence[Setting], b: Sequence[Setting]) -> NDArray[np.float64]:
    """Prior covariance of the log errors, (len(a), len(b))."""
    apart = _features(a)[:, None, :] - _features(b)[None, :, :]
    serial_a = np.array([s.num_workers == 0 for s in a])
    serial_b = np.array([s.num_workers == 0 for s in b])
    same_kind = serial_a[:, None] == serial_b[None, :]
    local = LOCAL_SD**2 * np.exp(-0.5 * (apart**2).sum(axis=2))
    return SHARED_SD**2 + same_kind * (KIND_SD**2 + local)


def posterior(
    settings: Sequence[Setting], observed: Sequence[Observation]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (n,) and covariance (n, n) of log(true / simulated) given the observations."""
    prior = kernel(settings, settings) + NUGGET_SD**2 * np.eye(len(settings))
    if not observed:
        return np.zeros(len(settings)), prior
    seen = [o.setting for o in observed]
    noise = np.diag([o.sd**2 for o in observed])
    same = np.array([[a == b for b in seen] for a in seen])
    inner = kernel(seen, seen) + NUGGET_SD**2 * same + noise
    itself = np.array([[a == b for b in seen] for a in settings])
    cross = kernel(settings, seen) + NUGGET_SD**2 * itself
    errors = np.array([np.log(o.samples_per_s / o.predicted) for o in observed])
    weights = np.linalg.solve(inner, cross.T).T
    mean = np.asarray(weights @ errors, np.float64)
    return mean, np.asarray(prior - weights @ cross.T, np.float64)
