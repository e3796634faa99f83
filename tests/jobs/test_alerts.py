"""The history of a run's verdict: what a job wrote is read, what else is in the file is not."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from core.jobs.alerts import MAX_ALERTS, MAX_REASON, read_alerts
from core.training.alerts import AlertFile


def test_what_a_job_writes_is_read(tmp_path):
    file = AlertFile(tmp_path)
    file.add(3, "verdict", "underfitting", "overfitting", "it rose")
    file.add(5, "stopped", "overfitting", "overfitting", "it rose on")
    first, second = read_alerts(tmp_path)
    assert (first.number, first.step, first.stopped) == (0, 3, False)
    assert (first.before, first.verdict, first.reason) == ("underfitting", "overfitting", "it rose")
    assert second.stopped
    assert second.time >= first.time > 1e9


def test_a_run_without_alerts_has_none(tmp_path):
    assert read_alerts(tmp_path) == []


def test_a_file_of_any_size_is_read_in_part(tmp_path):
    line = json.dumps({"time": 1, "step": 1, "verdict": "optimal", "reason": "x" * 5_000})
    (tmp_path / "alerts.jsonl").write_text(f"{line}\n" * 5_000)
    found = read_alerts(tmp_path)
    assert 0 < len(found) <= MAX_ALERTS
    assert {len(alert.reason) for alert in found} == {MAX_REASON}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["time", "step", "verdict", "reason", "kind"]), inner)
    ),
)


@given(st.lists(JSON.map(json.dumps) | st.text(max_size=20), max_size=5))
def test_lines_that_are_no_alerts_are_left_out(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("run")
    good = json.dumps({"time": 1.0, "step": 2, "verdict": "optimal"})
    text = "\n".join([*lines, good, "{half"])
    (folder / "alerts.jsonl").write_text(text, encoding="utf-8", errors="replace")
    found = read_alerts(folder)
    assert (found[-1].step, found[-1].verdict) == (2, "optimal")
    assert all(isinstance(alert.step, int) for alert in found)
