"""Begin and end events become spans, as on a stack."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.traces import Trace
from core.traces.pairs import BEGIN, END, WHOLE, pair_up


def _whole(name: str, start: float, duration: float, thread: int = 1) -> tuple:
    return (name, start, start + duration, thread)


def _spans(trace: Trace) -> set[tuple]:
    thread = [int(trace.threads[code].thread) for code in trace.thread]
    names = [trace.names[code] for code in trace.name]
    return set(zip(names, trace.start.tolist(), trace.end.tolist(), thread, strict=True))


def _mark(phase: str, at: float, name: str = "", thread: int = 1) -> dict[str, Any]:
    return {"ph": phase, "name": name, "cat": "cpu_op", "pid": 1, "tid": thread, "ts": at}


def test_begin_and_end_events_become_spans(trace_of):
    trace = trace_of(
        [
            _mark("B", 0, "outer"),
            _mark("B", 10, "other", thread=2),
            _mark("B", 20, "inner"),
            _mark("E", 30),
            _mark("E", 35, thread=2),
            _mark("B", 40, "inner"),
            _mark("E", 45, "another name, as the format allows"),
            _mark("E", 90),
            _mark("X", 95, "whole") | {"dur": 5},
        ]
    )
    assert _spans(trace) == {
        _whole("outer", 0, 90),
        _whole("other", 10, 25, 2),
        _whole("inner", 20, 10),
        _whole("inner", 40, 5),
        _whole("whole", 95, 5),
    }


def test_a_begin_without_end_lasts_to_the_end_and_a_stray_end_is_dropped(trace_of):
    events = [_mark("E", 0), _mark("B", 5, "a"), _mark("E", 7), _mark("E", 8), _mark("B", 9, "b")]
    last = _mark("X", 20, "x", thread=2)
    start = trace_of([*events, last])
    assert _spans(start) == {_whole("a", 0, 2), _whole("b", 4, 11), _whole("x", 15, 0, 2)}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_pairs_are_those_of_a_stack(data):
    drawn = data.draw(st.lists(st.tuples(st.sampled_from("BEX"), st.integers(0, 2)), max_size=40))
    mark = np.array([{"X": WHOLE, "B": BEGIN, "E": END}[phase] for phase, _ in drawn], np.int8)
    thread = np.array([code for _, code in drawn], np.int32)
    start = np.cumsum([data.draw(st.integers(1, 3)) for _ in drawn]).astype(float)
    rows, duration = pair_up(mark, thread, start)
    stacks: dict[int, list[int]] = {}
    wanted = {row: start[-1] - start[row] for row in np.flatnonzero(mark == BEGIN).tolist()}
    for row, (phase, code) in enumerate(drawn):
        stack = stacks.setdefault(code, [])
        if phase == "B":
            stack.append(row)
        elif phase == "E" and stack:
            begin = stack.pop()
            wanted[begin] = start[row] - start[begin]
    assert dict(zip(rows.tolist(), duration.tolist(), strict=True)) == wanted
