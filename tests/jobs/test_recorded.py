"""A job told from its ``job.json`` alone, whoever wrote that."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from core import jobs
from core.jobs.model import Job, describe


def _job(run_dir: Path) -> Job:
    return Job(
        id="net-train", kind="train", workload="digits", params={"lr": 0.1}, device="cuda:1",
        parent="before", state="failed", run_dir=run_dir, created=1.7e9, started=1.7e9 + 1,
        ended=1.7e9 + 5, exit_code=-9, error="killed by signal 9 (SIGKILL)", git_sha="abc",
        attempt=2, engine="slurm", gpu_ids="1", note="a note", family="sweep",
    )  # fmt: skip


def test_it_is_what_was_written_down(tmp_path: Path) -> None:
    job = _job(tmp_path)
    record: dict[str, Any] = {**describe(job), "states": [{"state": "queued"}, {"state": "failed"}]}
    told = jobs.from_record(json.loads(json.dumps(record)), tmp_path)
    assert told == dataclasses.replace(job, needs=told.needs)
    assert "SIGKILL" in jobs.died_of(told)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"id": 3, "kind": [], "workload": {}, "params": "x", "states": "failed", "parent": 1},
        {"states": [], "created": True, "started": float("nan"), "ended": -1, "exit_code": "1"},
        {"states": ["failed"], "started": 1e300, "attempt": None, "error": ["no"]},
        {"states": [{"state": "exploded"}], "note": 5, "git_sha": ""},
    ],
)
def test_values_that_are_none_are_left_out(tmp_path: Path, record: dict[str, Any]) -> None:
    told = jobs.from_record(record, tmp_path / "net")
    assert (told.id, told.state, told.parent, told.started) == ("net", "", None, None)
    assert (told.params, told.exit_code, told.error, told.git_sha) == ({}, None, "", None)
    assert not told.final
    assert told.elapsed_s == 0


def test_texts_are_kept_to_a_length(tmp_path: Path) -> None:
    told = jobs.from_record({"note": "x" * 10_000, "error": "y" * 10_000}, tmp_path)
    assert len(told.note) == len(told.error) == 2_000
