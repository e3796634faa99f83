"""The command line on URLs: same answers, same exit codes, the URL in every message."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import traces
from core.cli import main

Curves = tuple[list[float], list[float]]


def test_scalars_of_a_remote_run(
    memory: Any,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    write_losses: Callable[..., Path],
    overfitting: Curves,
) -> None:
    memory.put_folder(write_losses(tmp_path / "there" / "net", *overfitting).parent)
    assert main(["scalars", memory.url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "runs": ["net"],
        "tags": ["Loss/train", "Loss/val"],
        "points": 80,
    }


def test_diagnose_of_one_remote_trace(memory: Any, capsys: pytest.CaptureFixture[str]) -> None:
    trace = json.dumps(traces.simulate(traces.SimulatorSettings())).encode()
    memory.put("run/a.pt.trace.json", trace)
    memory.put("run/b.pt.trace.json", trace)
    assert main(["diagnose", f"{memory.url}/run/a.pt.trace.json", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trace"].endswith("a.pt.trace.json")


@pytest.mark.parametrize("verb", ["scalars", "dynamics", "diagnose"])
def test_messages_name_the_url_and_not_the_mirror(
    memory: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, verb: str
) -> None:
    memory.put("net/job.json", b"{}")
    assert main([verb, memory.url]) == 2
    shown = capsys.readouterr().err
    assert memory.url in shown
    assert str(tmp_path) not in shown


def test_a_url_with_nothing_behind_it_is_bad_input(
    memory: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dynamics", memory.url]) == 2
    assert capsys.readouterr().err.startswith(f"error: There is nothing at {memory.url}.")
