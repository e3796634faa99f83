from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import BadInput
from core.settings import settings


def test_roots_are_separated_like_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GPULSE_ROOTS", os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")]))
    monkeypatch.setenv("GPULSE_RUNS_DIR", str(tmp_path / "runs"))
    assert settings().all_roots == (tmp_path / "runs", tmp_path / "a", tmp_path / "b")


def test_a_root_named_twice_counts_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GPULSE_ROOTS", str(tmp_path))
    monkeypatch.setenv("GPULSE_RUNS_DIR", str(tmp_path))
    assert settings().all_roots == (tmp_path,)


def test_workloads_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPULSE_WORKLOADS", "a.b:c, d:e,")
    assert settings().workloads == ("a.b:c", "d:e")


@pytest.mark.parametrize(("name", "value"), [("CPU_SLOTS", "0"), ("ENGINE", "magic")])
def test_a_bad_value_is_one_line_naming_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"GPULSE_{name}", value)
    with pytest.raises(BadInput, match=f"GPULSE_{name}"):
        settings()
