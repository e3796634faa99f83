"""Two real processes that train together over gloo on this machine, without a GPU."""

from __future__ import annotations

import subprocess
import sys

import pytest

from core.traces.ranks import diagnose_ranks

SCRIPT = """
import os, sys, time, torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.profiler import ProfilerActivity, profile, schedule

rank, folder = int(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)

class Slow(torch.utils.data.Dataset):
    def __len__(self):
        return 64
    def __getitem__(self, index):
        time.sleep(0.02 * rank)  # the second rank's disk is slow
        return torch.zeros(64), 0

net = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2))
model = DistributedDataParallel(net)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
plan = schedule(wait=1, warmup=1, active=5, repeat=1)
done = lambda prof: prof.export_chrome_trace(f"{folder}/traces/node_{os.getpid()}.pt.trace.json")
with profile(activities=[ProfilerActivity.CPU], schedule=plan, on_trace_ready=done) as prof:
    for x, y in torch.utils.data.DataLoader(Slow(), batch_size=8):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        prof.step()
dist.barrier()
dist.destroy_process_group()
os._exit(0)  # threads of gloo that are still there have aborted an ordinary exit
"""


@pytest.mark.slow
def test_the_rank_with_the_slow_disk_is_named(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    (tmp_path / "traces").mkdir()
    both = [
        subprocess.Popen(
            [sys.executable, str(script), str(rank), str(tmp_path)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    for process in both:
        _, said = process.communicate(timeout=240)
        assert process.returncode == 0, said.decode()[-800:]
    found = diagnose_ranks(tmp_path / "traces")
    assert (found.world_size, found.missing, found.problems) == (2, (), ())
    assert found.straggler is not None
    assert (found.straggler.rank, found.straggler.cause) == (1, "input-wait")
    assert found.primary == "no-device"
    assert "waiting for the DataLoader" in found.headline
    quick, slow = found.ranks
    assert quick.collectives == slow.collectives > 2
    assert quick.communication_wait_pct > 40 > slow.communication_wait_pct
    assert sum(quick.breakdown.values()) == pytest.approx(100, abs=0.1)
