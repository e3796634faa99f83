"""The chart of a job's ranks is valid Vega-Lite, adds up, and stays small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.charts.ranks import MANY, ordered, ranks_chart
from core.traces import ACTIVITIES
from core.traces.labels import RANK_PARTS
from core.traces.ranks import JobDiagnosis, diagnose_ranks
from core.traces.ranks.simulator import JobSettings, simulate_job


def diagnosed(folder: Path, **settings) -> JobDiagnosis:
    for rank, content in enumerate(simulate_job(JobSettings(**settings))):
        (folder / f"rank{rank}.pt.trace.json").write_text(json.dumps(content))
    return diagnose_ranks(folder)


def rows(chart) -> list[dict]:
    return [row for data in chart.to_dict()["datasets"].values() for row in data]


def test_bars_fill_the_window_of_each_rank(tmp_path):
    job = diagnosed(tmp_path, ranks=4, slow_rank=2, slow_data_ms=4.0)
    total: dict[str, float] = {}
    for row in rows(ranks_chart(job)):
        total[row["label"]] = total.get(row["label"], 0.0) + row["share"]
    assert set(total) == {"2 ◀", "1", "3", "0"}
    assert all(share == pytest.approx(100, abs=0.2) for share in total.values())


def test_the_straggler_comes_first_because_it_waits_least(tmp_path):
    job = diagnosed(tmp_path, ranks=4, slow_rank=2, slow_data_ms=4.0)
    assert ordered(job)[0].rank == 2
    waits = [round(rank.communication_wait_pct, 1) for rank in ordered(job)]
    assert waits == sorted(waits)


@pytest.mark.parametrize("count", [2, MANY, MANY + 1, 60])
def test_the_height_is_bounded_and_nobody_is_left_out(tmp_path, count):
    job = diagnosed(tmp_path, ranks=count, slow_rank=1, slow_data_ms=4.0, steps=1, kernels=6)
    chart = ranks_chart(job)
    drawn = chart.to_dict()
    assert drawn["height"] <= 800
    assert len({row["label"] for row in rows(chart)}) == count
    marks = [row for row in rows(chart) if "text" in row]
    assert [row["text"] for row in marks] == (["▼ rank 1"] if count > MANY else [])


def test_colours_are_those_of_every_other_chart(tmp_path):
    job = diagnosed(tmp_path, ranks=2, slow_rank=1, slow_data_ms=4.0)
    scale = ranks_chart(job).to_dict()["encoding"]["color"]["scale"]
    known = {label.title: label.colour for label in (*ACTIVITIES.values(), *RANK_PARTS.values())}
    pairs = dict(zip(scale["domain"], scale["range"], strict=True))
    pairs.pop("Other waiting", None)
    assert pairs.items() <= known.items()
    assert {"Computing", "Waiting for a later rank", "Waiting for the DataLoader"} <= set(pairs)
    assert len(set(scale["range"])) == len(scale["range"])
