"""Everything torch.profiler has written, whole or damaged, becomes columns or one clear line."""

from __future__ import annotations

import gzip
import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import GpulseError, NotFound, Unreadable
from core.traces import (
    Category,
    diagnose,
    find_traces,
    kernels,
    load_trace,
    parse_trace,
    reading,
)


@pytest.fixture
def step(span):
    """Events of one step with a kernel, its launch and its operator."""
    return [
        span("user_annotation", "ProfilerStep#3", 1000, 100),
        span("cpu_op", "aten::mm", 1010, 20),
        span("cuda_runtime", "cudaLaunchKernel", 1020, 5, correlation=9),
        span("kernel", "gemm", 1030, 40, correlation=9, bytes=0),
    ]


def test_plain_gzip_and_bare_array_give_the_same_columns(tmp_path, step):
    text = json.dumps({"schemaVersion": 1, "traceEvents": step})
    (tmp_path / "a.json").write_text(text)
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "c.json").write_text(json.dumps(step))
    one, two, three = (load_trace(tmp_path / name) for name in ("a.json", "b.json.gz", "c.json"))
    for other in (two, three):
        assert np.array_equal(one.start, other.start)
        assert np.array_equal(one.correlation, other.correlation)
        assert [one.names[i] for i in one.name] == [other.names[i] for i in other.name]
    assert one.start.tolist() == [0, 10, 20, 30]
    assert one.device.tolist() == [-1, -1, -1, 0]
    assert one.stream.tolist() == [-1, -1, -1, 7]
    assert not one.incomplete


def test_columns_are_read_only_so_that_a_cache_can_share_them(trace_of, step):
    with pytest.raises(ValueError, match="read-only"):
        trace_of(step).start[0] = 1


def test_numbers_may_be_strings(trace_of, step):
    as_text = [{**e, "ts": str(e["ts"]), "dur": str(e["dur"]), "tid": str(e["tid"])} for e in step]
    as_text[3]["args"] = {"device": "0", "stream": "stream 7", "correlation": "9"}
    plain, text = trace_of(step), trace_of(as_text)
    assert np.array_equal(plain.start, text.start)
    assert np.array_equal(plain.duration, text.duration)
    assert np.array_equal(plain.correlation, text.correlation)
    assert np.array_equal(plain.stream, text.stream)


@pytest.mark.parametrize("as_string", [False, True])
def test_nineteen_digit_time_stamps_keep_their_nanoseconds(as_string):
    stamps = ["1719853884123456.789", "1719853884123456.790", "1719853884123459.001"]
    quote = '"' if as_string else ""
    events = ",".join(
        f'{{"ph":"X","cat":"cpu_op","name":"a","pid":1,"tid":1,"ts":{quote}{ts}{quote},"dur":1}}'
        for ts in stamps
    )
    trace = parse_trace(f'{{"traceEvents":[{events}]}}'.encode())
    assert trace.start == pytest.approx([0, 0.001, 2.212], abs=1e-9)


def test_whole_number_stamps_beyond_float_precision_stay_exact():
    base = 1_719_853_884_123_456_789
    events = [
        {"ph": "X", "cat": "cpu_op", "name": "a", "pid": 1, "tid": 1, "ts": base + i, "dur": 1}
        for i in range(3)
    ]
    assert parse_trace(json.dumps(events).encode()).start.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Kernel", Category.KERNEL),
        ("Memcpy", Category.MEMCPY),
        ("Memset", Category.MEMSET),
        ("Runtime", Category.RUNTIME),
        ("hip_runtime", Category.RUNTIME),
        ("cuda_driver", Category.RUNTIME),
        ("Operator", Category.CPU_OP),
        ("python_function", Category.PYTHON),
        ("gpu_user_annotation", Category.GPU_ANNOTATION),
        ("something_new", Category.OTHER),
    ],
)
def test_old_and_new_category_names(trace_of, span, written, meant):
    assert trace_of([span(written, "x", 0, 1)]).category.tolist() == [meant]


def test_old_profiles_wrote_annotations_as_operators(trace_of, span):
    trace = trace_of([span("Operator", "ProfilerStep#1", 0, 9), span("Operator", "aten::mm", 1, 2)])
    assert trace.category.tolist() == [Category.ANNOTATION, Category.CPU_OP]


def test_invalid_utf8_control_characters_and_non_json_values_cost_no_event():
    text = (
        b'{"traceEvents":[{"ph":"X","cat":"kernel","name":"a\xff\x01b","pid":0,"tid":7,"ts":5,'
        b'"dur":2,"args":{"Input Dims":N/A,"stream":7}},'
        b'{"ph":"X","cat":"kernel","name":"c","pid":0,"tid":7,"ts":9,"dur":NaN}]}'
    )
    trace = parse_trace(text)
    assert len(trace) == 2
    assert trace.duration.tolist() == [2, 0]
    assert not trace.incomplete


def test_a_truncated_file_gives_what_it_holds_and_says_so(tmp_path, span):
    events = [span("cpu_op", f"op{i}", 10 * i, 5) for i in range(2000)]
    text = json.dumps({"traceEvents": events}, indent=1)
    (tmp_path / "cut.json").write_text(text[: len(text) // 2])
    packed = gzip.compress(text.encode())
    (tmp_path / "cut.json.gz").write_bytes(packed[: len(packed) // 2])
    for name in ("cut.json", "cut.json.gz"):
        trace = load_trace(tmp_path / name)
        assert 100 < len(trace) < 2000
        assert "ends in the middle" in trace.incomplete
        assert trace.incomplete in diagnose(trace).notes


def test_chunked_reading_equals_reading_at_once(tmp_path, span, monkeypatch):
    events = [
        span("cpu_op", 'n{"},{', 10 * i, 5, args={"x": [{"name": 1}, {"name": 2}]})
        for i in range(500)
    ]
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"traceEvents": events, "deviceProperties": []}))
    whole = load_trace(path)
    monkeypatch.setattr(reading, "PIECE_BYTES", 1000)
    parts = load_trace(path)
    assert len(whole) == len(parts) == 500
    assert np.array_equal(whole.start, parts.start)


@pytest.mark.parametrize("stamp", ["1e999999", "-9e99", "NaN", "null", '"soon"', "[1]"])
def test_an_absurd_time_stamp_costs_only_its_own_event(stamp):
    good = '{"ph":"X","cat":"cpu_op","name":"a","pid":1,"tid":1,"ts":7,"dur":2}'
    bad = good.replace('"ts":7', f'"ts":{stamp}')
    trace = parse_trace(f'{{"traceEvents":[{bad},{good}]}}'.encode())
    assert len(trace) == 1
    assert trace.duration.tolist() == [2]


@pytest.mark.parametrize("length", ["1e308", "1e999", "-5", "NaN", "null", '"long"', str(10**30)])
def test_an_absurd_duration_is_none(length):
    good = '{"ph":"X","cat":"cpu_op","name":"a","pid":1,"tid":1,"ts":7,"dur":2}'
    bad = good.replace('"dur":2', f'"dur":{length}')
    assert parse_trace(f'{{"traceEvents":[{bad},{good}]}}'.encode()).duration.tolist() == [2, 0]


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"{}", b'{"a": 1}', b"[]", b"[1, 2]", b'{"traceEvents": []}', b"\x1f\x8bno"],
)
def test_what_is_no_trace_gives_one_line(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as caught:
        load_trace(path)
    assert "\n" not in str(caught.value)
    assert "x.json" in str(caught.value)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFound, match=r"no file .*nothing\.json"):
        load_trace(tmp_path / "nothing.json")
    with pytest.raises(NotFound):
        find_traces(tmp_path)
    with pytest.raises(NotFound):
        find_traces(tmp_path / "absent")


def test_traces_are_found_below_a_run_folder_but_job_files_are_not(tmp_path):
    (tmp_path / "trace").mkdir()
    (tmp_path / "job.json").write_text("{}")
    path = tmp_path / "trace" / "host.pt.trace.json.gz"
    path.write_bytes(b"")
    assert find_traces(tmp_path) == [path]
    assert find_traces(path) == [path]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
FIELDS = st.dictionaries(
    st.sampled_from(["ph", "cat", "name", "pid", "tid", "ts", "dur", "args"]), JSON
)
SPANS = st.fixed_dictionaries(
    {"ph": st.just("X"), "cat": st.sampled_from(["kernel", "cpu_op", "cuda_runtime"])},
    optional={
        "name": st.text(max_size=8),
        "ts": st.integers(0, 2**63) | st.floats(0, 1e19) | st.text("0123456789.", max_size=20),
        "dur": st.integers(-5, 10**6) | st.floats() | st.none(),
        "tid": st.integers() | st.text(max_size=4),
        "args": st.dictionaries(st.sampled_from(["correlation", "stream", "device"]), JSON),
    },
)


@settings(max_examples=80, deadline=None)
@given(st.lists(FIELDS | SPANS, max_size=8), st.data())
def test_any_damage_ends_in_a_diagnosis_or_a_clear_line(events, data):
    text = json.dumps({"traceEvents": events}).encode()
    cut = data.draw(st.integers(0, len(text)))
    if data.draw(st.booleans()):
        text = text[:cut] + data.draw(st.binary(max_size=3)) + text[cut:]
    else:
        text = text[:cut]
    try:
        result = diagnose(parse_trace(text))
    except GpulseError as error:
        assert "\n" not in str(error)
    else:
        assert sum(result.step_breakdown.values()) == pytest.approx(100)


def test_order_in_the_file_does_not_matter(trace_of, step):
    wanted = diagnose(trace_of(step)).to_json()
    for order in itertools.permutations(step):
        assert diagnose(trace_of(list(order))).to_json() == wanted


def test_what_a_trace_says_twice_counts_once(trace_of, step):
    trace = trace_of([*step, *step[2:], step[3]])
    assert len(trace) == len(step)
    assert kernels(trace)["calls"].tolist() == [1]


def test_equal_spans_that_are_not_the_same_stay(trace_of, span):
    twins = [span("cpu_op", "aten::empty", 5, 0), span("cpu_op", "aten::empty", 5, 0)]
    work = [span("kernel", "k", 9, 2, correlation=4, stream=stream) for stream in (7, 8)]
    assert len(trace_of([*twins, *work])) == 4


def test_copies_of_steps_on_the_device_are_no_steps(trace_of, span, step):
    copy = span("gpu_user_annotation", "ProfilerStep#3", 1030, 300)
    assert diagnose(trace_of([*step, copy])).steps == diagnose(trace_of(step)).steps == 1


def test_a_trace_without_steps_is_diagnosed_over_its_whole_length(trace_of, step):
    result = diagnose(trace_of(step[1:]))
    assert result.steps == 0
    assert result.window_ms == pytest.approx(0.06)
    assert result.device_busy_pct == pytest.approx(100 * 40 / 60)


def test_a_rocm_trace_is_accounted_for_like_any_other(trace_of, span):
    events = [
        span("user_annotation", "ProfilerStep#1", 0, 100),
        span("cpu_op", "aten::mm", 5, 30),
        span("hip_runtime", "hipExtModuleLaunchKernel", 10, 5, correlation=1),
        span("kernel", "Cijk_Alik_Bljk_SB_MT64x64", 20, 30, correlation=1),
        span("hip_runtime", "hipMemcpyWithStream", 50, 40, correlation=2),
        span("gpu_memcpy", "CopyDeviceToHost", 60, 28, correlation=2, bytes=4096),
        span("kernel", "ncclDevKernel_Generic(ncclDevComm*)", 92, 8, correlation=3),
    ]
    result = diagnose(trace_of(events, deviceProperties=[{"id": 0, "name": "AMD Instinct MI300X"}]))
    assert result.device == "cuda:0 AMD Instinct MI300X"
    assert result.step_breakdown["compute"] == pytest.approx(30)
    assert result.step_breakdown["exposed-copies"] == pytest.approx(28)
    assert result.step_breakdown["exposed-communication"] == pytest.approx(8)
    assert result.idle_by_cause["host-sync"] > 0


def test_objects_in_arguments_are_not_taken_for_events(tmp_path, span, monkeypatch):
    inner = [{"ts": 1, "args": {}}, {"ts": 2, "ph": "X"}, {"name": "no event"}] * 5
    events = [span("cpu_op", f"op{i}", 10 * i, 5, dims=inner) for i in range(300)]
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"traceEvents": events}))
    monkeypatch.setattr(reading, "PIECE_BYTES", 777)
    trace = load_trace(path)
    assert len(trace) == trace.events == 300
    assert not trace.incomplete


def test_rows_are_by_start_then_the_longer_one_then_as_they_came(trace_of, span):
    placed = [(5, 1), (0, 2), (5, 3), (0, 2), (9, 0), (0, 7), (5, 3)]
    trace = trace_of([span("cpu_op", f"aten::op{i}", *at) for i, at in enumerate(placed)])
    order = sorted(range(len(placed)), key=lambda i: (placed[i][0], -placed[i][1], i))
    assert [trace.names[code] for code in trace.name] == [f"aten::op{i}" for i in order]


def test_entries_longer_than_a_piece_are_read(tmp_path, span, monkeypatch):
    events = [span("cpu_op", f"op{i}", 10 * i, 5, stack="x" * 3000) for i in range(9)]
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"traceEvents": events}))
    monkeypatch.setattr(reading, "PIECE_BYTES", 500)
    assert len(load_trace(path)) == 9
