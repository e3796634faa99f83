"""A job's diagnosis: the planted straggler, the even job, what is missing or damaged."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadInput, NotFound, Unreadable
from core.traces import parse_trace
from core.traces.case import make_case
from core.traces.ranks import PARTS, diagnose_ranks
from core.traces.ranks.collectives import collectives_of
from core.traces.ranks.facts import Facts
from core.traces.ranks.job import spelled_ranks
from core.traces.ranks.simulator import JobSettings, simulate_job
from core.traces.ranks.verdict import fair_share_limit
from core.traces.ranks.waits import waits_of


def test_slow_data_on_one_rank_is_the_answer(job):
    found = diagnose_ranks(job(ranks=4, slow_rank=2, slow_data_ms=4.0))
    assert found.straggler is not None
    assert (found.straggler.rank, found.straggler.cause) == (2, "input-wait")
    assert (found.primary, found.answer.rank) == ("input-wait", 2)
    assert found.headline.startswith("Rank 2 arrives last in 100 % of collectives")
    assert "waiting for the DataLoader" in found.headline
    assert [finding.rule for finding in found.findings] == ["C2"]
    assert "num_workers" in found.findings[0].fix.snippet


def test_the_predicted_gain_is_what_the_job_without_the_delay_takes(job):
    slow = diagnose_ranks(job("slow", ranks=4, steps=8, slow_rank=1, slow_data_ms=3.0))
    even = diagnose_ranks(job("even", ranks=4, steps=8))
    gain = slow.findings[0].predicted_speedup
    assert gain is not None
    real = slow.answer.window_ms / even.answer.window_ms
    assert gain.low * 0.98 <= real <= gain.high * 1.02


def test_slow_kernels_on_one_rank_are_told_from_slow_data(job):
    found = diagnose_ranks(job(ranks=3, slow_rank=0, slow_factor=2.0))
    assert found.straggler is not None
    assert (found.straggler.rank, found.straggler.cause) == (0, "compute")
    assert found.primary == "communication"
    assert "nvidia-smi" in found.findings[0].fix.snippet


def test_an_even_job_has_no_straggler_and_no_finding(job):
    found = diagnose_ranks(job(ranks=6))
    assert (found.straggler, found.findings) == (None, ())
    assert found.headline.startswith("No rank holds the others up")
    assert found.primary == "input-wait"  # every rank's own
    assert all(rank.communication_wait_pct < 5 for rank in found.ranks)


def test_ranks_that_are_late_in_turn_are_an_imbalance(tmp_path):
    documents = [simulate_job(JobSettings(ranks=4, steps=1, seed=seed, slow_rank=seed % 4,
                                          slow_data_ms=3.0)) for seed in range(8)]  # fmt: skip
    for rank in range(4):
        events = []
        for step, ranks in enumerate(documents):
            for event in ranks[rank]["traceEvents"]:
                name = event["name"].replace("Step#0", f"Step#{step}")
                args = event["args"]
                if "Seq" in args:
                    args = args | {"Seq": args["Seq"] + 100 * step}
                if "correlation" in args:
                    args = args | {"correlation": args["correlation"] + 1000 * step}
                late = event["ts"] + 20_000 * step
                events.append(event | {"name": name, "ts": late, "args": args})
        content = documents[0][rank] | {"traceEvents": events}
        (tmp_path / f"rank{rank}.pt.trace.json").write_text(json.dumps(content))
    found = diagnose_ranks(tmp_path)
    assert found.straggler is None
    assert [finding.rule for finding in found.findings] == ["C4"]
    assert found.headline.startswith("The ranks wait for one another")
    assert all(0.15 < rank.last_arriver_share < 0.35 for rank in found.ranks)


@pytest.mark.parametrize("arguments", [True, False])
def test_clocks_hours_apart_change_nothing(job, arguments):
    plain = {"ranks": 3, "slow_rank": 1, "slow_data_ms": 2.0, "arguments": arguments}
    right = diagnose_ranks(job("right", **plain))
    wrong = diagnose_ranks(job("wrong", **plain, clock_us=(0.0, 7.2e9, -123_456.789)))
    assert any("clocks" in note for note in wrong.notes)
    assert not any("clocks" in note for note in right.notes)
    for one, other in zip(right.ranks, wrong.ranks, strict=True):
        assert one.communication_wait_pct == pytest.approx(other.communication_wait_pct, abs=0.2)
    assert wrong.straggler is not None
    assert wrong.straggler.rank == 1


@settings(max_examples=25, deadline=None)
@given(
    st.integers(2, 9), st.integers(1, 4), st.integers(0, 8), st.floats(2.0, 8.0),
    st.integers(1, 6), st.booleans(), st.lists(st.floats(-1e6, 1e6), min_size=9, max_size=9),
)  # fmt: skip
def test_the_planted_straggler_comes_out_of_any_job(
    ranks, steps, slow, data_ms, buckets, arguments, clocks
):
    plan = JobSettings(
        ranks=ranks,
        steps=steps,
        slow_rank=slow % ranks,
        slow_data_ms=data_ms,
        buckets=buckets,
        arguments=arguments,
        clock_us=tuple(clocks[:ranks]),
    )
    cases, zero = [], []
    for document in simulate_job(plan):
        facts, text = Facts(), json.dumps(document).encode()
        trace = parse_trace(text)
        facts.watch(text)
        cases.append((make_case(trace), facts.calls))
        zero.append(trace.base_ns)
    zero_us = [(base - min(zero)) / 1e3 for base in zero]
    found = waits_of([collectives_of(*case) for case in cases], zero_us)
    blamed = max(range(ranks), key=lambda index: found[index].caused_us)
    assert blamed == slow % ranks
    assert found[blamed].wait.measure <= 0.02 * cases[blamed][0].total_us
    for (case, _), waits in zip(cases, found, strict=True):
        parts = waits.wait.measure + waits.transfer.measure + waits.alone.measure
        assert parts == pytest.approx(case.communication.measure, abs=0.01)
        assert waits.alone.measure < 0.001


def test_parts_sum_to_the_window_and_replace_communication(job):
    for rank in diagnose_ranks(job(ranks=3, slow_rank=0, slow_data_ms=1.0)).ranks:
        assert sum(rank.breakdown.values()) == pytest.approx(100, abs=0.05)
        assert set(PARTS) < set(rank.breakdown)
        assert "exposed-communication" not in rank.breakdown


def test_one_unreadable_rank_costs_one_line(job):
    folder = job(ranks=4, slow_rank=2, slow_data_ms=4.0)
    (folder / "rank1.pt.trace.json").write_text("no trace")
    found = diagnose_ranks(folder)
    assert [rank.rank for rank in found.ranks] == [0, 2, 3]
    assert len(found.problems) == 1
    assert found.problems[0].startswith("Rank 1: rank1.pt.trace.json is not a PyTorch trace")
    assert found.straggler is not None
    assert found.straggler.rank == 2


def test_nothing_readable_is_one_line(job):
    folder = job(ranks=2)
    for file in folder.iterdir():
        file.write_text("no trace")
    with pytest.raises(Unreadable, match="None of the 2 ranks"):
        diagnose_ranks(folder)


def test_missing_ranks_are_said(job):
    folder = job(ranks=5)
    for rank in (1, 2, 3):
        (folder / f"rank{rank}.pt.trace.json").unlink()
    found = diagnose_ranks(folder)
    assert found.missing == (1, 2, 3)
    assert "The job has 5 ranks (0–4): only ranks 0, 4 are here." in found.notes


def test_a_rank_without_collectives_is_left_out_of_the_comparison(job):
    folder = job(ranks=3, slow_rank=1, slow_data_ms=4.0)
    file = folder / "rank2.pt.trace.json"
    content = json.loads(file.read_text())
    content["traceEvents"] = [e for e in content["traceEvents"] if "nccl" not in e["name"]]
    file.write_text(json.dumps(content))
    found = diagnose_ranks(folder)
    assert found.ranks[2].collectives == 0
    assert found.ranks[2].clock_shift_us is None
    assert "No collective of rank 2 was found on another rank." in found.notes
    assert found.straggler is not None
    assert found.straggler.rank == 1


def test_ranks_without_any_common_collective_are_still_listed(job):
    folder = job(ranks=2)
    for rank in range(2):
        file = folder / f"rank{rank}.pt.trace.json"
        content = json.loads(file.read_text())
        content["traceEvents"] = [e for e in content["traceEvents"] if "nccl" not in e["name"]]
        file.write_text(json.dumps(content))
    found = diagnose_ranks(folder)
    assert found.straggler is None
    assert "no collectives in common" in found.headline
    assert len(found.ranks) == 2


def test_other_folders_are_refused_in_one_line(job, tmp_path):
    folder = job(ranks=1)
    with pytest.raises(BadInput, match="Only one trace"):
        diagnose_ranks(folder)
    (folder / "other.pt.trace.json").write_text('{"traceEvents": []}')
    with pytest.raises(BadInput, match="not ranks of one job"):
        diagnose_ranks(folder)
    with pytest.raises(NotFound):
        diagnose_ranks(tmp_path / "absent")


def test_the_record_has_the_keys_of_one_trace_and_those_of_the_job(job):
    record = diagnose_ranks(job(ranks=3, slow_rank=1, slow_data_ms=4.0)).to_json()
    one = {"trace", "device", "steps", "window_ms", "device_busy_pct", "idle_pct", "primary",
           "idle_by_cause", "step_breakdown", "findings", "headline"}  # fmt: skip
    assert one <= set(record)
    assert (record["rank"], record["trace"], record["straggler"]["rank"]) == (
        1,
        "rank1.pt.trace.json",
        1,
    )
    entry = {"rank", "trace", "step_ms", "device_busy_pct", "idle_by_cause", "primary",
             "communication_wait_pct", "transfer_pct", "last_arriver_share"}  # fmt: skip
    assert all(entry <= set(rank) for rank in record["ranks"])
    assert record["findings"][0]["rule"] == "C2"
    json.dumps(record, allow_nan=False)


def test_late_arrivals_lie_on_the_stragglers_own_axis(job):
    found = diagnose_ranks(job(ranks=3, slow_rank=1, slow_data_ms=4.0, clock_us=(0, 5e8, 0)))
    ranges = np.array(found.findings[0].ranges_us)
    assert ranges.shape == (5, 2)
    assert (ranges >= 0).all()
    assert (ranges <= 1e3 * found.answer.window_ms).all()
    assert (np.diff(ranges, axis=1) > 0).all()


@pytest.mark.parametrize(
    ("ranks", "limit"), [(2, 0.75), (3, 2 / 3), (4, 0.5), (8, 0.25), (300, 1 / 150)]
)
def test_twice_the_fair_share_where_there_can_be_twice(ranks, limit):
    assert fair_share_limit(ranks) == pytest.approx(limit)


def test_ranks_are_spelled_as_ranges():
    assert spelled_ranks([3]) == "rank 3"
    assert spelled_ranks([0, 1, 2, 7]) == "ranks 0–2, 7"
    assert spelled_ranks(range(0, 40, 2)) == "ranks 0, 2, 4, 6, 8 …"


def test_a_changed_trace_is_read_anew(job):
    folder = job(ranks=2, slow_rank=1, slow_data_ms=4.0)
    first = diagnose_ranks(folder)
    again = diagnose_ranks(job(ranks=2, slow_rank=0, slow_data_ms=4.0))
    assert first.straggler is not None
    assert again.straggler is not None
    assert (first.straggler.rank, again.straggler.rank) == (1, 0)


def test_an_unwritable_state_folder_only_costs_the_keeping(job, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GPULSE_STATE_DIR", str(tmp_path / "file" / "state"))
    assert len(diagnose_ranks(job(ranks=2)).ranks) == 2


def test_what_was_kept_answers_alike(job):
    folder = job(ranks=3, slow_rank=1, slow_data_ms=4.0)
    first = diagnose_ranks(folder)
    kept = list((folder.parent / "state" / "cache" / "ranks").iterdir())
    assert len(kept) == 3
    second = diagnose_ranks(folder)
    assert replace(second, record={}).ranks == replace(first, record={}).ranks
    assert second.to_json() == first.to_json()
    for file in kept:
        file.write_bytes(os.urandom(64))
    assert diagnose_ranks(folder).to_json() == first.to_json()


def test_eight_real_ranks_are_compared(dlrm):
    found = diagnose_ranks(dlrm)
    assert (found.world_size, found.missing, found.problems) == (8, (), ())
    by_rank = {rank.rank: rank for rank in found.ranks}
    assert by_rank[7].device_busy_pct == pytest.approx(21.3, abs=0.1)
    assert by_rank[1].device_busy_pct == pytest.approx(61.9, abs=0.1)
    # What differs between the ranks is waiting; the transfer is the same small part everywhere.
    transfer = [rank.transfer_pct for rank in found.ranks]
    waiting = [rank.communication_wait_pct for rank in found.ranks]
    assert max(transfer) - min(transfer) < 1
    assert max(waiting) - min(waiting) > 40
    assert found.straggler is not None
    assert found.straggler.rank == 7
    assert found.straggler.last_arriver_share == pytest.approx(5 / 8)
    assert found.straggler.late_ms == pytest.approx(7.5, abs=0.1)
    assert (found.primary, found.findings[0].severity) == ("host-bound", "critical")
    assert all(rank.collectives == 8 for rank in found.ranks)
    assert all(rank.clock_shift_us == 0 for rank in found.ranks)
    assert any("Profile more steps" in note for note in found.notes)
