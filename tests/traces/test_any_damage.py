"""Whatever happened to a trace: an answer that adds up, or one clear line.

``GPULSE_FUZZ_EXAMPLES=10000`` for a long run (about 5 minutes); a seed that fails is named.
"""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from core.errors import GpulseError
from core.traces import (
    Trace,
    bubbles,
    build_lanes,
    copies,
    diagnose,
    kernels,
    load_trace,
    open_diagnosis,
    operators,
    reading,
    steps,
    view,
)
from tests.traces.damage import bases, damaged

EXAMPLES = int(os.environ.get("GPULSE_FUZZ_EXAMPLES", "200"))
BASES = bases()
MAY_BE_UNKNOWN = ["occupancy_pct", "blocks_per_sm"]


def _tables(trace: Trace) -> None:
    for table in (operators(trace, by_shapes=True), operators(trace), kernels(trace)):
        numbers = table.select_dtypes("number").drop(columns=MAY_BE_UNKNOWN, errors="ignore")
        assert np.isfinite(numbers.to_numpy(float)).all()
        assert (numbers.to_numpy(float) >= 0).all()
    copies(trace)


def _timeline(trace: Trace) -> None:
    lanes = build_lanes(trace)
    for share in (1.0, 0.01):
        shown = view(lanes, lanes.low, lanes.low + share * (lanes.high - lanes.low), 300)
        assert np.isfinite(shown.start).all()
        assert (shown.end >= shown.start).all()
        shown.pack()


def _everything(path) -> None:
    """Load, judge, tabulate and draw.

    Raises:
        GpulseError: the trace cannot be used, with one line that says why.
    """
    trace = load_trace(path)
    assert np.isfinite(trace.start).all()
    assert (trace.duration >= 0).all()
    assert (np.diff(trace.start) >= 0).all()
    _tables(trace)
    found = diagnose(trace)
    assert sum(found.step_breakdown.values()) == pytest.approx(100)
    if found.idle_pct is not None:
        assert sum(found.idle_by_cause.values()) == pytest.approx(found.idle_pct, abs=1e-6)
        assert found.device_busy_pct is not None
        assert found.device_busy_pct + found.idle_pct == pytest.approx(100)
    text = json.dumps(found.to_json(), allow_nan=False)
    assert json.dumps(open_diagnosis(path).to_json()) == text
    assert json.dumps(open_diagnosis(path).to_json()) == text
    bubbles(trace)
    lengths = steps(trace)["duration_ms"].to_numpy(float)
    assert lengths.sum() == pytest.approx(found.window_ms, rel=1e-6)
    _timeline(trace)


@pytest.mark.timeout(300 + EXAMPLES)
@pytest.mark.parametrize("kind", range(len(BASES)))
def test_any_damage_ends_in_an_answer_or_one_line(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(reading, "PIECE_BYTES", 2048)
    answers = 0
    for seed in range(kind, EXAMPLES, len(BASES)):
        path = tmp_path / "t.json"
        path.write_bytes(damaged(BASES[kind], seed))
        try:
            _everything(path)
            answers += 1
        except GpulseError as error:
            assert "\n" not in str(error)
            assert str(error).endswith(".")
        except Exception as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error
    assert answers > EXAMPLES / len(BASES) / 4
