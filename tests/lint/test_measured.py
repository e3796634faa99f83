"""What the doctor reads and what a trace measured, joined by function and by meaning."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from core.lint import lint_text
from core.lint.measured import Frame, frames, joined, locate, pairs, same_file
from core.traces import Finding, Fix, SimulatorSettings, diagnose, parse_trace, simulate

SCRIPT = """import torch
from torch.utils.data import DataLoader

model = torch.nn.Linear(2, 2).cuda()
optimizer = torch.optim.SGD(model.parameters(), 0.1)


def train(loader):
    for x, y in loader:
        loss = (model(x.cuda()) - y.cuda()).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(loss.item())


def again(loader):
    for x, y in loader:
        loss = model(x.cuda()).sum()
        loss.backward()
        optimizer.step()
        print(loss.item())


train(DataLoader(data))
again(DataLoader(data))
"""


def finding(rule: str, where: str, evidence: tuple[str, ...] = ()) -> Finding:
    """A finding that costs 3 ms a step, 12 % of the window."""
    fix = Fix("do", "code")
    return Finding(rule, f"about {rule}", "warning", where, 3.0, 0.12, evidence, (), fix, None)


RECORDS = lint_text(SCRIPT, "proj/train.py")
RULES = [(record.line, record.rule) for record in RECORDS]
WAIT = "main thread, aten::item, at train.py(8): train"


def _lines(found: Finding) -> list[tuple[int, str]]:
    return [RULES[record] for _, record in pairs([found], RECORDS)]


def test_a_wait_is_joined_with_the_line_of_its_function_only() -> None:
    assert _lines(finding("S1", WAIT)) == [(14, "sync-item")]


def test_a_line_inside_the_function_names_it_too() -> None:
    assert _lines(finding("S1", "thread 1, aten::item, at train.py(14): train")) == [
        (14, "sync-item")
    ]
    running = "thread 1, aten::item, at train.py(13): train"
    assert _lines(finding("S1", running)) == [(14, "sync-item")]


@pytest.mark.parametrize(
    "where",
    [
        "main thread, aten::item, at other.py(8): train",
        "main thread, aten::item, at train.py(8): trained",
        "main thread, aten::item, at train.py(17): train",
        "main thread, aten::item, at train.py(15): train",
        "main thread, aten::item",
        "main thread, aten::is_nonzero, at train.py(8): train",
        "main thread, aten::to, at train.py(8): train",
    ],
)
def test_another_function_or_another_operator_is_not_the_same(where: str) -> None:
    assert _lines(finding("S1", where)) == []


def test_what_concerns_the_whole_script_needs_no_function() -> None:
    assert _lines(finding("D1", "main thread")) == [(25, "workers-none"), (26, "workers-none")]
    assert _lines(finding("H1", "stream 7")) == [(25, "pin-none"), (26, "pin-none")]
    assert _lines(finding("L1", "main thread, at train.py(8): train")) == []


def test_the_second_culprit_of_a_wait_stands_in_its_evidence() -> None:
    more = finding("S1", WAIT, ("aten::item, at train.py(17): again: 1.0 waits a step.",))
    assert _lines(more) == [(14, "sync-item"), (22, "sync-item")]
    assert frames([more]) == [Frame("train.py", 8, "train"), Frame("train.py", 17, "again")]


def test_a_record_shows_what_was_measured() -> None:
    records = joined([finding("S1", WAIT), finding("D1", "main thread")], RECORDS)
    told = {(r.line, r.rule): [m.finding for m in r.measured] for r in records}
    assert told[14, "sync-item"] == ["S1"]
    assert told[22, "sync-item"] == []
    assert told[25, "workers-none"] == ["D1"]
    (first,) = [r for r in records if r.line == 14]
    assert first.to_json()["measured"] == [
        {"finding": "S1", "title": "about S1", "cost_ms": 3.0, "share": 0.12}
    ]


def test_a_trace_with_stacks_and_its_script_agree() -> None:
    content = simulate(
        SimulatorSettings(sync_every_step=True, data_ms=0.0, kernels=60, python_ms=3.0)
    )
    steps = [e for e in content["traceEvents"] if e["name"].startswith("ProfilerStep#")]
    content["traceEvents"] += [
        {**step, "name": "train.py(8): train", "cat": "python_function"} for step in steps
    ]
    found = diagnose(parse_trace(json.dumps(content).encode())).findings
    records = joined(found, RECORDS)
    assert [r.line for r in records if any(m.finding == "S1" for m in r.measured)] == [14]


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("train.py", "/home/me/proj/train.py", True),
        ("proj/train.py", "/home/me/proj/train.py", True),
        ("other/train.py", "/home/me/proj/train.py", False),
        ("train.py", "pretrain.py", False),
        ("", "train.py", False),
    ],
)
def test_the_shorter_path_is_the_end_of_the_longer(a: str, b: str, same: bool) -> None:
    assert same_file(a, b) is same


def test_a_script_is_found_below_allowed_places_only(tmp_path: Path) -> None:
    place, outside = tmp_path / "proj", tmp_path / "secret.py"
    (place / "net").mkdir(parents=True)
    for file in (place / "train.py", place / "net/data.py", outside, place / "notes.txt"):
        file.write_text("")
    (place / "link.py").symlink_to(outside)
    inside = {
        "train.py": place / "train.py",
        "net/data.py": place / "net/data.py",
        "proj/train.py": place / "train.py",
        str(place / "train.py"): place / "train.py",
    }
    for name, file in inside.items():
        assert locate(name, [tmp_path / "none", place]) == file
    for name in ("../secret.py", str(outside), "link.py", "notes.txt", "net", "/etc/passwd",
                 "gone.py", "x\0.py", "", os.devnull, "a" * 5000 + ".py"):  # fmt: skip
        assert locate(name, [place]) is None
    assert locate("pkg/secret.py", [outside]) is None
    assert locate("secret.py", [outside]) == outside
