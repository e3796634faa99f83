"""Ten browsers that watch a running job with its live log: what they cost the server."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

from tests.bench.live import server_pid
from tests.bench.measure import Figure, report
from tests.browser.conftest import CHROMIUM, FLAGS, Server


def _launch(server: Server) -> str:
    words = ("--kind", "train", "--workload", "digits", "--json", "--set", "epochs=9999")
    done = server.core("launch", *words)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)["id"]


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench viewers", description=__doc__)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(words)
    if CHROMIUM is None:
        print("no Chromium on this machine: install Debian's package chromium", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="gpulse-viewers-") as name:
        server = Server(Path(name))
        server.start()
        job = _launch(server)
        try:
            share = _watched(server, job, asked)
        finally:
            server.core("jobs", job, "--stop")
            server.kill()
    title = f"{asked.sessions} browsers on the Jobs page of a running job, {asked.seconds:.0f} s"
    return report(title, [Figure("server", share, "cores", at_most=1.0)], asked.json)


def _watched(server: Server, job: str, asked: argparse.Namespace) -> float:
    """Cores that the server used while all sessions watched."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for _ in range(asked.sessions):
            page = browser.new_context().new_page()
            page.goto(f"{server.url}/jobs?job={job}")
            page.get_by_text("epoch 1 of").first.wait_for(timeout=120_000)
        process = psutil.Process(server_pid(server))
        time.sleep(5)
        before, begun = _cpu_s(process), time.monotonic()
        time.sleep(asked.seconds)
        share = (_cpu_s(process) - before) / (time.monotonic() - begun)
        browser.close()
    return share
