"""``report``: one file for a run, by its folder or by the id of its job."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli import main
from tests.report import kinds


def test_it_writes_the_file_and_says_what_is_in_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = kinds.write_curves(tmp_path / "logs" / "net", kinds.overfitting())
    target = tmp_path / "report.html"
    assert main(["report", str(folder), "--html", str(target), "--json"]) == 0
    out, err = capsys.readouterr()
    answer = json.loads(out)
    html = target.read_text(encoding="utf-8")
    assert answer["run"] == "net"
    assert answer["file"] == str(target)
    assert answer["bytes"] == len(html.encode())
    assert "Training dynamics" in answer["sections"]
    assert answer["problems"] == []
    assert "Overfitting since step" in html
    assert err == f"report: {target}\n"


def test_a_job_is_named_by_its_id_and_compared_with_its_parent(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kinds.write_family(tmp_path / "runs")
    target = tmp_path / "report.html"
    assert main(["report", "child", "--html", str(target), "--json"]) == 0
    assert "Compared with its parent" in json.loads(capsys.readouterr().out)["sections"]


def test_a_parent_beside_the_run_is_found_outside_of_the_roots(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    child = kinds.write_family(tmp_path / "copied")
    target = tmp_path / "report.html"
    assert main(["report", str(child), "--html", str(target), "--json"]) == 0
    assert "Compared with its parent" in json.loads(capsys.readouterr().out)["sections"]


def test_what_cannot_be_read_is_a_warning(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = kinds.write_curves(tmp_path / "net", kinds.overfitting())
    kinds.write_trace(folder).write_text("not a trace")
    assert main(["report", str(folder), "--html", str(tmp_path / "r.html"), "--json"]) == 0
    out, err = capsys.readouterr()
    (problem,) = json.loads(out)["problems"]
    assert f"warning: {problem}" in err


@pytest.mark.parametrize("words", [["gone"], ["../etc"], ["no\0where"]])
def test_a_run_that_is_not_there_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str]
) -> None:
    assert main(["report", *words, "--html", str(tmp_path / "r.html")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "r.html").exists()


def test_a_file_that_cannot_be_written_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = kinds.write_curves(tmp_path / "net", kinds.overfitting(5))
    assert main(["report", str(folder), "--html", str(tmp_path / "no" / "r.html")]) == 2
    assert "cannot be written" in capsys.readouterr().err
