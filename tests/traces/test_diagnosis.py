"""The one-word answer, the findings, and what they predict."""

from __future__ import annotations

import json

import pytest

from core.traces import SEVERITIES, diagnose

SINGLE = "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"
MULTI = "enumerate(DataLoader)#_MultiProcessingDataLoaderIter.__next__"


@pytest.fixture
def cpu_run(span, trace_of):
    """Steps of 100 ms on the CPU: DataLoader, forward, backward, optimizer, then Python."""

    def make(load_ms, name=SINGLE, *, extra=(), count=4):
        events = list(extra)
        for number in range(count):
            start = number * 100_000
            events += [
                span("user_annotation", f"ProfilerStep#{number}", start, 100_000),
                span("user_annotation", name, start, load_ms * 1e3),
                span("cpu_op", "aten::stack", start + 10, 100),
                span("cpu_op", "aten::conv2d", start + 70_000, 10_000),
                span("cpu_op", "autograd::engine::evaluate_function: X", start + 80_000, 10_000),
                span("cpu_op", "aten::mm", start + 81_000, 5_000),
                span("user_annotation", "Optimizer.step#SGD.step", start + 90_000, 5_000),
                span("cpu_op", "aten::add_", start + 91_000, 3_000),
            ]
        return trace_of(events)

    return make


def test_without_a_device_the_main_thread_is_broken_down(cpu_run):
    result = diagnose(cpu_run(60))
    assert (result.primary, result.device, result.idle_pct) == ("no-device", "cpu", None)
    assert result.step_breakdown == pytest.approx(
        {
            "input-wait": 60,
            "forward": 10,
            "backward": 10,
            "optimizer": 5,
            "communication": 0,
            "python-bound": 15,
        }
    )
    assert result.step_ms == 100


def test_a_dataloader_in_the_training_process_is_named_with_fix_and_bound(cpu_run):
    result = diagnose(cpu_run(60))
    finding = result.findings[0]
    assert (finding.rule, finding.severity) == ("D1", "critical")
    assert (finding.cost_ms, finding.share) == (pytest.approx(60), pytest.approx(0.6))
    assert "num_workers=" in finding.fix.snippet
    assert finding.fix.overrides["num_workers"]
    assert finding.predicted_speedup is not None
    assert finding.predicted_speedup.high == pytest.approx(2.5)
    # On the CPU workers and operators share the cores: nothing is gained at worst.
    expected = finding.predicted_speedup.expected
    assert expected is not None
    assert 1 <= finding.predicted_speedup.low < expected < 2.5
    assert "num_workers=0" in result.headline
    assert "DataLoader" in result.headline
    assert "60 %" in result.headline


def test_slow_workers_are_told_apart_from_none(cpu_run):
    result = diagnose(cpu_run(60, MULTI))
    assert result.findings[0].rule == "D2"


@pytest.mark.parametrize(
    ("load_ms", "severity"), [(4, None), (6, "note"), (11, "warning"), (25, "critical")]
)
def test_severity_follows_the_share_of_the_window(cpu_run, load_ms, severity):
    levels = {f.rule: f.severity for f in diagnose(cpu_run(load_ms)).findings}
    assert levels.get("D1") == severity


def test_shutting_workers_down_is_an_epochs_edge_and_no_starvation(cpu_run, span):
    stop = span("python_function", "torch/utils/data/dataloader.py(9): _shutdown_workers", 10, 59e3)
    result = diagnose(cpu_run(60, MULTI, extra=[stop]))
    found = {f.rule: f for f in result.findings}
    assert found["D3"].cost_ms == pytest.approx(59 / 4)
    assert found["D2"].cost_ms == pytest.approx(60 - 59 / 4)


def test_the_users_own_line_is_named_where_stacks_were_recorded(cpu_run, span):
    stacks = [
        span("python_function", "train.py(10): main", 0, 400_000),
        span("python_function", "torch/utils/data/dataloader.py(700): __next__", 0, 60_000),
        span("python_function", "data/cells.py(33): __getitem__", 5, 59_000),
        span("python_function", "PIL/Image.py(900): resize", 10, 58_000),
    ]
    finding = diagnose(cpu_run(60, extra=stacks, count=1)).findings[0]
    assert finding.where.endswith("data/cells.py(33): __getitem__")


@pytest.fixture
def gpu_run(span, trace_of):
    """Steps of 1,000 µs: host spans of the caller's, then one kernel launched at 500."""

    def make(host, *, kernel_us=450, steps=3, kernel="gemm"):
        events = []
        for number in range(steps):
            start, correlation = number * 1000, number + 1
            events += [
                span("user_annotation", f"ProfilerStep#{number}", start, 1000),
                span("cuda_runtime", "cudaLaunchKernel", start + 500, 5, correlation=correlation),
                span("kernel", kernel, start + 510, kernel_us, correlation=correlation),
            ]
            events += [
                span(category, name, start + at, length)
                for category, name, at, length in host(number)
            ]
        return trace_of(events)

    return make


def test_allocation_in_every_step_is_churn(gpu_run):
    host = [("cuda_runtime", "cudaMalloc", 10, 200), ("cuda_runtime", "cudaFree", 220, 250)]
    result = diagnose(gpu_run(lambda _: host))
    assert result.primary == "allocator"
    assert result.findings[0].rule == "A1"
    assert result.findings[0].cost_ms == pytest.approx(0.45)


def test_loading_code_in_the_first_step_is_a_cold_start(gpu_run):
    host = [("cuda_driver", "cuModuleLoadData", 10, 480)]
    result = diagnose(gpu_run(lambda number: host if number == 0 else [], steps=2))
    assert result.primary == "cold-start"
    assert "warm-up" in result.headline


def test_exposed_communication_does_not_read_as_healthy(gpu_run):
    result = diagnose(gpu_run(lambda _: [], kernel_us=985, kernel="ncclDevKernel_AllReduce"))
    assert result.device_busy_pct is not None
    assert result.device_busy_pct > 80
    assert result.primary == "communication"
    assert result.findings[0].rule == "C1"


def test_a_long_synchronisation_on_a_busy_device_costs_nothing(gpu_run):
    result = diagnose(
        gpu_run(lambda _: [("cuda_runtime", "cudaDeviceSynchronize", 505, 490)], kernel_us=985)
    )
    assert result.primary == "device-bound"
    assert "S1" not in {f.rule for f in result.findings}


def test_findings_are_sorted_by_what_they_save_and_speak_in_known_words(gpu_run):
    host = [
        ("user_annotation", SINGLE, 0, 250),
        ("cuda_runtime", "cudaMalloc", 260, 100),
        ("python_function", "train.py(5): log", 0, 490),
    ]
    result = diagnose(gpu_run(lambda _: host))
    # The DataLoader costs more than allocating, but to receive a batch from a worker takes longer
    # than these 0.25 ms, so that workers would save nothing.
    costs = {f.rule: f.cost_ms for f in result.findings}
    assert costs["D1"] > costs["A1"]
    assert [f.rule for f in result.findings].index("D1") > 1
    gains = [f.predicted_speedup.saved for f in result.findings if f.predicted_speedup]
    assert gains == sorted(gains, reverse=True)
    for finding in result.findings:
        assert finding.severity in SEVERITIES
        assert finding.evidence
        assert finding.ranges_us
        low, high = finding.ranges_us[0]
        assert high > low


def test_the_json_holds_what_the_command_line_promises(gpu_run):
    record = json.loads(json.dumps(diagnose(gpu_run(lambda _: [])).to_json()))
    promised = {
        *("trace", "device", "steps", "window_ms", "device_busy_pct", "idle_pct"),
        *("idle_by_cause", "step_breakdown", "findings", "primary"),
    }
    assert promised <= set(record)


def test_the_busiest_device_is_diagnosed_and_the_others_are_listed(span, trace_of):
    trace = trace_of(
        [
            span("user_annotation", "ProfilerStep#1", 0, 100),
            span("kernel", "a", 10, 20, device=0),
            span("kernel", "b", 10, 60, device=1),
        ],
        deviceProperties=[{"id": 1, "name": "Some GPU"}],
    )
    result = diagnose(trace)
    assert result.device == "cuda:1 Some GPU"
    assert [round(use.busy_pct) for use in result.devices] == [20, 60]
    assert diagnose(trace, device=0).device_busy_pct == pytest.approx(20)


def test_utilisation_of_the_chunks_averages_to_the_whole(gpu_run):
    result = diagnose(gpu_run(lambda _: []))
    assert len(result.utilisation_pct) == 30
    assert result.utilisation_pct.mean() == pytest.approx(result.device_busy_pct)
