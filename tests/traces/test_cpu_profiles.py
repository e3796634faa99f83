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
