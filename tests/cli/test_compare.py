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
