"""The scripts themselves: they run, the fix leaves the training as it is, the killers are real."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core.gallery import ENTRIES
from core.traces import diagnose, load_trace

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NEEDS_COMPILER = {("tiny-kernels", "after")}
"""torch.compile would build C++ for half a minute."""
RECORDED = [entry.key for entry in ENTRIES if entry.simulated is None]

CHILD = """
import importlib.util, json, sys
from pathlib import Path
from core.gallery import profiled, scripts

folder, recorded, others = Path(sys.argv[1]), *map(json.loads, sys.argv[2:])
losses = {}
for key, side in recorded:
    trace = folder / f"{key}.{side}.json"
    losses[f"{key}.{side}"] = profiled.record(scripts.path(key, side), trace)
for key, side in others:
    spec = importlib.util.spec_from_file_location("script", scripts.path(key, side))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    losses[f"{key}.{side}"] = module.train(2)
(folder / "losses.json").write_text(json.dumps(losses))
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every script run once, those of recorded entries under the profiler; one process for all."""
    folder = tmp_path_factory.mktemp("gallery")
    sides = [(entry.key, side) for entry in ENTRIES for side in ("before", "after")]
    recorded = [pair for pair in sides if pair[0] in RECORDED]
    others = [pair for pair in sides if pair not in recorded and pair not in NEEDS_COMPILER]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    alone = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    command = [sys.executable, "-c", CHILD, str(folder), json.dumps(recorded), json.dumps(others)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **alone}, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.parametrize("key", RECORDED)
def test_the_killer_shows_on_this_machine_too_and_is_gone_after_the_fix(ran, key) -> None:
    (rule,) = (entry.rule for entry in ENTRIES if entry.key == key)
    costs = []
    for side in ("before", "after"):
        findings = diagnose(load_trace(ran / f"{key}.{side}.json")).findings
        costs.append(sum(finding.cost_ms for finding in findings if finding.rule == rule))
    # Other programs may stretch what is left of it, Python between the operators above all.
    assert costs[0] > 0
    assert costs[1] < 0.5 * costs[0]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)
def test_the_fix_leaves_the_loss_as_it_was(ran, entry) -> None:
    losses = json.loads((ran / "losses.json").read_text())
    before = losses[f"{entry.key}.before"]
    assert 0 < before < 100
    if (entry.key, "after") not in NEEDS_COMPILER:
        assert losses[f"{entry.key}.after"] == pytest.approx(before, rel=1e-3)
