"""A script of the user's own, watched: the pages follow it while it goes on, and rest after it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import WebSocket, expect

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PATIENCE_MS = 60_000
SCRIPT = """
import sys, time
from pathlib import Path
from core.training import watch

folder, stop = sys.argv[1:]
epoch = 0
with watch(folder, profile_after=30, profile_steps=2) as run:
    while not Path(stop).exists():
        epoch += 1
        for _ in run.steps(range(20)):
            time.sleep(0.02)
        run.epoch(train_loss=2 * 0.97**epoch, val_loss=2.2 * 0.97**epoch)
"""


@pytest.fixture
def stop(server, tmp_path) -> Iterator[Path]:
    """A file that ends the script, which has started to log."""
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    end = tmp_path / "stop"
    command = [sys.executable, "train.py", str(server.runs / "mine"), str(end)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = subprocess.Popen(command, cwd=tmp_path, env=env)
    try:
        deadline = time.monotonic() + 120
        while not list((server.runs / "mine").glob("trace/*.gz")):
            assert script.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield end
        assert script.wait(60) == 0
    finally:
        script.kill()
        script.wait()


def test_pages_follow_a_script_of_ones_own_until_it_ends(visit, stop):
    received: list[float] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda _frame: received.append(time.monotonic()))

    visit.page.on("websocket", listen)
    visit.open("?run=mine")
    best = visit.metric("Best validation loss")
    before = best.inner_text()
    expect(best).not_to_have_text(before, timeout=PATIENCE_MS)

    visit.go("Training dynamics")
    epoch = visit.metric("Epoch")
    before = epoch.inner_text()
    expect(epoch).not_to_have_text(before, timeout=PATIENCE_MS)
    visit.shoot("own-loop-live")

    visit.go("Bottlenecks")
    expect(visit.page.get_by_text("Findings").first).to_be_visible(timeout=PATIENCE_MS)

    stop.touch()
    deadline = time.monotonic() + 60
    while time.monotonic() - max(received) < 6:  # three looks of a live page
        assert time.monotonic() < deadline
        visit.page.wait_for_timeout(500)
