"""A bounded number of rectangles, none of which hides a bubble."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core
from core.errors import BadInput
from core.traces import SimulatorSettings, build_lanes, simulate_trace, timeline, view
from core.traces.lanes import KINDS
from core.traces.timeline import MAX_BYTES, MAX_RECTANGLES


@pytest.fixture(scope="module")
def lanes():
    """Lanes of a simulated run with many short spans."""
    run = SimulatorSettings(steps=20, kernels=600, kernel_us=5, launch_us=9, data_ms=4)
    return build_lanes(simulate_trace(run))


def test_lanes_run_from_steps_over_the_device_to_the_host(lanes):
    assert lanes.labels[:3] == ("Steps", "GPU 0 idle, by cause", "GPU 0 stream 7")
    assert any(label.startswith("Main: operators") for label in lanes.labels)


def test_a_trace_without_a_device_shows_what_the_main_thread_does(span, trace_of):
    trace = trace_of(
        [span("user_annotation", "ProfilerStep#1", 0, 100), span("cpu_op", "aten::mm", 0, 50)]
    )
    assert build_lanes(trace).labels[:2] == ("Steps", "Main thread by activity")


@pytest.mark.parametrize("zoom", [1.0, 0.3, 0.01, 1e-5])
def test_a_view_is_bounded_at_any_zoom(lanes, zoom):
    width = (lanes.high - lanes.low) * zoom
    shown = view(lanes, lanes.low + 0.4 * width, lanes.low + 1.4 * width, 4000)
    assert len(shown) <= MAX_RECTANGLES
    assert len(shown.pack()) <= MAX_BYTES
    assert (shown.end >= shown.start).all()


def test_zoomed_out_every_busy_pixel_of_every_lane_is_still_drawn(lanes):
    shown = view(lanes, pixels=400)
    pixel = (lanes.high - lanes.low) / 400
    for lane in range(len(lanes.labels)):
        mine = [slice(part.first, part.last) for part in lanes.series if part.lane == lane]
        starts = np.concatenate([lanes.start[part] for part in mine])
        starts = starts[(starts >= lanes.low) & (starts < lanes.high)]
        drawn = shown.lane == lane
        left, right = shown.start[drawn], shown.end[drawn]
        order = np.argsort(left)
        at = np.searchsorted(left[order], starts, side="right") - 1
        reach = np.maximum.accumulate(right[order])
        assert (reach[at] >= starts - pixel).all()


def _disjoint(seed: int, count: int, digits: int) -> list[dict]:
    """Kernels one after the other on a stream, most of them short, in a window of 10 ms."""
    source = np.random.default_rng(seed)
    edges = np.sort(source.uniform(0, 10_000, 2 * count).round(digits))
    names = ("gemm", "ncclDevKernel_AllReduce")
    return [
        {"ph": "X", "cat": "kernel", "name": names[number % 2], "pid": 0, "tid": 7,
         "ts": low, "dur": high - low, "args": {"device": 0, "stream": 7}}
        for number, (low, high) in enumerate(zip(edges[::2], edges[1::2], strict=True))
    ]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(0, 2**32), st.integers(1, 4000), st.integers(0, 3)),
    st.floats(0, 0.9),
    st.floats(1e-4, 1.0),
    st.integers(50, 900),
)
def test_a_view_accounts_for_every_span_and_its_time(span, trace_of, drawing, at, zoom, pixels):
    kernels = _disjoint(*drawing)
    step = span("user_annotation", "ProfilerStep#1", 0, 10_000)
    lanes = build_lanes(trace_of([step, *kernels]))
    low = at * 10_000
    high = min(low + zoom * 10_000, 10_000)
    shown = view(lanes, low, high, pixels)
    mine = shown.lane == lanes.labels.index("GPU 0 stream 7")
    start = np.array([kernel["ts"] for kernel in kernels])
    end = start + [kernel["dur"] for kernel in kernels]
    seen = (start < high) & ((start >= low) | (end > low))
    assert shown.count[mine].sum() == np.count_nonzero(seen)
    drawn = ((shown.end - shown.start) * shown.share)[mine].sum()
    inside = (np.minimum(end, high) - np.maximum(start, low))[seen].sum()
    # A cell is never invisible and never more than full, where a short span reaches into the next.
    pixel = (high - low) / pixels
    assert inside / 2 - pixel - 1e-6 <= drawn <= inside + pixels * pixel / 255 + pixel + 1e-6


def test_a_bubble_shorter_than_a_pixel_stays_visible(span, trace_of):
    events = [span("user_annotation", "ProfilerStep#1", 0, 1e6)]
    events += [span("kernel", "k", 10 * i, 10, correlation=0) for i in range(50_000)]
    events += [span("kernel", "k", 500_003, 499_997, correlation=0)]
    shown = timeline(trace_of(events), pixels=500)
    idle = shown.lane == shown.lanes.labels.index("GPU 0 idle, by cause")
    assert idle.sum() == 1
    assert shown.start[idle][0] <= 500_000 < shown.end[idle][0]


def test_zooming_in_gives_whole_spans_with_their_names(lanes):
    kernel = lanes.start[lanes.name == lanes.names.index("sim_gemm_backward")][50]
    shown = view(lanes, kernel, kernel + 300, 1000)
    assert (shown.name >= 0).all()
    assert "sim_gemm_backward" in {lanes.names[i] for i in shown.name}


def test_the_packed_bytes_hold_what_the_canvas_reads(lanes):
    shown = view(lanes, pixels=300)
    packed = shown.pack(marks=((1.0, 2.0),), caption="A run", focus=(1.0, 2.0))
    length = int.from_bytes(packed[:4], "little")
    assert (4 + length) % 8 == 0
    header = json.loads(packed[4 : 4 + length])
    n = header["count"]
    assert len(packed) == 4 + length + n * (4 + 4 + 2 + 2 + 1 + 1 + 1)
    start = np.frombuffer(packed, "<f4", n, 4 + length)
    assert start == pytest.approx(shown.start - shown.low_us, abs=0.05)
    assert (header["marks"], header["caption"]) == ([[1.0, 2.0]], "A run")
    assert {int(code) for code in header["kinds"]} == {part.kind for part in lanes.series}
    assert all(code < len(KINDS) for code in shown.kind)
    colours = [colour for _, colour in header["legend"]]
    assert len(colours) == len(set(colours))


def test_long_untrusted_names_are_cut_to_fit(span, trace_of):
    events = [span("user_annotation", "ProfilerStep#1", 0, 3000)]
    events += [span("cpu_op", f"{'<img src=x>' * 60}{i}", i, 1) for i in range(2000)]
    packed = timeline(trace_of(events), pixels=4000).pack()
    assert len(packed) <= MAX_BYTES


def test_an_empty_range_is_refused(lanes):
    with pytest.raises(BadInput, match="range"):
        view(lanes, 5.0, 5.0)
    with pytest.raises(BadInput):
        view(lanes, float("nan"), 5.0)


def test_the_canvas_never_turns_names_into_markup():
    folder = Path(core.__file__).parent / "ui"
    script = "".join(path.read_text(encoding="utf-8") for path in folder.glob("timeline*.js"))
    assert "fillText" in script
    assert "textContent" in script
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "http"):
        assert forbidden not in script
