"""``diagnose FOLDER``: one record for a job of ranks, a list for unrelated traces."""

from __future__ import annotations

import json
import shutil

import pytest

from core.cli import main
from core.traces import SimulatorSettings, simulate


@pytest.fixture
def diagnose(capsys):
    """(exit code, JSON, what was said) of ``diagnose PATH …``."""

    def run(*words: object):
        code = main(["diagnose", *map(str, words), "--json"])
        out, said = capsys.readouterr()
        return code, json.loads(out) if out else None, said

    return run


def test_a_folder_of_ranks_is_one_record(diagnose, job):
    code, record, said = diagnose(job(ranks=3, slow_rank=1, slow_data_ms=4.0))
    assert (code, said) == (0, "")
    assert (record["rank"], record["primary"]) == (1, "input-wait")
    assert [rank["rank"] for rank in record["ranks"]] == [0, 1, 2]
    assert record["straggler"]["cause"] == "input-wait"


def test_step_windows_are_a_record_each(diagnose, job):
    folder = job(ranks=2, names="worker{}_step_5.pt.trace.json")
    job(ranks=2, names="worker{}_step_9.pt.trace.json", slow_rank=0, slow_data_ms=4.0)
    _, records, _ = diagnose(folder)
    assert [record["capture"] for record in records] == ["step 5", "step 9"]
    assert [record["straggler"] is None for record in records] == [True, False]


def test_unrelated_traces_are_a_list_and_it_is_said(diagnose, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.pt.trace.json").write_text(json.dumps(simulate(SimulatorSettings())))
    code, records, said = diagnose(tmp_path)
    assert code == 0
    assert [record["trace"] for record in records] == ["a.pt.trace.json", "b.pt.trace.json"]
    assert all("ranks" not in record for record in records)
    assert "not ranks of one job" in said
    assert said.count("\n") == 1


def test_a_job_and_another_trace_in_one_folder(diagnose, job):
    folder = job(ranks=2)
    (folder / "other.pt.trace.json").write_text(json.dumps(simulate(SimulatorSettings())))
    _, records, _ = diagnose(folder)
    assert ["ranks" in record for record in records] == [True, False]


def test_one_rank_of_a_job_says_who_is_missing(diagnose, job):
    folder = job(ranks=4)
    _, record, _ = diagnose(folder / "rank2.pt.trace.json")
    assert "ranks" not in record
    assert "The job has 4 ranks (0–3): only rank 2 is here." in record["notes"]


def test_an_unreadable_rank_is_one_line_and_the_rest_goes_on(diagnose, job):
    folder = job(ranks=3)
    (folder / "rank0.pt.trace.json").write_text("no trace")
    code, record, said = diagnose(folder)
    assert code == 0
    assert [rank["rank"] for rank in record["ranks"]] == [1, 2]
    assert said.startswith("warning: Rank 0: ")
    assert said.count("\n") == 1


def test_nothing_readable_is_the_error(diagnose, job):
    folder = job(ranks=2)
    for file in folder.iterdir():
        file.write_text("no trace")
    code, record, said = diagnose(folder)
    assert (code, record) == (2, None)
    assert "None of the 2 ranks can be read" in said


def test_the_gate_holds_for_every_rank(diagnose, job):
    folder = job(ranks=3, slow_rank=1, slow_data_ms=8.0)
    code, record, said = diagnose(folder, "--fail-under-utilisation", "50")
    busy = [rank["device_busy_pct"] for rank in record["ranks"]]
    assert min(busy) < 50 < max(busy)
    assert code == 1
    assert said.count("gate missed") == 1
    assert "rank1.pt.trace.json" in said


def test_the_real_ranks_from_the_command_line(diagnose, dlrm, tmp_path):
    shutil.copytree(dlrm, tmp_path / "job")
    code, record, _ = diagnose(tmp_path / "job")
    assert (code, record["world_size"], record["straggler"]["rank"]) == (0, 8, 7)
    assert record["trace"].startswith("worker7")
