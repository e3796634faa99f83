"""Jobs of many ranks on disk."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.traces.ranks.simulator import JobSettings, simulate_job

SHARED = Path(__file__).parents[3].parent / "shared" / "traces"


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Path]:
    """``job(ranks=4, slow_rank=2, …)`` simulates one and returns its folder."""

    def make(folder: str = "job", names: str = "rank{}.pt.trace.json", **settings: Any) -> Path:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        for rank, content in enumerate(simulate_job(JobSettings(**settings))):
            file = place / names.format(rank)
            file.parent.mkdir(exist_ok=True)
            text = json.dumps(content).encode()
            file.write_bytes(gzip.compress(text) if file.suffix == ".gz" else text)
        return place

    return make


@pytest.fixture(scope="session")
def dlrm() -> Path:
    """Eight real ranks of one job; the test skips where the shared data is absent."""
    folder = SHARED / "dlrm_8_ranks"
    if not folder.is_dir():
        pytest.skip("the real traces of eight ranks are not on this machine")
    return folder
