"""The vital signs of a run that is being written: new when they are cheap, spared when not."""

from __future__ import annotations

import time
from pathlib import Path

from core.health import Health
from core.runs import Run, find
from core.ui import data, live


def _run(folder: Path, text: str) -> Run:
    folder.mkdir(exist_ok=True)
    (folder / "events.out.tfevents.1").write_text(text)
    return find(folder.name, [folder.parent])


def test_signs_of_the_same_files_are_worked_out_once(tmp_path):
    kept, made = live._Signs(), []
    run = _run(tmp_path / "a", "x")
    for _ in range(2):
        kept.get(run, lambda: made.append(1) or Health())
    assert len(made) == 1


def test_signs_that_took_long_are_kept_for_a_while_though_files_changed(tmp_path, monkeypatch):
    kept, clock = live._Signs(), [0.0]
    monkeypatch.setattr(time, "thread_time", lambda: clock[0])
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def slow(best: float) -> Health:
        clock[0] += 0.2
        return Health(best_value=best)

    assert kept.get(_run(tmp_path / "a", "x"), lambda: slow(1)).best_value == 1
    clock[0] += 0.2 / live.SIGNS_SHARE - 1
    assert kept.get(_run(tmp_path / "a", "xx"), lambda: slow(2)).best_value == 1
    clock[0] += 2
    assert kept.get(_run(tmp_path / "a", "xx"), lambda: slow(3)).best_value == 3


def test_a_run_whose_signs_take_long_is_looked_at_less_often(tmp_path, monkeypatch):
    kept, run = live._Signs(), _run(tmp_path / "a", "x")
    monkeypatch.setattr(live, "_signs", lambda: kept)
    assert live.every_s(run) == data.LIVE_S
    for cost_s, looks_s in ((0.01, data.LIVE_S), (0.5, 0.5 / live.LOOK_SHARE), (99, data.FRESH_S)):
        kept._known[run.path] = live._Kept((), Health(), cost_s, 0.0)
        assert live.every_s(run) == looks_s
