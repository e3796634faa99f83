"""Which files are ranks of one job, and which step window they belong to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.traces import find_traces
from core.traces.ranks import Sorted, sort_traces


def write(file: Path, rank: int | None = None, world: int = 4) -> None:
    """A trace that says which rank it is, or does not."""
    file.parent.mkdir(parents=True, exist_ok=True)
    content: dict[str, object] = {"traceEvents": []}
    if rank is not None:
        content = {"distributedInfo": {"backend": "nccl", "rank": rank, "world_size": world}}
        content["traceEvents"] = []
    file.write_text(json.dumps(content))


def sort(root: Path) -> Sorted:
    return sort_traces(find_traces(root), root)


@pytest.mark.parametrize(
    "name",
    [
        "rank{}.pt.trace.json",
        "RANK_{}.pt.trace.json",
        "worker{}_step_12.1694128201545.pt.trace.json",
        "job-rank-{}.trace.json",
        "rank_{}/my.pt.trace.json",
        "trace/rank{}/run.pt.trace.json",
    ],
)
def test_names_say_which_rank_a_file_is(tmp_path, name):
    for rank in (0, 1, 10):
        write(tmp_path / name.format(rank))
    (capture,) = sort(tmp_path).captures
    assert capture.ranks == (0, 1, 10)
    assert capture.world_size == 11
    assert capture.missing == tuple(range(2, 10))


def test_the_head_is_believed_before_the_name(tmp_path):
    for rank in (0, 1):
        write(tmp_path / f"worker{rank + 5}.pt.trace.json", rank, 2)
    (capture,) = sort(tmp_path).captures
    assert (capture.ranks, capture.missing) == ((0, 1), ())


def test_hosts_of_the_trace_handler_are_ranks_by_their_heads(tmp_path):
    for rank in range(3):
        write(tmp_path / f"node{rank}_{4000 + rank}.1694128201{rank}45.pt.trace.json", rank, 3)
    (capture,) = sort(tmp_path).captures
    assert capture.ranks == (0, 1, 2)


def test_unrelated_traces_are_no_job(tmp_path):
    write(tmp_path / "a.pt.trace.json")
    write(tmp_path / "b.pt.trace.json")
    write(tmp_path / "one_rank.pt.trace.json", 3, 8)
    write(tmp_path / "other_rank.pt.trace.json", 1, 2)
    found = sort(tmp_path)
    assert (found.captures, len(found.alone)) == ((), 4)
    assert {(lone.rank, lone.world_size) for lone in found.lone_ranks} == {(3, 8), (1, 2)}


def test_single_process_runs_of_rank_0_are_no_job(tmp_path):
    for name in "abc":
        write(tmp_path / f"{name}.pt.trace.json", 0, 1)
    found = sort(tmp_path)
    assert (found.captures, len(found.alone), found.lone_ranks) == ((), 3, ())


def test_jobs_of_two_folders_are_kept_apart(tmp_path):
    for folder in ("first", "second"):
        for rank in range(2):
            write(tmp_path / folder / f"rank{rank}.pt.trace.json", rank, 2)
    assert [capture.name for capture in sort(tmp_path).captures] == ["first", "second"]


def test_steps_in_the_names_are_windows_of_their_own(tmp_path):
    for step in (9, 100):
        for rank in range(2):
            write(tmp_path / f"worker{rank}_step_{step}.pt.trace.json", rank, 2)
    captures = sort(tmp_path).captures
    assert [capture.name for capture in captures] == ["step 9", "step 100"]
    assert all("step_9." in file.path.name for file in captures[0].files)


def test_windows_without_a_step_are_told_apart_by_time(tmp_path):
    for window in range(3):
        for rank in range(2):
            if (window, rank) != (0, 1):
                name = f"host_{rank}.{1694128201000 + 60_000 * window + rank}.pt.trace.json"
                write(tmp_path / name, rank, 2)
    found = sort(tmp_path)
    assert [capture.name for capture in found.captures] == ["window 2 of 3", "window 3 of 3"]
    assert all(capture.ranks == (0, 1) for capture in found.captures)
    stamps = [{f.path.name.split(".")[1][:11] for f in c.files} for c in found.captures]
    assert all(len(stamp) == 1 for stamp in stamps)
    assert len(found.alone) == 1


def test_a_damaged_rank_still_belongs_to_its_job(tmp_path):
    for rank in range(2):
        write(tmp_path / f"rank{rank}.pt.trace.json", rank, 3)
    (tmp_path / "rank2.pt.trace.json").write_bytes(b"\x1f\x8b damaged")
    (capture,) = sort(tmp_path).captures
    assert (capture.ranks, capture.world_size) == ((0, 1, 2), 3)
