from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core import health, traces
from core.dynamics import diagnose, pair_losses


def _frame(**tags: list[float]) -> pd.DataFrame:
    rows = [
        {"run": ".", "tag": tag.replace("__", "/"), "step": step, "wall_time": 1e9, "value": value}
        for tag, values in tags.items()
        for step, value in enumerate(values, 1)
    ]
    frame = pd.DataFrame(rows, columns=["run", "tag", "step", "wall_time", "value"])
    return frame.astype({"run": "category", "tag": "category"})


def test_nothing_logged_means_nothing_known() -> None:
    assert health.vital_signs(_frame()) == health.Health()


def test_the_gap_is_validation_minus_train_at_the_last_epoch() -> None:
    frame = _frame(Loss__train=[1.0, 0.5, 0.25], Loss__val=[1.0, 0.7, 0.9])
    (pair,) = pair_losses(frame)
    signs = health.vital_signs(frame, pair, diagnose(pair))
    assert signs.gap == pytest.approx(0.65)
    assert (signs.best_step, signs.best_value) == (2, 0.7)
    assert signs.gap_at_best == pytest.approx(0.2)


def test_utilisation_is_the_mean_of_the_samples_that_are_numbers() -> None:
    frame = _frame(hardware__gpu_utilisation_percent=[50.0, np.nan, 100.0])
    assert health.vital_signs(frame).gpu_pct == 75.0


def test_the_wait_is_a_share_of_the_step() -> None:
    signs = health.vital_signs(_frame(Speed__step_ms=[9.0, 40.0], Speed__data_wait_ms=[9.0, 10.0]))
    assert (signs.step_ms, signs.wait_pct) == (40.0, 25.0)


def test_a_profile_fills_in_what_was_not_logged() -> None:
    found = traces.diagnose(traces.simulate_trace(traces.SimulatorSettings(data_ms=50.0)))
    signs = health.from_profile(health.Health(), found)
    assert signs.gpu_pct == found.device_busy_pct
    assert signs.profiled
    assert signs.wait_pct is not None
    assert signs.wait_pct > 30
