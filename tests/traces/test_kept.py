"""A trace is read once; whatever becomes of its cache files, the answer is that of the file."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import cachedir
from core.errors import NotFound, Unreadable
from core.traces import (
    Diagnosis,
    SimulatorSettings,
    Trace,
    WhatIf,
    archive,
    diagnose,
    identity,
    kept,
    load_trace,
    simulate,
)
from tests.traces.conftest import SHARED


def simulated(steps: int) -> bytes:
    return json.dumps(simulate(SimulatorSettings(steps=steps))).encode()


@pytest.fixture
def path(tmp_path) -> Path:
    file = tmp_path / "log" / "t.pt.trace.json.gz"
    file.parent.mkdir()
    file.write_bytes(gzip.compress(simulated(4)))
    return file


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """Names of the files that were read, and of those that were judged."""
    seen: list[str] = []

    def read(file: Path) -> Trace:
        seen.append(f"read {file.name}")
        return load_trace(file)

    def judge(trace: Trace) -> Diagnosis:
        seen.append(f"judge {trace.source}")
        return diagnose(trace)

    monkeypatch.setattr(kept, "load_trace", read)
    monkeypatch.setattr(kept, "diagnose", judge)
    return seen


def same(one: Any, other: Any) -> bool:
    """Equality of records down to the types and bits of their arrays."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)
    if isinstance(one, WhatIf):  # made anew: what it says is what counts
        return same(
            (one.refusal, one.step_ms, one.predict(["loader"])),
            (other.refusal, other.step_ms, other.predict(["loader"])),
        )
    if dataclasses.is_dataclass(one):
        names = [field.name for field in dataclasses.fields(one)]
        return type(one) is type(other) and all(
            same(getattr(one, name), getattr(other, name)) for name in names
        )
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):  # np.float64 is one too
        return isinstance(other, float) and one == other
    return type(one) is type(other) and one == other


def test_a_second_opening_reads_nothing_and_says_the_same(path, reads):
    trace, found = kept.open_trace(path), kept.open_diagnosis(path)
    assert reads == [f"read {path.name}", f"judge {path.name}"]
    again = kept.open_trace(path)
    assert same(again, trace)
    assert same(kept.open_diagnosis(path), found)
    assert same(found, diagnose(load_trace(path)))
    assert len(reads) == 2
    with pytest.raises(ValueError, match="read-only"):
        again.start[0] = 1


def test_a_kept_diagnosis_needs_no_columns(path, reads):
    kept.open_diagnosis(path)
    kept.file_of(path, "columns").unlink()
    assert kept.open_diagnosis(path).findings
    assert len(reads) == 2


@pytest.mark.parametrize(
    "name",
    ["h100_bert_small.json.gz", "cpu_only_rank34.pt.trace.json.gz", "no_gpu_dataloader.json.gz"],
)
def test_real_diagnoses_come_back_whole(real, name):
    path = SHARED / name
    trace, found = real(name), diagnose(real(name))
    for _ in range(2):
        assert same(kept.open_trace(path), trace)
        assert same(kept.open_diagnosis(path), found)
    assert kept.file_of(path, "columns").exists()
    assert kept.file_of(path, "diagnosis").exists()


def test_a_trace_that_changed_is_read_again(path, reads):
    kept.open_diagnosis(path)
    content, status = path.read_bytes(), path.stat()
    shorter = gzip.compress(simulated(3))
    path.write_bytes(shorter)
    assert kept.open_diagnosis(path).steps == 3
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert kept.open_diagnosis(path).steps == 4
    assert len(reads) == 6


def test_a_change_of_the_code_judges_anew(path, reads, monkeypatch):
    kept.open_diagnosis(path)
    monkeypatch.setattr(identity, "code_digest", lambda: "another version")
    kept.open_diagnosis(path)
    assert len(reads) == 4


def test_a_trace_that_changes_while_it_is_read_is_not_kept(path, monkeypatch):
    def read(file: Path) -> Trace:
        trace = load_trace(file)
        file.write_bytes(gzip.compress(simulated(3)))
        return trace

    monkeypatch.setattr(kept, "load_trace", read)
    kept.open_trace(path)
    monkeypatch.undo()
    assert kept.open_diagnosis(path).steps == 3


def test_any_damage_to_a_cache_file_reads_as_not_kept(path, reads):
    wanted = kept.open_diagnosis(path).to_json()
    count = len(kept.open_trace(path))
    source = random.Random(5)
    for what in ("columns", "diagnosis"):
        file = kept.file_of(path, what)
        good = file.read_bytes()
        damages = [b"", b"GPULSE-1", bytes(len(good)), good[:-1], good[: len(good) // 2]]
        for _ in range(60):
            broken = bytearray(good)
            broken[source.randrange(len(good))] ^= 1 << source.randrange(8)
            damages.append(bytes(broken))
        for damage in damages:
            file.write_bytes(damage)
            assert kept.open_diagnosis(path).to_json() == wanted
            assert len(kept.open_trace(path)) == count
    assert len(reads) > 100


def test_the_cache_file_of_another_trace_is_not_believed(path, tmp_path):
    other = path.with_name("other.json")
    other.write_bytes(simulated(3))
    assert kept.open_diagnosis(path).steps == 4
    assert kept.open_diagnosis(other).steps == 3
    for what in ("columns", "diagnosis"):
        shutil.copy(kept.file_of(path, what), kept.file_of(other, what))
    assert kept.open_diagnosis(other).steps == 3


def test_the_cache_may_vanish_or_be_impossible(path, tmp_path, monkeypatch):
    wanted = kept.open_diagnosis(path).to_json()
    shutil.rmtree(cachedir.folder("traces"))
    assert kept.open_diagnosis(path).to_json() == wanted
    (tmp_path / "in the way").touch()
    monkeypatch.setenv("GPULSE_STATE_DIR", str(tmp_path / "in the way"))
    assert kept.open_diagnosis(path).to_json() == wanted


def test_traces_and_event_files_share_one_limit(path, tmp_path, monkeypatch):
    monkeypatch.setenv("GPULSE_CACHE_MIB", "1")
    old = cachedir.folder("events") / "old.parquet"
    cachedir.write(old, lambda stream: stream.write(bytes(2**20)))
    os.utime(old, (1, 1))
    kept.open_diagnosis(path)
    cachedir.write(cachedir.folder("events") / "new", lambda stream: stream.write(bytes(2**18)))
    assert not old.exists()
    assert kept.file_of(path, "diagnosis").exists()


def test_a_failed_writing_leaves_nothing_behind(tmp_path):
    target = cachedir.folder("traces") / "x"
    cachedir.write(target, lambda stream: stream.write(b"good"))

    def fail(stream: Any) -> None:
        stream.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cachedir.write(target, fail)
    assert [file.read_bytes() for file in target.parent.iterdir()] == [b"good"]


def test_what_is_no_trace_is_not_kept(tmp_path):
    file = tmp_path / "x.json"
    file.write_text("{}")
    for _ in range(2):
        with pytest.raises(Unreadable, match="not a PyTorch trace"):
            kept.open_diagnosis(file)
    with pytest.raises(NotFound):
        kept.open_trace(tmp_path / "nothing.json")


def test_arrays_of_every_kind_survive_an_archive():
    @dataclasses.dataclass
    class Record:
        arrays: tuple[np.ndarray, ...]

    arrays = (
        np.array([]),
        np.array([np.nan, np.inf, -0.0, 1e-300]),
        np.array([-1, 2**62]),
        np.array([], np.int32),
        np.array([[True, False], [False, False]]),
        np.arange(-9, 9, dtype=np.int64).reshape(3, 6)[:, ::2],
    )
    file = io.BytesIO()
    archive.save(file, "k", Record(arrays))
    file.seek(0)
    loaded = archive.load(file, "k", Record)
    assert loaded is not None
    assert same(loaded.arrays, arrays)
    file.seek(0)
    assert archive.load(file, "another key", Record) is None
    with pytest.raises(TypeError, match="cannot be kept"):
        archive.save(io.BytesIO(), "k", Record((np.array([object()]),)))


def test_judging_loads_neither_pandas_nor_arrow():
    code = (
        "import sys; from core.traces import SimulatorSettings, diagnose, simulate_trace;"
        "diagnose(simulate_trace(SimulatorSettings()));"
        "print(sorted({'pandas', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == []


@pytest.mark.timeout(20)
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "trace.json")
    with pytest.raises(Unreadable, match="no ordinary file"):
        kept.open_trace(tmp_path / "trace.json")
