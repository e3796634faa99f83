"""Many ranks at once: bounded by cores and memory, and a process that dies costs one rank."""

from __future__ import annotations

import gzip
import os
import signal
import threading
import time

import pytest

from core.traces.ranks import diagnose_ranks, pool
from core.traces.ranks.pool import in_flight, text_bytes
from core.traces.ranks.summary import RankSummary

GIB = 2**30


@pytest.mark.parametrize(
    ("sizes", "cores", "free", "slots"),
    [
        ([GIB] * 300, 64, 64 * GIB, 64),  # cores
        ([GIB] * 300, 64, 4 * GIB, 5),  # memory: 0.68 GiB each
        ([GIB] * 300, 64, 0, 1),  # never none
        ([GIB] * 3, 64, 64 * GIB, 3),  # no more than ranks
        ([GIB], 64, 64 * GIB, 1),
        ([10_000] * 8, 64, 64 * GIB, 1),  # too small to start processes for
        ([], 64, 64 * GIB, 1),
    ],
)
def test_ranks_in_flight_are_bounded_by_cores_and_memory(sizes, cores, free, slots):
    assert in_flight(sizes, cores, free) == slots


def test_the_largest_rank_counts_for_memory():
    even = in_flight([GIB // 8] * 16, 64, 8 * GIB)
    assert in_flight([*[GIB // 8] * 15, 8 * GIB], 64, 8 * GIB) < even


def test_the_length_of_text_is_read_from_a_packed_file(tmp_path):
    text = b"a trace" * 5000
    packed, plain = tmp_path / "a.json.gz", tmp_path / "a.json"
    packed.write_bytes(gzip.compress(text))
    plain.write_bytes(text)
    assert text_bytes(plain) == len(text)
    assert text_bytes(packed) == pytest.approx(len(text), rel=20)
    noise = tmp_path / "noise.json.gz"
    noise.write_bytes(gzip.compress(os.urandom(5000)) + b"\0\0\0\0")
    assert text_bytes(noise) == pool._GZIP_RATIO * noise.stat().st_size
    assert text_bytes(tmp_path / "absent") == 0


def test_processes_give_what_one_process_gives(job, monkeypatch):
    folder = job(ranks=5, names="rank{}.pt.trace.json.gz", slow_rank=3, slow_data_ms=4.0)
    (folder / "rank1.pt.trace.json.gz").write_text("no trace")
    monkeypatch.setenv("GPULSE_STATE_DIR", str(folder.parent / "one"))
    one = diagnose_ranks(folder).to_json()
    monkeypatch.setenv("GPULSE_STATE_DIR", str(folder.parent / "many"))
    monkeypatch.setattr(pool, "in_flight", lambda sizes: 2)
    many = diagnose_ranks(folder).to_json()
    assert many == one
    assert len(many["problems"]) == 1


def test_a_process_that_is_killed_costs_its_rank_alone(job, monkeypatch):
    folder = job(ranks=3)
    fifo = folder / "rank9.pt.trace.json"
    paths = sorted(folder.iterdir())
    os.mkfifo(fifo)  # whoever reads it waits for ever
    monkeypatch.setattr(pool, "in_flight", lambda sizes: 2)
    monkeypatch.setattr(pool, "text_bytes", lambda path: int(path == fifo))
    started = []
    real = pool._start
    monkeypatch.setattr(pool, "_start", lambda: started.append(real()) or started[-1])
    answers = []
    thread = threading.Thread(target=lambda: answers.extend(pool.read_all([fifo, *paths])))
    thread.start()
    deadline = time.monotonic() + 60
    while not started and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(3)  # the other process has read the rest by now, or will
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
    with fifo.open("rb+", buffering=0):  # lets a process that was not killed come to an end
        thread.join(60)
    assert not thread.is_alive()
    assert isinstance(answers[0], str)
    assert "signal 9" in answers[0]
    assert sum(isinstance(answer, RankSummary) for answer in answers) >= 2
