"""The table of runs: right, kept, and filled in step by step."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core import runs, table
from core.events import derived
from core.table.ledger import MAX_REST_S
from core.table.lines import Judgement, Outline, judge

Losses = tuple[list[float], list[float]]


@pytest.fixture
def root(tmp_path: Path, write_losses: Callable[..., Path], overfitting: Losses) -> Path:
    folder = tmp_path / "runs"
    for name in ("a", "b", "c"):
        write_losses(folder / name, *overfitting)
    return folder


def test_a_row_says_what_was_logged_and_the_verdict(root: Path, overfitting: Losses) -> None:
    found = table.run_table(runs.discover([root])).set_index("run")
    train, val = overfitting
    row = found.loc["a"]
    assert (row["verdict"], row["points"], row["last_step"]) == ("overfitting", 80, 40)
    assert row["best_val"] == pytest.approx(min(val))
    assert row["best_step"] == int(np.argmin(val)) + 1
    assert (row["train"], row["val"]) == (pytest.approx(train[-1]), pytest.approx(val[-1]))
    assert row["duration_s"] == 39.0


def test_columns_for_any_tag(root: Path, overfitting: Losses) -> None:
    found = runs.discover([root])
    ledger = table.Ledger()
    ledger.refresh(found)
    ledger.work(found)
    columns = [("Loss/train", "min"), ("Loss/val", "max"), ("nothing", "last")]
    row = ledger.frame(found, columns).iloc[0]
    assert row["Loss/train (min)"] == pytest.approx(min(overfitting[0]))
    assert row["Loss/val (max)"] == pytest.approx(max(overfitting[1]))
    assert np.isnan(row["nothing (last)"])


def test_the_table_is_there_at_once_and_fills_in(root: Path) -> None:
    found = runs.discover([root])
    ledger = table.Ledger()
    assert ledger.refresh(found) == 3
    assert ledger.frame(found)["verdict"].tolist() == ["", "", ""]
    looks = 0
    while ledger.work(found, budget_s=0):
        looks += 1
    assert looks >= 3
    assert set(ledger.frame(found)["verdict"]) == {"overfitting"}


def test_urgent_runs_are_judged_before_others_are_read(root: Path) -> None:
    found = runs.discover([root])
    ledger = table.Ledger()
    ledger.refresh(found)
    for _ in range(2):
        ledger.work(found, budget_s=0, urgent=1)
    assert ledger.frame(found)["verdict"].tolist() == ["overfitting", "", ""]
    assert ledger.done_share(found) == pytest.approx(1 / 3)


def test_lines_outlive_the_process_and_are_worked_out_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = runs.discover([root])
    table.run_table(found)

    def never(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr("core.table.ledger.outline_of", never)
    monkeypatch.setattr("core.table.ledger.judge", never)
    assert set(table.run_table(found)["verdict"]) == {"overfitting"}


def test_a_run_that_goes_on_keeps_its_line_until_the_new_one_is_there(
    root: Path, write_losses: Callable[..., Path]
) -> None:
    found = runs.discover([root])
    ledger = table.Ledger()
    ledger.refresh(found)
    ledger.work(found)
    (root / "a" / "events.out.tfevents.1800000000.more").write_bytes(
        next((root / "b").iterdir()).read_bytes()
    )
    found = runs.discover([root])
    assert ledger.refresh(found) == 1
    by_run = ledger.frame(found).set_index("run")
    assert by_run.loc["a", "points"] == 80
    ledger.work(found)
    assert ledger.frame(found).set_index("run").loc["a", "points"] == 160


def _lengthen(root: Path) -> list[runs.Run]:
    """A second event file, with worse losses, for run a."""
    more = root / "a" / "events.out.tfevents.1800000000.more"
    more.write_bytes(next((root / "diverging").iterdir()).read_bytes())
    return [run for run in runs.discover([root]) if run.key == "a"]


@pytest.mark.parametrize(("share", "judged"), [(1e-9, 1), (1.0, 2)])
def test_a_run_that_takes_long_to_judge_is_not_judged_at_every_look(
    root: Path,
    write_losses: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    share: float,
    judged: int,
) -> None:
    monkeypatch.setattr("core.table.ledger.JUDGING_SHARE", share)
    seen: list[int] = []
    original = judge

    def counted(run: runs.Run, outline: Outline | None) -> Judgement:
        seen.append(outline.points if outline else 0)
        return original(run, outline)

    monkeypatch.setattr("core.table.ledger.judge", counted)
    write_losses(root / "diverging", [2.0, 3.0], [2.0, 4.0])
    found = [run for run in runs.discover([root]) if run.key == "a"]
    ledger = table.Ledger()
    ledger.refresh(found)
    ledger.work(found)
    found = _lengthen(root)
    missing = ledger.refresh(found)
    ledger.work(found)
    assert ledger.outline(found[0]).points == 84, "what it logged is never put off"
    assert len(seen) == judged
    assert missing == 1
    assert ledger.refresh(found) == 0, "a rest is nothing to wait for"
    monkeypatch.setattr("core.table.ledger.time", _Later())
    assert ledger.refresh(found) == 2 - judged
    ledger.work(found)
    assert seen == [80, 84]


class _Later:
    """The clock, when every rest is over."""

    thread_time = staticmethod(time.thread_time)

    @staticmethod
    def monotonic() -> float:
        return time.monotonic() + MAX_REST_S + 1


def test_what_was_kept_in_another_form_is_worked_out_again(root: Path) -> None:
    found = runs.discover([root])
    stamps = {str(run.path): table.stamp_of(run) for run in found}
    for kind in ("table.outline.1", "table.judgement.1"):
        derived.keep(kind, {key: (stamp, b"[[1]]") for key, stamp in stamps.items()})
    assert set(table.run_table(found)["verdict"]) == {"overfitting"}


def test_a_damaged_file_is_a_problem_of_its_run_alone(root: Path) -> None:
    (root / "a" / "events.out.tfevents.1900000000.bad").write_bytes(b"no event file")
    (root / "d").mkdir()
    (root / "d" / "events.out.tfevents.1900000000.bad").write_bytes(b"no event file")
    found = runs.discover([root])
    ledger = table.Ledger()
    ledger.refresh(found)
    ledger.work(found)
    problems = {run.key: len(ledger.outline(run).problems) for run in found}
    assert problems == {"a": 1, "b": 0, "c": 0, "d": 1}
    assert ledger.frame(found).set_index("run").loc["d", "verdict"] == ""
