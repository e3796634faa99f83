"""Shapes, stacks, occupancy and memory marks come through every way of reading a file."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.traces import parse_trace

EVENTS = [
    {"ph": "X", "cat": "cpu_op", "name": "aten::mm", "pid": 1, "tid": 1, "ts": 1, "dur": 9,
     "args": {"Input Dims": [[8, 4], [4, 2], []], "Call stack": "a.py(3): f;b.py(9): g"}},
    {"ph": "X", "cat": "cpu_op", "name": "aten::mm", "pid": 1, "tid": 1, "ts": 20, "dur": 9,
     "args": {"Input Dims": [[8, 4], [4, 2], []]}},
    {"ph": "X", "cat": "cpu_op", "name": "aten::relu", "pid": 1, "tid": 1, "ts": 40, "dur": 9},
    {"ph": "X", "cat": "kernel", "name": "gemm", "pid": 0, "tid": 7, "ts": 3, "dur": 9,
     "args": {"device": 0, "blocks per SM": 0.5, "est. achieved occupancy %": 31}},
    {"ph": "X", "cat": "kernel", "name": "odd", "pid": 0, "tid": 7, "ts": 30, "dur": 9,
     "args": {"device": 0, "blocks per SM": "many", "est. achieved occupancy %": -1}},
    {"ph": "i", "name": "[memory]", "pid": 1, "tid": 1, "ts": 5,
     "args": {"Total Reserved": 500, "Device Id": 0, "Device Type": 1}},
    {"ph": "i", "name": "[memory]", "pid": 1, "tid": 1, "ts": 6,
     "args": {"Total Reserved": 900, "Device Id": -1, "Device Type": 0}},
    {"ph": "i", "name": "[memory]", "pid": 1, "tid": 1, "ts": 7, "args": {"Bytes": 4}},
]  # fmt: skip
DEVICES = [{"id": 0, "name": "GPU", "computeMajor": 9, "computeMinor": 0, "totalGlobalMem": 1000}]


def plain():
    return json.dumps({"deviceProperties": DEVICES, "traceEvents": EVENTS}).encode()


def indented():
    return json.dumps({"deviceProperties": DEVICES, "traceEvents": EVENTS}, indent=2).encode()


def cut():
    """Ends in the middle of one more event, so that every entry is salvaged on its own."""
    return plain()[: -len(b"]}")] + b', {"ph": "X", "cat": "cpu_op", "na'


def damaged():
    return plain().replace(b'"odd"', b'"o\x01\xffdd"').replace(b'"many"', b"N/A")


@pytest.mark.parametrize("text", [plain, indented, cut, damaged])
def test_details_survive(text):
    trace = parse_trace(text())
    rows = {trace.names[code]: row for row, code in reversed(list(enumerate(trace.name)))}
    mm, relu, gemm = rows["aten::mm"], rows["aten::relu"], rows["gemm"]
    assert trace.input_texts == ("[[8,4],[4,2],[]]",)
    assert trace.inputs[mm] == 0
    assert trace.inputs[relu] == -1
    assert trace.stack_texts[trace.stack[mm]] == "a.py(3): f;b.py(9): g"
    assert trace.stack[relu] == -1
    assert trace.blocks_per_sm[gemm] == pytest.approx(0.5)
    assert trace.occupancy_pct[gemm] == 31
    known = np.isfinite(trace.occupancy_pct)
    assert np.count_nonzero(known) == 1
    assert not known[relu]
    assert trace.reserved_bytes == {0: 500}
    assert trace.hardware[0].capability == (9, 0)
    assert trace.hardware[0].memory_bytes == 1000


@pytest.mark.parametrize(
    "properties",
    [None, "x", [], [3], [{"id": "0"}], [{"id": 0, "computeMajor": "9", "totalGlobalMem": -4}]],
)
def test_odd_device_properties_are_no_error(properties):
    text = json.dumps({"deviceProperties": properties, "traceEvents": EVENTS}).encode()
    for hardware in parse_trace(text).hardware.values():
        assert (hardware.capability, hardware.memory_bytes) == ((0, 0), 0)
