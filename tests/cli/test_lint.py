"""``python -m core lint``: records as JSON, a gate, folders, a trace beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli import main
from core.traces import SimulatorSettings, simulate

SCRIPT = """import torch

model = torch.nn.Linear(2, 2).cuda()
optimizer = torch.optim.SGD(model.parameters(), 0.1)


def train(loader):
    for x, y in loader:
        loss = (model(x.cuda()) - y.cuda()).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(loss.item())


train(make())
"""


def _run(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    try:
        code = main([str(word) for word in argv])
    except SystemExit as stopped:
        code = int(str(stopped.code))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "proj" / "train.py"
    file.parent.mkdir()
    file.write_text(SCRIPT)
    return file


def test_json_has_what_the_contract_says(capsys: pytest.CaptureFixture[str], script: Path) -> None:
    code, out, _ = _run(capsys, "lint", script, "--json")
    (record,) = json.loads(out)
    assert code == 0
    assert (record["file"], record["line"], record["rule"]) == (str(script), 13, "sync-item")
    assert record["message"].endswith("loss.item()")
    assert record["fix"]
    assert record["diff"].startswith("--- a/")
    assert record["cost"] == "every step"
    assert record["measured"] == []


def test_a_folder_is_read_whole_and_what_is_broken_is_named(
    capsys: pytest.CaptureFixture[str], script: Path
) -> None:
    (script.parent / "broken.py").write_text("def f(:\n")
    code, out, err = _run(capsys, "lint", script.parent, "--json")
    assert code == 0
    assert len(json.loads(out)) == 1
    assert err.startswith("warning: ")
    assert len(err.strip().splitlines()) == 1


def test_a_gate(capsys: pytest.CaptureFixture[str], script: Path) -> None:
    assert _run(capsys, "lint", script, "--fail-on", "graph-kept,eval-mode")[0] == 0
    code, out, err = _run(capsys, "lint", script, "--fail-on", "sync-item", "--json")
    assert code == 1
    assert len(json.loads(out)) == 1
    assert "gate missed" in err
    assert _run(capsys, "lint", script, "--fail-on", "any")[0] == 1


def test_a_trace_adds_what_it_measured(
    capsys: pytest.CaptureFixture[str], script: Path, tmp_path: Path
) -> None:
    content = simulate(
        SimulatorSettings(sync_every_step=True, data_ms=0.0, kernels=60, python_ms=3)
    )
    steps = [e for e in content["traceEvents"] if e["name"].startswith("ProfilerStep#")]
    frame = {"name": "train.py(7): train", "cat": "python_function"}
    content["traceEvents"] += [{**step, **frame} for step in steps]
    trace = tmp_path / "t.pt.trace.json"
    trace.write_text(json.dumps(content))
    code, out, _ = _run(capsys, "lint", script, "--trace", trace, "--json")
    (record,) = json.loads(out)
    assert code == 0
    assert [each["finding"] for each in record["measured"]] == ["S1"]
    assert record["measured"][0]["cost_ms"] > 0
    assert _run(capsys, "lint", script, "--trace", tmp_path / "gone")[0] == 2


@pytest.mark.parametrize(
    "words", [("missing.py",), (), (".", "--fail-on", "nonsense"), ("bad.py",), ("a.ipynb",)]
)
def test_bad_input_is_one_line(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.py").write_text("print 1\n")
    (tmp_path / "a.ipynb").write_text("{}")
    code, out, err = _run(capsys, "lint", *words, "--json")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1
