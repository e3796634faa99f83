"""Kernels and operators that changed."""

from __future__ import annotations

import pandas as pd
import pytest

from core.compare.work import changed_work, device_work, host_work
from core.traces import diagnose


def _frame(**rows: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"name": k, "kind": "kernel", "ms": ms, "calls": n, "mib": 0.0}
            for k, (ms, n) in rows.items()
        ]
    )


def test_each_change_has_its_word() -> None:
    a = _frame(old=(1, 2), same=(1, 2), more=(1, 2), fewer=(2, 4), slow=(1, 2), fast=(2, 2))
    b = _frame(new=(1, 2), same=(1, 2), more=(2, 4), fewer=(1, 2), slow=(2, 2), fast=(1, 2))
    table = changed_work(a, b, 10.0).set_index("name")
    assert table["change"].to_dict() == {
        "old": "vanished",
        "new": "appeared",
        "more": "more calls",
        "fewer": "fewer calls",
        "slow": "slower",
        "fast": "faster",
    }
    assert table["difference_ms"].to_dict()["old"] == -1


def test_a_change_below_a_thousandth_of_the_step_is_left_out() -> None:
    assert changed_work(_frame(k=(1.0, 2)), _frame(k=(1.009, 2)), 10.0).empty
    assert len(changed_work(_frame(k=(1.0, 2)), _frame(k=(1.011, 2)), 10.0)) == 1


def test_times_and_calls_are_a_step(simulated) -> None:
    trace = simulated(kernels=50, kernel_us=100.0, steps=5, batch_mib=16.0)
    work = device_work(trace, diagnose(trace))
    kernels = work["kind"] == "kernel"
    assert work.loc[kernels, "calls"].to_numpy().sum() == pytest.approx(50, rel=0.05)
    assert work.loc[kernels, "ms"].to_numpy().sum() == pytest.approx(5.0, rel=0.05)
    assert work.loc[work["kind"] == "copy", "mib"].to_numpy().sum() == pytest.approx(16, rel=0.01)
    assert host_work(trace, diagnose(trace))["calls"].to_numpy().sum() > 50
