"""Profiles that torch writes on this machine, without a GPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.traces import diagnose, load_trace, operators

SCRIPT = """
import sys, time, torch
from torch.profiler import ProfilerActivity, profile, schedule

class Slow(torch.utils.data.Dataset):
    def __len__(self):
        return 64
    def __getitem__(self, index):
        time.sleep(0.02)
        return torch.zeros(8), 0

model = torch.nn.Linear(8, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
plan = schedule(wait=1, warmup=1, active=3, repeat=1)
done = lambda prof: prof.export_chrome_trace(sys.argv[1])
with profile(activities=[ProfilerActivity.CPU], schedule=plan, on_trace_ready=done,
             record_shapes=True, with_stack=True) as prof:
    for x, y in torch.utils.data.DataLoader(Slow(), batch_size=8, num_workers=int(sys.argv[2])):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        prof.step()
"""


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "rule"), [(0, "D1"), (1, "D2")])
def test_a_slow_dataset_is_named_as_where_the_step_goes(tmp_path, workers, rule):
    script, path = tmp_path / "train.py", tmp_path / "cpu.pt.trace.json.gz"
    script.write_text(SCRIPT)
    subprocess.run(
        [sys.executable, str(script), str(path), str(workers)],
        check=True,
        capture_output=True,
        cwd=tmp_path,
        timeout=240,
    )
    result = diagnose(load_trace(path))
    assert (result.primary, result.steps) == ("no-device", 3)
    assert result.findings[0].rule == rule
    assert max(result.step_breakdown, key=lambda key: result.step_breakdown[key]) == "input-wait"
    assert Path(path).name == result.trace
    assert "aten::addmm" in set(operators(load_trace(path))["name"])
    if workers == 0:
        assert "__getitem__" in result.findings[0].where


PAIR = SCRIPT.replace("return 64", "return 256").replace("active=3", "active=8")
"""Batches of two workers come in pairs: an even number of steps tells their true rate."""


@pytest.mark.slow
def test_the_step_with_workers_is_foretold_from_a_profile_without(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(PAIR)
    found = {}
    for workers in (0, 2):
        path = tmp_path / f"workers{workers}.pt.trace.json"
        words = [sys.executable, str(script), str(path), str(workers)]
        subprocess.run(words, check=True, capture_output=True, cwd=tmp_path, timeout=240)
        found[workers] = diagnose(load_trace(path))
    prediction = found[0].what_if.predict(["loader"], workers=2)
    assert prediction is not None
    assert prediction.steps_ms is not None
    best, expected, worst = prediction.steps_ms
    real = found[2].window_ms / found[2].steps
    # The dataset sleeps, which the stacks show: workers take no core away from the step.
    assert 0.9 * best <= real <= 1.3 * worst
    assert expected == pytest.approx(real, rel=0.25)
    assert expected < 0.75 * prediction.step_ms
