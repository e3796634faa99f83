"""What the text of a trace says beside its spans, wherever its pieces are cut."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.traces.ranks.facts import Facts, read_head

ARGS = {
    "Collective name": "allreduce",
    "dtype": "Float",
    "In msg nelems": 10,
    "Out msg nelems": 10,
    "Process Group Name": "7",
    "Process Group Ranks": "[0, 1, ..., 63]",
}


def document(head: bool = True, args: dict[str, Any] | None = None) -> bytes:
    """A trace of two spans with base and rank before or after them."""
    about = {
        "distributedInfo": {"backend": "nccl", "rank": 3, "world_size": 64},
        "baseTimeNanoseconds": 1719853884000000000,
    }
    span = {"ph": "X", "cat": "kernel", "name": "nccl", "pid": 0, "tid": 7, "ts": 1719, "dur": 2}
    events = [span | {"args": {"correlation": 5, **ARGS, **(args or {})}}, span | {"args": {}}]
    ordered = {**about, "traceEvents": events} if head else {"traceEvents": events, **about}
    return json.dumps(ordered).encode()


@given(st.integers(1, 200), st.booleans())
def test_facts_are_found_however_the_text_is_cut(size, head):
    text, facts = document(head), Facts()
    for low in range(0, len(text), size):
        facts.watch(text[low : low + size])
    facts.finish()
    assert (facts.rank, facts.world_size, facts.backend) == (3, 64, "nccl")
    assert facts.base_ns == 1719853884000000000
    assert facts.calls[5].group == "7 [0, 1, ..., 63]"
    assert facts.calls[5].kind == "allreduce"


def test_a_sequence_number_is_what_calls_are_matched_by():
    one, other = Facts(), Facts()
    one.watch(document(args={"Seq": 12}))
    other.watch(document(args={"Seq": 12, "In msg nelems": 99}))
    assert one.calls == other.calls
    later = Facts()
    later.watch(document(args={"Seq": 13}))
    assert later.calls[5].signature != one.calls[5].signature


def test_messages_of_an_uneven_exchange_may_differ_in_size():
    sizes = []
    for elements in (10, 99):
        facts = Facts()
        facts.watch(document(args={"Collective name": "all_to_allv", "In msg nelems": elements}))
        sizes.append(facts.calls[5].signature)
    assert sizes[0] == sizes[1]


@given(st.binary(max_size=400))
def test_no_text_makes_it_fail(noise):
    text = document()
    for damaged in (noise, noise + text, text[: len(noise)] + noise, noise.join([text, text])):
        facts = Facts()
        facts.watch(damaged)
        facts.finish()


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b broken", b"[]", document()[:40]])
def test_a_head_without_facts_is_empty(tmp_path, content):
    file = tmp_path / "trace.json"
    file.write_bytes(content)
    assert read_head(file).rank is None
    assert read_head(tmp_path / "absent").rank is None


def test_the_head_of_a_packed_file_is_read(tmp_path):
    file = tmp_path / "a.pt.trace.json.gz"
    file.write_bytes(gzip.compress(document()))
    facts = read_head(file)
    assert (facts.rank, facts.first_us) == (3, 1719)
