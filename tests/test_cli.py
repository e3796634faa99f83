"""The command line: JSON alone on stdout, one-line errors, exit codes 0, 1 and 2."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from core import jobs
from core.cli import main
from core.loader import Setting, Trial, Trials

ROOT = Path(__file__).parents[1]
Curves = tuple[list[float], list[float]]


def _run(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of one call."""
    try:
        code = main([str(word) for word in argv])
    except SystemExit as stopped:
        code = int(str(stopped.code))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_dynamics_says_overfitting_and_where(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    write_losses: Callable[..., Path],
    overfitting: Curves,
) -> None:
    folder = write_losses(tmp_path / "logs" / "net", *overfitting)
    code, out, _ = _run(capsys, "dynamics", folder.parent, "--json")
    (verdict,) = json.loads(out)
    assert code == 0
    assert (verdict["run"], verdict["verdict"], verdict["points"]) == ("net", "overfitting", 40)
    assert verdict["best_step"] < verdict["overfit_step"]
    assert [zone["phase"] for zone in verdict["zones"]][-1] == "overfitting"


def test_dynamics_at_a_step_sees_only_what_was_known(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    write_losses: Callable[..., Path],
    overfitting: Curves,
) -> None:
    folder = write_losses(tmp_path / "net", *overfitting)
    _, out, _ = _run(capsys, "dynamics", folder, "--at", 9, "--json")
    (verdict,) = json.loads(out)
    assert verdict["points"] == 9
    assert verdict["verdict"] != "overfitting"


def test_scalars_counts_and_writes_a_table(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, write_losses: Callable[..., Path]
) -> None:
    folder = write_losses(tmp_path / "net", [1.0, float("nan")], [1.5, 1.0])
    table = tmp_path / "table.csv"
    code, out, _ = _run(capsys, "scalars", folder, "--csv", table, "--json")
    assert code == 0
    assert json.loads(out) == {"runs": ["."], "tags": ["Loss/train", "Loss/val"], "points": 4}
    assert len(pd.read_csv(table)) == 4


def test_scalars_can_be_written_as_tbparse_shapes_them(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, write_losses: Callable[..., Path]
) -> None:
    write_losses(tmp_path / "net" / "a", [1.0, 0.5], [1.5, 1.0])
    table = tmp_path / "table.csv"
    words = ("scalars", tmp_path / "net", "--csv", table, "--pivot", "--extra", "dir_name")
    assert _run(capsys, *words)[0] == 0
    assert list(pd.read_csv(table).columns) == ["step", "Loss/train", "Loss/val", "dir_name"]
    code, _, said = _run(capsys, *words[:-1], "nonsense")
    assert (code, said.count("\n")) == (2, 1)


def test_scalars_without_what_a_restart_made_obsolete(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, write_losses: Callable[..., Path]
) -> None:
    write_losses(tmp_path / "net", [1.0, 0.5, 0.4], [1.5, 1.0, 0.9])
    again = write_losses(tmp_path / "again", [0.9], [1.4])
    (second,) = again.iterdir()
    second.rename(tmp_path / "net" / "events.out.tfevents.9999999999.later")
    table = tmp_path / "table.csv"
    assert _run(capsys, "scalars", tmp_path / "net", "--csv", table, "--latest")[0] == 0
    assert pd.read_csv(table)["value"].tolist() == pytest.approx([0.9, 1.4])


@pytest.mark.parametrize(
    "argv",
    [
        ("dynamics", "missing"),
        ("scalars", "missing"),
        ("diagnose", "missing"),
        ("dynamics", "."),
        ("diagnose", "."),
        ("compare", ".", "missing"),
        ("compare", ".", "."),
        ("compare", "."),
        ("jobs", "no-such-job"),
        ("jobs", "--stop"),
        ("launch", "--kind", "train", "--workload", "nothing"),
        ("launch", "--kind", "train", "--workload", "os:system"),
        ("launch", "--kind", "train", "--workload", "digits", "--set", "epochs=0"),
        ("launch", "--kind", "train", "--workload", "digits", "--set", "lr=-1"),
        ("launch", "--kind", "train", "--workload", "digits", "--set", "nonsense=1"),
        ("launch", "--kind", "train", "--workload", "digits", "--set", "epochs"),
        ("launch", "--kind", "train", "--workload", "digits", "--device", "tpu"),
        ("launch", "--kind", "bake", "--workload", "digits"),
        ("tune", "--workload", "nothing"),
        ("tune", "--workload", "digits", "--budget", "soon"),
        ("frobnicate",),
        (),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    argv: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = _run(capsys, *argv, *(["--json"] if argv else []))
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1


def test_a_device_that_is_not_there_is_refused_at_launch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("this machine has an NVIDIA GPU")
    code, _, err = _run(
        capsys, "launch", "--kind", "train", "--workload", "digits", "--device", "cuda"
    )
    assert code == 2
    assert "cuda" in err.lower()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_runs_folder_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    monkeypatch.setenv("GPULSE_RUNS_DIR", str(tmp_path / "locked" / "runs"))
    code, _, err = _run(capsys, "launch", "--kind", "train", "--workload", "digits")
    assert code == 2
    assert "GPULSE_RUNS_DIR" in err


def test_a_runs_folder_that_is_a_file_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GPULSE_RUNS_DIR", str(tmp_path / "file"))
    code, _, err = _run(capsys, "launch", "--kind", "train", "--workload", "digits")
    assert code == 2
    assert len(err.strip().splitlines()) == 1


def test_json_is_alone_on_stdout(tmp_path: Path, write_losses: Callable[..., Path]) -> None:
    folder = write_losses(tmp_path / "net", [1.0, float("inf")], [1.5, 1.0])
    command = [sys.executable, "-m", "core", "dynamics", str(folder), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    assert isinstance(json.loads(done.stdout, parse_constant=refuse), list)


def test_jobs_is_an_empty_list_to_begin_with(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "jobs", "--json")
    assert (code, json.loads(out)) == (0, [])


def test_without_json_the_answer_is_text(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, write_losses: Callable[..., Path]
) -> None:
    folder = write_losses(tmp_path / "net", [1.0], [1.5])
    code, out, _ = _run(capsys, "scalars", folder)
    assert code == 0
    assert "points: 2" in out


def test_tune_answers_with_best_baseline_speedup_trials_and_predictions(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[object, ...]] = []
    made = Trial(Setting.of(0, 32), 1, "ok", samples_per_s=100.0, block_s=(0.32,))
    trials = Trials("digits", "cpu", 32, 2, 30.0, 1, True, Setting.of(0, 32), trials=(made,))
    job = jobs.Job("tune-1", "tune", "digits", {}, "cpu", None, "succeeded", tmp_path, 0.0)

    def launch(spec: object) -> jobs.Job:
        asked.append((spec,))
        (tmp_path / "trials.json").write_text(json.dumps(trials.to_json()))
        return job

    monkeypatch.setattr(jobs, "launch", launch)
    monkeypatch.setattr(jobs, "wait", lambda *words, **more: job)
    code, out, _ = _run(capsys, "tune", "--workload", "digits", "--budget", 30, "--json")
    answer = json.loads(out)
    assert code == 0
    assert len(asked) == 1
    assert answer["best"]["num_workers"] == answer["baseline"]["num_workers"] == 0
    assert answer["speedup"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert [trial["samples_per_s"] for trial in answer["trials"]] == [100.0]
    assert answer["predicted"] == []
    failed = dataclasses.replace(job, state="failed", error="No setting could be measured.")
    monkeypatch.setattr(jobs, "wait", lambda *words, **more: failed)
    code, _, said = _run(capsys, "tune", "--workload", "digits")
    assert code == 1
    assert "No setting could be measured." in said
