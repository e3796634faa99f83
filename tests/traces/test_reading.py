"""What asks for too much is refused, before it takes it, by a limit that a setting raises."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from core.errors import Unreadable
from core.traces import load_trace, parse_trace


def _bomb(path: Path, head: bytes, filler: bytes, mib: int) -> Path:
    """A gzip file of a few KiB that unpacks to the head and so many MiB of filler."""
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(head)
        for _ in range(mib):
            file.write(filler * (2**20 // len(filler)))
    return path


@pytest.mark.parametrize("head", [b"", b"{", b'{"a":"', b'{"traceEvents":[', b"[", b'["'])
@pytest.mark.parametrize("filler", [b" ", b"{", b"[", b"0"])
def test_a_gzip_bomb_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch, head, filler):
    path = _bomb(tmp_path / "b.json.gz", head, filler, 12)
    monkeypatch.setenv("GPULSE_TRACE_ENTRY_MIB", "3")
    tracemalloc.start()
    with pytest.raises(Unreadable) as caught:
        load_trace(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * 2**20
    assert "\n" not in str(caught.value)


def test_the_limit_on_the_text_can_be_raised(tmp_path, monkeypatch):
    event = b'{"ph":"X","cat":"cpu_op","name":"a","pid":1,"tid":1,"ts":7,"dur":2},'
    path = _bomb(tmp_path / "b.json.gz", b'{"traceEvents":[', event, 2)
    monkeypatch.setenv("GPULSE_TRACE_GIB", str(1 / 1024))
    with pytest.raises(Unreadable, match="raise GPULSE_TRACE_GIB"):
        load_trace(path)
    monkeypatch.setenv("GPULSE_TRACE_GIB", "1")
    monkeypatch.setenv("GPULSE_TRACE_SPANS", "20000")
    with pytest.raises(Unreadable, match=r"20,000 spans.* raise GPULSE_TRACE_SPANS"):
        load_trace(path)
    monkeypatch.delenv("GPULSE_TRACE_SPANS")
    assert len(load_trace(path)) > 20_000


@pytest.mark.parametrize("levels", [2_000, 200_000])
def test_absurd_nesting_is_refused_by_a_limit_that_can_be_raised(levels, monkeypatch):
    good = '{"ph":"X","cat":"cpu_op","name":"a","pid":1,"tid":1,"ts":7,"dur":2}'
    deep = f'{{"ph":"X","ts":9,"args":{{"x":{"[" * levels}{"]" * levels}}}}}'
    text = f'{{"traceEvents":[{good},{deep},{good}]}}'.encode()
    with pytest.raises(Unreadable, match=r"levels deep.* raise GPULSE_TRACE_DEPTH"):
        parse_trace(text)
    monkeypatch.setenv("GPULSE_TRACE_DEPTH", str(levels + 10))
    trace = parse_trace(text)
    assert len(trace) == 2
    assert trace.incomplete == "1 damaged entry was left out."


def test_nesting_before_the_events_is_no_obstacle():
    head = '{"metadata":' + "[" * 3000 + "]" * 3000
    good = '{"ph":"X","cat":"cpu_op","name":"a","pid":1,"tid":1,"ts":7,"dur":2}'
    assert len(parse_trace(f'{head},"traceEvents":[{good}]}}'.encode())) == 1
