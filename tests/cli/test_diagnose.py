"""``diagnose``: the report it writes and the gate for continuous integration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli import main
from core.traces import SimulatorSettings, diagnose, parse_trace, simulate


def _write(path: Path, *, device: bool = True, **settings: float) -> Path:
    content = simulate(SimulatorSettings(kernels=60, steps=3, **settings))  # type: ignore[arg-type]
    if not device:
        host = ("user_annotation", "cpu_op", "python_function")
        content["traceEvents"] = [e for e in content["traceEvents"] if e["cat"] in host]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def _busy(path: Path) -> float:
    found = diagnose(parse_trace(path.read_bytes()))
    assert found.device_busy_pct is not None
    return found.device_busy_pct


def _gate(place: Path, least: float) -> int:
    return main(["diagnose", str(place), "--fail-under-utilisation", str(least), "--json"])


def test_the_gate_lets_a_busy_trace_pass_and_stops_an_idle_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = _write(tmp_path / "x.pt.trace.json", data_ms=60.0)
    busy = _busy(path)
    assert _gate(path, busy - 0.1) == 0
    assert "gate missed" not in capsys.readouterr().err
    assert _gate(path, busy + 0.1) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["device_busy_pct"] == pytest.approx(busy, abs=1e-3)
    assert err == f"gate missed: x.pt.trace.json: busy {busy:.1f} %\n"


def test_one_idle_rank_stops_the_whole_folder_and_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for rank, data_ms in enumerate((0.0, 60.0, 0.0)):
        _write(tmp_path / f"rank{rank}.pt.trace.json", data_ms=data_ms, workers=2)
    least = (_busy(tmp_path / "rank0.pt.trace.json") + _busy(tmp_path / "rank1.pt.trace.json")) / 2
    assert _gate(tmp_path, least) == 1
    said = capsys.readouterr().err
    assert said.count("gate missed") == 1
    assert "rank1.pt.trace.json" in said
    assert _gate(tmp_path, 1.0) == 0


def test_a_trace_without_a_device_misses_every_gate(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = _write(tmp_path / "x.pt.trace.json", device=False)
    assert _gate(path, 0.0) == 1
    assert "no device in the trace" in capsys.readouterr().err
    assert main(["diagnose", str(path), "--json"]) == 0


@pytest.mark.parametrize("least", ["nan", "-1", "101", "many"])
def test_a_gate_that_could_never_hold_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, least: str
) -> None:
    path = _write(tmp_path / "x.pt.trace.json")
    with pytest.raises(SystemExit) as stopped:
        main(["diagnose", str(path), f"--fail-under-utilisation={least}"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_report_is_one_file_and_the_answer_stays(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = _write(tmp_path / "x.pt.trace.json", data_ms=60.0)
    target = tmp_path / "report.html"
    assert main(["diagnose", str(path), "--html", str(target), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    page = target.read_text(encoding="utf-8")
    assert record["headline"] in page
    assert page.startswith("<!doctype html>")
    assert not list(tmp_path.glob("*_files"))


def test_a_report_on_a_folder_has_all_its_ranks(tmp_path: Path) -> None:
    for rank in range(3):
        _write(tmp_path / "job" / f"rank{rank}.pt.trace.json", data_ms=20.0 * rank)
    target = tmp_path / "report.html"
    assert main(["diagnose", str(tmp_path / "job"), "--html", str(target), "--json"]) == 0
    page = target.read_text(encoding="utf-8")
    assert page.count("<section>") == 3
    assert page.index("<h2><bdi>rank2") < page.index("<h2><bdi>rank0")


def test_a_report_that_cannot_be_written_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = _write(tmp_path / "x.pt.trace.json")
    assert main(["diagnose", str(path), "--html", str(tmp_path / "no" / "r.html")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: The report cannot be written")
    assert err.count("\n") == 1


def test_files_of_one_name_in_several_folders_are_all_there(tmp_path: Path) -> None:
    for rank in range(2):
        _write(tmp_path / "job" / f"node{rank}" / "x.pt.trace.json", data_ms=20.0 * rank)
    target = tmp_path / "report.html"
    assert main(["diagnose", str(tmp_path / "job"), "--html", str(target)]) == 0
    page = target.read_text(encoding="utf-8")
    assert "<h2><bdi>node0/x.pt.trace.json" in page
    assert "<h2><bdi>node1/x.pt.trace.json" in page
