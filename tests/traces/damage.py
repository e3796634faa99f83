"""Traces damaged at random: by their bytes, by their values, by their packing."""

from __future__ import annotations

import copy
import gzip
import json
import random
from collections.abc import Callable
from typing import Any

from core.traces import SimulatorSettings, simulate

Json = Any
ODD: tuple[Json, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, -0.0, 1e-320, 1e308, -1e308, 2**31, 2**53, 2**63, 2**64),
    *(10**30, -(10**30), "", " ", "0", "-1", "1e999", "NaN", "inf", "9" * 400, "7.5", "stream 7"),
    *([], {}, [[]], [1, "a", None], {"name": 1}, "\x00", "\ud800", "é" * 50, "x" * 5000),
    *(1719853884123456.789, "1719853884123456.789", float("nan"), float("inf")),
    *("X", "B", "E", "M", "kernel", "cpu_op", "user_annotation", "cuda_runtime", "gpu_memcpy"),
    *("ProfilerStep#1", "ProfilerStep#" + "9" * 30, "enumerate(DataLoader)#_x.__next__", "nccl"),
    *(
        "cudaLaunchKernel",
        "cudaDeviceSynchronize",
        "aten::item",
        "train.py(1): f",
        "Optimizer.step",
    ),
)


def _old(document: Json) -> Json:
    """As profilers before 1.13 wrote it: other categories, a bare array."""
    names = {"kernel": "Kernel", "cuda_runtime": "Runtime", "cpu_op": "Operator"}
    events = document["traceEvents"]
    return [{**event, "cat": names.get(event.get("cat", ""), event.get("cat"))} for event in events]


def _pairs(document: Json) -> Json:
    """Begin and end events in place of whole ones."""
    found = []
    for event in document["traceEvents"]:
        if event.get("ph") == "X":
            end = {key: event[key] for key in ("pid", "tid", "name", "cat")}
            found += [{**event, "ph": "B"}, {**end, "ph": "E", "ts": event["ts"] + event["dur"]}]
    return {"traceEvents": sorted(found, key=lambda event: event["ts"])}


def _host(document: Json) -> Json:
    """What is left without a device."""
    events = document["traceEvents"]
    return {"traceEvents": [event for event in events if event.get("cat") in ("cpu_op", None)]}


def _detail(document: Json) -> None:
    """Shapes, stacks, occupancy and memory marks, in place."""
    for event in document["traceEvents"]:
        if event.get("cat") == "cpu_op":
            event["args"] = {"Input Dims": [[8, 3], []], "Call stack": "a.py(1): f;b.py(2): g"}
        elif event.get("cat") == "kernel":
            event["args"] |= {"blocks per SM": 1.5, "est. achieved occupancy %": 40}
    marks = {"Device Id": 0, "Total Reserved": 4096}
    mark = {"ph": "i", "name": "[memory]", "pid": 1, "tid": 1, "ts": 3, "args": marks}
    document["traceEvents"].append(mark)
    document["deviceProperties"] = [{"id": 0, "name": "GPU", "totalGlobalMem": 2**33}]


def bases() -> list[Json]:
    """Small traces of every kind, undamaged."""
    runs = [
        SimulatorSettings(steps=3, kernels=10, data_ms=1.0),
        SimulatorSettings(steps=1, kernels=25, workers=2, batch_mib=0.0, python_ms=0.0),
    ]
    found = [json.loads(json.dumps(simulate(run))) for run in runs]
    _detail(found[1])
    return [*found, _old(found[0]), _pairs(found[0]), _host(found[0])]


def _events(document: Json) -> list[Json]:
    return document if isinstance(document, list) else document["traceEvents"]


def _odd_values(source: random.Random, document: Json) -> None:
    for _ in range(source.randint(1, 12)):
        event = source.choice(_events(document))
        if not isinstance(event, dict):
            continue
        holder = event
        if isinstance(event.get("args"), dict) and event["args"] and source.random() < 0.3:
            holder = event["args"]
        holder[source.choice([*holder, "ph", "ts", "args", "Call stack"])] = source.choice(ODD)


def _odd_column(source: random.Random, document: Json) -> None:
    """One key of every event odd, missing, or text."""
    key, how = source.choice(["ts", "dur", "pid", "tid", "cat", "name", "ph"]), source.random()
    odd = source.choice(ODD)
    for event in filter(lambda event: isinstance(event, dict), _events(document)):
        if how < 0.3:
            event.pop(key, None)
        elif how < 0.6:
            event[key] = str(event.get(key))
        elif source.random() < 0.7:
            event[key] = odd


def _other_order(source: random.Random, document: Json) -> None:
    """Duplicates, gaps, foreign entries, any order."""
    events = _events(document)
    events[:] = source.choices(events, k=source.randint(0, 2 * len(events)))
    if source.random() < 0.4:
        events.insert(source.randint(0, len(events)), source.choice(ODD))


def _moved(source: random.Random, document: Json) -> None:
    """All times scaled, moved or made equal."""
    factor = source.choice([0, 1e-9, 1e-3, 1e3, 1e12, -1])
    offset = source.choice([0, 1719853884123456, 1e18, -1e6, 0.123456789])
    for event in _events(document):
        for key in ("ts", "dur"):
            if isinstance(event, dict) and isinstance(event.get(key), int | float):
                event[key] = event[key] * factor + (offset if key == "ts" else 0)


_SHAPES: tuple[Callable[[random.Random, Json], None], ...] = (
    _odd_values,
    _odd_column,
    _other_order,
    _moved,
)


def _bytes(source: random.Random, text: bytes) -> bytes:
    broken = bytearray(text)
    for _ in range(source.choice([1, 1, 2, 5, 30])):
        at, much = source.randrange(len(broken) + 1), source.choice([1, 1, 2, 9, 200])
        what = source.randrange(5)
        if what == 0:
            del broken[at : at + much]
        elif what == 1:
            broken[at:at] = source.randbytes(much)
        elif what == 2:
            broken[at:at] = source.choice(
                [b'"', b"{", b"}", b"[", b"]", b",", b"\\", b"N/A", b"NaN", b"[" * 1500]
            )
        elif what == 3:
            other = source.randrange(len(broken) + 1)
            broken[at:at] = broken[other : other + 20 * much]
        elif at < len(broken):
            broken[at] ^= 1 << source.randrange(8)
    return bytes(broken)


def damaged(base: Json, seed: int) -> bytes:
    """The content of a file that was a trace, damaged by the seed."""
    source = random.Random(seed)
    document = copy.deepcopy(base)
    for shape in _SHAPES:
        if source.random() < 0.3:
            shape(source, document)
    indent = source.choice([None, None, 1])
    text = json.dumps(document, indent=indent).encode("utf-8", "surrogatepass")
    if source.random() < 0.6:
        text = _bytes(source, text)
    if source.random() < 0.25:
        text = text[: source.randrange(len(text) + 1)]
    if source.random() < 0.3:
        text = gzip.compress(text, 1)
        if source.random() < 0.5:
            text = _bytes(source, text)
    return text
