"""The report of a run: every kind of run, hostile names, damaged files, its size."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core import loader, runs
from core.report import RunReport, run_report
from core.report import run as writer
from core.report.learning import VERDICTS
from core.settings import settings
from core.traces import diagnose, load_trace
from core.ui.texts import catalogue
from tests.report import kinds
from tests.report.reading import Read, check_safe, read

LIMIT = 500_000
SHARED = Path(__file__).parents[2].parent / "shared"
EVIL = "</p><script>alert(1)</script>\"'><img src=x onerror=a()>\u202e\x00&"


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    """The folder that runs lie in."""
    folder = tmp_path / "runs"
    folder.mkdir(exist_ok=True)
    return folder


def _made(folder: Path, roots: Path) -> RunReport:
    run = runs.find(folder.name, [roots])
    made = run_report(run, [roots], datetime(2026, 1, 2, tzinfo=UTC))
    assert len(made.html.encode()) < LIMIT
    return made


def _read(folder: Path, roots: Path) -> Read:
    found = read(_made(folder, roots).html)
    check_safe(found)
    return found


def test_curves_alone_get_verdict_zones_and_advice(roots: Path) -> None:
    folder = kinds.write_curves(roots / "net", kinds.overfitting())
    made = _made(folder, roots)
    found = read(made.html)
    check_safe(found)
    assert made.sections == ("What it was", "Training dynamics", "What it logged", "Files")
    assert made.problems == ()
    for words in (
        "No job of GPUlse", "Overfitting", "Overfitting since step", "Stop early",
        "early_stop = auto", "Keep the checkpoint of step", "best 0.5754 at step 16", "gpu memory",
        "2,048 MiB", "40 % data wait", "First value 2025-10-09",
    ):  # fmt: skip
        assert words in found.text, words
    assert {"zone underfitting", "zone optimal", "zone overfitting", "train", "val"} <= (
        found.attributes["class"]
    )


def test_a_trace_alone_gets_its_bottlenecks(roots: Path) -> None:
    path = kinds.write_trace(roots / "net", data_ms=60.0)
    made = _made(roots / "net", roots)
    assert made.sections == ("What it was", "Bottlenecks", "Files")
    words = read(made.html).text
    found = diagnose(load_trace(path))
    for part in (found.headline, found.findings[0].title, "The device idles for", "in its profile"):
        assert part in words


def test_several_traces_are_listed_and_the_slowest_shown(roots: Path) -> None:
    slow = kinds.write_trace(roots / "net", data_ms=60.0)
    slow.rename(slow.with_name("slow.pt.trace.json"))
    kinds.write_trace(roots / "net", data_ms=5.0)
    words = _read(roots / "net", roots).text
    assert "2 traces." in words
    assert "not ranks of one job" in words
    assert words.index("trace/slow.pt") < words.index("trace/epoch2.pt")


def test_a_tuning_gets_its_answer_and_every_setting(roots: Path) -> None:
    trials = kinds.write_tuning(roots / "tuning")
    made = _made(roots / "tuning", roots)
    assert "DataLoader tuning" in made.sections
    assert "Training dynamics" not in made.sections
    words = read(made.html).text
    answer = loader.recommend(trials)
    assert answer.text in words
    assert answer.best is not None
    assert f"{answer.best.label} recommended" in words
    assert f"{trials.baseline.label} in use now" in words
    assert "memory ran out" in words
    assert "- num_workers=0," in words
    assert "+ num_workers=2," in words


def test_a_tuning_that_goes_on_says_so(roots: Path) -> None:
    kinds.write_tuning(roots / "tuning", finished=False)
    assert "Not finished: this is what is known so far." in _read(roots / "tuning", roots).text


def test_a_failed_job_gets_an_autopsy(roots: Path) -> None:
    error = "RuntimeError: CUDA out of memory. Tried to allocate 20 GiB"
    states = ("queued", "running", "failed")
    kinds.write_job(roots / "dead", states, exit_code=1, error=error)
    (roots / "dead" / "log.txt").write_text(f"line one\n{EVIL}\n{error}\n")
    found = _read(roots / "dead", roots)
    assert "failed Ended after 6 min 40 s, exit code 1." in found.text
    assert "The GPU's memory was full. Lower batch_size" in found.text
    assert "Tried to allocate 20 GiB" in found.text
    assert "line one" in found.text
    assert "NVIDIA H100" in found.text
    assert "cpus 1, gpus 1" in found.text
    assert "0123abc0123abc0123abc0123abc0123abc with uncommitted changes" in found.text


def test_a_job_that_was_stopped_is_no_failure(roots: Path) -> None:
    kinds.write_job(roots / "cut", ("running", "cancelled"))
    words = _read(roots / "cut", roots).text
    assert "It was stopped on request." in words
    assert "What it died of" not in words


def test_a_live_run_says_so_and_how_far_it_is(roots: Path) -> None:
    folder = roots / "live"
    kinds.write_job(folder, ("queued", "running"), ended=None, exit_code=None)
    kinds.put_into_store(folder, "starting", "running")
    progress = {"done": 3, "total": 40, "unit": "epoch", "phase": "validating", "eta_s": None}
    now = kinds.START
    (folder / "progress.json").write_text(json.dumps({**progress, "started": now, "updated": now}))
    kinds.write_curves(folder, {key: v[:3] for key, v in kinds.overfitting().items()})
    words = _read(folder, roots).text
    assert "Still running, 3 of 40 epochs done (validating). This report is of what was" in words
    assert "Too short to tell" in words
    assert "What it died of" not in words


def test_a_run_of_another_store_is_told_from_its_record(roots: Path) -> None:
    kinds.write_job(roots / "away", ("queued", "running"), ended=None)
    words = _read(roots / "away", roots).text
    assert "Its record says running; nobody here knows whether it goes on." in words


def test_a_child_is_compared_with_its_parent(roots: Path) -> None:
    child = kinds.write_family(roots)
    made = _made(child, roots)
    assert "Compared with its parent" in made.sections
    found = read(made.html)
    check_safe(found)
    words = found.text.partition("Compared with its parent")[2]
    for part in (
        "A is its parent parent , B is this run.", "Predicted against measured", "as predicted",
        "num_workers 0 4", "Findings of either", "resolved", "95 % interval",
        "They learn equally well",
    ):  # fmt: skip
        assert part in words, part


@pytest.mark.parametrize("parent", ["gone", "../outside", "/etc", "..", EVIL, "child"])
def test_a_parent_is_sought_below_the_roots_alone(roots: Path, parent: str) -> None:
    kinds.write_job(roots.parent / "outside")
    kinds.write_curves(roots.parent / "outside", kinds.overfitting(5))
    kinds.write_job(roots / "child", parent=parent)
    made = _made(roots / "child", roots)
    check_safe(read(made.html))
    assert "is not here any more" in made.html or "has nothing to compare it with" in made.html
    assert "Predicted" not in made.html


def test_names_of_any_kind_stay_text(roots: Path) -> None:
    folder = roots / EVIL.replace("/", "∕").replace("\x00", "")
    evil = {EVIL: EVIL, f"{EVIL}2": [EVIL, {EVIL: EVIL}]}
    kinds.write_job(
        folder, ("running", "failed"), workload=EVIL, kind=EVIL, device=EVIL, params=evil,
        git_sha=EVIL, error=EVIL, parent=EVIL, family=EVIL, note=EVIL, argv=[EVIL], engine=EVIL,
        device_name=EVIL, device_used=EVIL, gpu_ids=EVIL, versions=evil,
        environment={"host": EVIL, "cores": EVIL, "packages": evil, "driver": EVIL, "system": EVIL},
    )  # fmt: skip
    (folder / "log.txt").write_text(EVIL)
    alert = {"time": 1.0, "step": 1, "kind": "turned", "verdict": EVIL, "reason": EVIL}
    (folder / "alerts.jsonl").write_text(json.dumps(alert))
    kinds.write_curves(folder, {**kinds.overfitting(), f"Loss/train/{EVIL}": [1.0] * 40})
    trials = kinds.write_tuning(folder / "t").to_json()
    trials |= {"workload": EVIL, "device": EVIL, "machine": EVIL, "notes": [EVIL], "stopped": EVIL}
    trials["baseline"]["multiprocessing_context"] = EVIL
    (folder / "trials.json").write_text(json.dumps(trials))
    (folder / "t" / "job.json").unlink()
    kinds.write_trace(folder).rename(folder / "trace" / f"a'\"<b>{'&' * 9}.pt.trace.json")
    (run,) = runs.discover([roots])
    made = run_report(run, [roots])
    found = read(made.html)
    check_safe(found)
    assert "<script" not in made.html
    assert "alert(1)" in found.text


@pytest.mark.parametrize(
    "record",
    [
        {"id": 7, "states": "x", "params": [1], "environment": 3, "versions": None},
        {"id": None, "states": [], "created": "soon", "started": math.inf, "ended": -1},
        {"id": "../x", "states": [3], "argv": {}, "exit_code": "1", "attempt": "2", "git_sha": 5},
        {"states": [{"state": "unknown"}], "started": 1e300, "params": {"a": None, "b": [1] * 900}},
    ],
)
def test_any_record_of_a_job_is_borne(roots: Path, record: dict[str, object]) -> None:
    folder = kinds.write_curves(roots / "odd", kinds.overfitting())
    (folder / "job.json").write_text(json.dumps(record))
    assert "Overfitting since" in _read(folder, roots).text


def test_what_cannot_be_read_costs_a_line_each(roots: Path) -> None:
    folder = kinds.write_curves(roots / "net", kinds.overfitting())
    (folder / "events.out.tfevents.1800000000.bad").write_bytes(b"not an event file")
    trace = kinds.write_trace(folder)
    trace.write_text("not a trace")
    (folder / "trials.json").write_text('{"trials": 3}')
    made = _made(folder, roots)
    words = read(made.html).text
    assert len(made.problems) == 3
    assert all(" ".join(problem.split()) in words for problem in made.problems)
    assert "Overfitting since" in words


def test_trials_that_hold_no_numbers_are_a_line(roots: Path) -> None:
    trials = kinds.write_tuning(roots / "net").to_json()
    for trial in trials["trials"]:
        trial["samples_per_s"] = "fast"
    (roots / "net" / "trials.json").write_text(json.dumps(trials))
    (problem,) = _made(roots / "net", roots).problems
    assert "does not hold DataLoader trials" in problem


ODD: dict[str, Callable[[int], float]] = {
    "constant": lambda i: 1.0,
    "diverged": lambda i: 2.0 - 0.1 * i if i < 15 else math.nan,
    "infinite": lambda i: 2.0 - 0.1 * i if i < 15 else math.inf,
    "never finite": lambda i: math.nan,
    "enormous": lambda i: 10.0**i,
    "negative": lambda i: -1.0 * i,
    "zero": lambda i: 0.0,
    "holes": lambda i: math.nan if i % 3 else 1.0 / (i + 1),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("points", [1, 2, 30])
def test_any_losses_are_drawn_or_said_to_be_none(roots: Path, kind: str, points: int) -> None:
    values = [ODD[kind](i) for i in range(points)]
    kinds.write_curves(roots / "net", {"Loss/train": values, "Loss/val": values})
    made = _made(roots / "net", roots)
    found = read(made.html)
    check_safe(found)
    assert made.problems == ()
    drawn = {path for path in found.attributes.get("d", ()) if path.startswith("M")}
    assert bool(drawn) == any(math.isfinite(value) for value in values)
    assert not any(word in path for path in drawn for word in ("nan", "inf"))


def test_a_run_of_much_stays_small(roots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_TRACES", 6)
    monkeypatch.setattr(writer, "ROOM", 30_000)
    folder = roots / "net"
    kinds.write_job(folder, params={f"parameter_{i}": i for i in range(2_000)})
    columns = {f"metric/{i}": [float(i)] * 20 for i in range(300)}
    kinds.write_curves(folder, columns | {k: v[:20] for k, v in kinds.overfitting().items()})
    for number in range(6):
        kinds.write_trace(folder, data_ms=10.0 * number).rename(
            folder / "trace" / f"{number}.pt.trace.json"
        )
    words = _read(folder, roots).text
    assert "And 1,880 more." in words
    shown = re.search(r"The (\d) slowest ones in full", words)
    assert shown is not None
    assert 1 <= int(shown[1]) < 6


def test_a_run_of_a_remote_folder_is_named_by_its_url(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "s3://user:secret@bucket/logs"
    monkeypatch.setenv("GPULSE_ROOTS", url)
    mirror = settings().mirror(url)
    kinds.write_curves(mirror / "net", kinds.overfitting())
    words = _read(mirror / "net", mirror).text
    assert "Folder s3://user:***@bucket/logs/net" in words
    assert "secret" not in words


def test_the_same_run_gives_the_same_report(roots: Path) -> None:
    child = kinds.write_family(roots)
    assert _made(child, roots).html == _made(child, roots).html


def test_verdicts_are_called_as_on_the_pages() -> None:
    shown = {key.removeprefix("verdict."): words for key, words in catalogue().items()
             if key.startswith("verdict.")}  # fmt: skip
    assert shown == VERDICTS


@pytest.mark.parametrize("place", sorted((SHARED / "traces").glob("*.gz")), ids=lambda p: p.name)
def test_real_traces_fit(tmp_path: Path, place: Path) -> None:
    made = run_report(runs.Run(place.name, place.parent, trace_files=(place,)), [])
    check_safe(read(made.html))
    assert len(made.html.encode()) < LIMIT


def test_real_logs_are_reported() -> None:
    folder = SHARED / "curves" / "events"
    if not folder.is_dir():
        pytest.skip("the real curves are not on this machine")
    found = runs.discover([folder])
    assert found
    for run in found:
        made = run_report(run, [folder])
        check_safe(read(made.html))
        assert len(made.html.encode()) < LIMIT
