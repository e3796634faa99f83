"""What a change promised, held against what came of it: also where the run before is gone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core import compare, runs
from core.compare import RunComparison, compare_runs
from core.promises import KEY, Promised
from core.runs import Run
from core.traces import diagnose, simulate_trace
from core.traces.simulator import SimulatorSettings

Write = Callable[..., Path]


def _profile(folder: Path, write_trace: Write, job: dict, **settings) -> Run:
    write_trace(folder / "trace" / "x.pt.trace.json", data_ms=60.0, kernels=60, **settings)
    record = {"id": folder.name, "kind": "profile", "workload": "w", **job}
    (folder / "job.json").write_text(json.dumps(record))
    return _read(folder)


def _read(folder: Path) -> Run:
    return next(run for run in runs.discover([folder.parent]) if run.path == folder)


@pytest.fixture
def pair(tmp_path: Path, write_trace: Write) -> tuple[Run, Run]:
    """A job, and its relaunch with the promise of its first finding."""
    before = _profile(tmp_path / "before", write_trace, {"params": {"num_workers": 0, "lr": 0.1}})
    found = diagnose(simulate_trace(SimulatorSettings(data_ms=60.0, kernels=60)))
    finding = found.findings[0]
    promise = compare.promise_of(found, finding, {"num_workers": 4}, "before")
    job = {"parent": "before", "params": {"num_workers": 4, "lr": 0.1}, KEY: promise.to_json()}
    return before, _profile(tmp_path / "after", write_trace, job, workers=4)


def _without_traces(run: Run) -> Run:
    shutil.rmtree(run.path / "trace")
    return _read(run.path)


def test_a_promise_keeps_what_it_was_foretold_from() -> None:
    found = diagnose(simulate_trace(SimulatorSettings(data_ms=60.0, kernels=60)))
    finding = found.findings[0]
    two, four = (
        compare.promise_of(found, finding, {"num_workers": count}, "a") for count in (2, 4)
    )
    assert (two.rules, two.source, two.base) == (("D1",), found.trace, "a")
    assert sum(two.before_ms) == pytest.approx(found.window_ms)
    assert two.low is not None
    assert two.high is not None
    assert four.high is not None
    # Two workers load 60 ms in 30, four in 15: the form asks for two, so no more is promised.
    assert two.high < four.high
    by_hand = compare.promise_of(found, finding, {}, "a")
    assert finding.predicted_speedup is not None
    assert (by_hand.low, by_hand.changes) == (finding.predicted_speedup.low, {})


def test_the_answer_is_one_sentence_with_both_figures(pair: tuple[Run, Run]) -> None:
    found = compare_runs(*pair)
    told = found.promises[0]
    assert found.answer.startswith(f"Predicted {told.low:.2f} to {told.high:.2f}×, measured")
    assert f"{told.verdict} the range" in found.answer
    assert found.params == (("num_workers", "0", "4"),)
    assert [promise.rules for promise in found.promises].count(("D1",)) == 1
    assert not any("Also changed" in note for note in found.notes)


def _measured(found: RunComparison) -> float:
    assert found.speedup is not None
    return found.speedup.value


def test_where_the_trace_before_is_gone_the_kept_step_times_stand_in(pair: tuple[Run, Run]) -> None:
    whole = compare_runs(*pair)
    found = compare_runs(_without_traces(pair[0]), pair[1])
    assert found.profile is None
    assert _measured(found) == pytest.approx(_measured(whole), rel=1e-3)
    assert found.promises[0].verdict == whole.promises[0].verdict
    assert any("step times are those that were kept" in note for note in found.notes)


def test_where_the_run_before_is_gone_the_promise_is_judged_alone(pair: tuple[Run, Run]) -> None:
    told = compare.judged_alone(compare.gather(pair[1]))
    assert told is not None
    assert told.measured == pytest.approx(_measured(compare_runs(*pair)), rel=1e-3)
    assert compare.judged_alone(compare.gather(pair[0])) is None


def test_a_promise_about_another_run_is_not_told(pair: tuple[Run, Run], write_trace: Write) -> None:
    other = _profile(pair[0].path.parent / "other", write_trace, {"params": {}})
    found = compare_runs(other, pair[1])
    assert all(promise.title != "" for promise in found.promises)
    assert not any("kept" in note for note in found.notes)
    rung = compare.make_ladder(
        compare.family_of(pair[1], [pair[1]]), {"after": compare.gather(pair[1])}
    ).rungs[0]
    assert rung.promise is None


def test_what_changed_beside_the_promise_is_said(pair: tuple[Run, Run]) -> None:
    path = pair[1].path / "job.json"
    job = json.loads(path.read_text())
    job["params"]["lr"] = 0.5
    path.write_text(json.dumps(job))
    found = compare_runs(pair[0], _read(pair[1].path))
    assert any("does not know of: lr 0.1 → 0.5" in note for note in found.notes)


def test_an_advice_promises_no_speed(pair: tuple[Run, Run]) -> None:
    path = pair[1].path / "job.json"
    job = json.loads(path.read_text())
    job[KEY] = Promised("Stop early", "before", changes={"early_stop": "auto"}).to_json()
    path.write_text(json.dumps(job))
    after = _read(pair[1].path)
    assert compare.gather(after).promise is not None
    found = compare_runs(pair[0], after)
    # What the traces say of the resolved finding is still told.
    assert found.promises
    assert [promise.title for promise in found.promises] != ["Stop early"]
    # But the speed of this change was not predicted by anybody.
    assert "redicted" not in found.answer + found.summary
    assert found.answer.startswith("Measured ")
