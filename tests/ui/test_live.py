"""The vital signs of a run that is being written: new when they are cheap, spared when not."""

from __future__ import annotations

import time
from pathlib import Path

from core.health import Health
from core.runs import Run, find
from core.ui import live


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
