"""``compare``: one record for two traces or two runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.cli import main
from core.traces import SimulatorSettings, simulate


def _write(path: Path, **settings: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(simulate(SimulatorSettings(kernels=60, **settings))))  # type: ignore[arg-type]
    return path


def test_two_traces(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    a = _write(tmp_path / "a.pt.trace.json", data_ms=60.0, workers=0)
    b = _write(tmp_path / "b.pt.trace.json", data_ms=60.0, workers=4)
    assert main(["compare", str(a), str(b), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["kind"] == "traces"
    assert record["speedup"] == pytest.approx(record["step_ms"][0] / record["step_ms"][1], rel=1e-3)
    assert "D1" in record["resolved"]
    assert record["changes"][0]["activity"] == "input-wait"
    assert record["promises"][0]["measured"] == pytest.approx(record["speedup"], abs=1e-3)


def test_the_verdict_comes_first_in_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    a = _write(tmp_path / "a.pt.trace.json", data_ms=60.0, workers=0)
    assert main(["compare", str(a), str(a)]) == 0
    assert capsys.readouterr().out.startswith("summary: No difference")


def test_two_runs(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    write_losses: Callable[..., Path],
    overfitting: tuple[list[float], list[float]],
) -> None:
    for name in ("a", "b"):
        write_losses(tmp_path / name, *overfitting)
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["kind"] == "runs"
    assert record["learning"]["a"]["verdict"] == "overfitting"
    assert record["speedup"] is None
    assert record["step_ms"] is None


def test_a_family_is_a_ladder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name, parent, workers in (("old", None, 0), ("new", "old", 4)):
        _write(
            tmp_path / "runs" / name / "trace" / "x.pt.trace.json", data_ms=60.0, workers=workers
        )
        job = {"id": name, "parent": parent, "created": workers, "params": {"workers": workers}}
        (tmp_path / "runs" / name / "job.json").write_text(json.dumps(job))
    for place in (str(tmp_path / "runs" / "new"), "new"):  # a folder, and an id of ours
        assert main(["compare", "--family", place, "--json"]) == 0
        record = json.loads(capsys.readouterr().out)
        assert (record["kind"], record["root"]) == ("family", "old")
        assert [each["depth"] for each in record["runs"]] == [0, 1]
        assert record["runs"][1]["over_root"]["speedup"] > 2
        assert record["runs"][1]["changed"] == [{"name": "workers", "a": "0", "b": "4"}]


@pytest.mark.parametrize("words", [[], ["a"], ["--family", "a", "b"]])
def test_too_few_or_too_many_places_are_bad_usage(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["compare", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1
