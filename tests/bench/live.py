"""A run that is being written, followed in the browser: how late points show, what memory does.

The runs page says the last step of the chosen run in the column "Last step" of its table, or in a
line "last point: step N"; whichever is further counts. A point has appeared when a step at least
as high is on the page. Its lag counts from the moment its writer had flushed it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles

import psutil
from playwright.sync_api import Page, sync_playwright

from tests.bench.measure import MIB, ROOT, Figure, report
from tests.bench.writer import POINTS_A_SECOND
from tests.browser.conftest import CHROMIUM, FLAGS, Server

WARM_UP_S = 60.0
"""Memory before this is not taken for growth (a quarter of a shorter run)."""

BYTES_A_POINT = 24
"""Step, wall time and value as they are held in memory: what no curve can stay below."""

_LAST_STEP = """() => {
  const number = text => parseInt((text || '').replace(/[^0-9]/g, '') || '-1');
  const said = /last point: step ([0-9,. ]+)/i.exec(document.body.innerText);
  const found = [said ? number(said[1]) : -1];
  for (const grid of document.querySelectorAll('canvas table')) {
    const heads = [...grid.querySelectorAll('th')];
    const head = heads.find(cell => cell.textContent.trim() === 'Last step');
    const column = head && head.getAttribute('aria-colindex');
    if (!column) continue;
    for (const cell of grid.querySelectorAll(`td[aria-colindex="${column}"]`))
      found.push(number(cell.textContent));
  }
  return Math.max(...found);
}"""


@contextmanager
def _server(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def _page(server: Server) -> Iterator[Page]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.goto(f"{server.url}/runs?run=live&compare=live")
        yield page
        browser.close()


def _memory_mib(pid: int) -> float:
    """Resident memory of a process and its descendants."""
    root = psutil.Process(pid)
    return sum(each.memory_info().rss for each in (root, *root.children(recursive=True))) / MIB


def _cpu_s(pid: int) -> float:
    """User and system time of a process so far."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def server_pid(server: Server) -> int:
    """The process that listens on the server's port."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "streamlit" in words and str(server.port) in words:
            return process.pid
    raise RuntimeError("the server is gone")


@dataclass(slots=True)
class _Seen:
    """What was seen: (time, step) at each new last step, memory of the server every 5 s, and of
    what the tab's scripts hold every minute, both in MiB."""

    steps: list[tuple[float, int]] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    tab: list[float] = field(default_factory=list)


def _watch(page: Page, pid: int, seconds: float) -> _Seen:
    seen, begin = _Seen(), time.time()
    tools = page.context.new_cdp_session(page)
    while (now := time.time()) - begin < seconds:
        step = int(page.evaluate(_LAST_STEP))
        if step >= 0 and (not seen.steps or step > seen.steps[-1][1]):
            seen.steps.append((time.time(), step))
        if now - begin >= 5 * len(seen.memory):
            seen.memory.append(_memory_mib(pid))
        if now - begin >= 60 * (len(seen.tab) + 1):
            for _ in range(3):  # what finalizers let go of goes in the next round
                tools.send("HeapProfiler.collectGarbage")
            seen.tab.append(tools.send("Runtime.getHeapUsage")["usedSize"] / MIB)
        page.wait_for_timeout(50)
    return seen


def _lags_s(notes: Path, seen: list[tuple[float, int]]) -> list[float]:
    """How late each step showed, of the steps between the first and the last sight."""
    written = [line.split() for line in notes.read_text(encoding="utf-8").splitlines()]
    times = {int(step): float(flushed) for step, flushed in written}
    lags: list[float] = []
    for (_, before), (shown, step) in pairwise(seen):
        lags += [shown - times[each] for each in range(before + 1, step + 1) if each in times]
    if lags and min(lags) < -1.0:
        raise RuntimeError(f"a step showed {-min(lags):.1f} s before it was written: no last step")
    return lags


def _slope(values: list[float], every_s: float) -> float:
    """Least squares, a minute."""
    middle, mean = (len(values) - 1) / 2, sum(values) / len(values)
    spread = sum((index - middle) ** 2 for index in range(len(values)))
    rise = sum((index - middle) * (value - mean) for index, value in enumerate(values))
    return rise / spread / every_s * 60 if spread else 0.0


def _minutes(memory: list[float]) -> str:
    """The median of each minute, of samples every 5 s."""
    parts = [memory[first : first + 12] for first in range(0, len(memory), 12)]
    return " ".join(f"{median(part):.1f}" for part in parts)


def _figures(
    lags: list[float], seen: _Seen, asked: argparse.Namespace, busy: float
) -> list[Figure]:
    memory = seen.memory
    skipped = int(min(WARM_UP_S, asked.seconds / 4) / 5)
    late = quantiles(lags, n=20)[-1] if len(lags) > 1 else lags[0]
    print("server memory, MiB, minute by minute:", _minutes(memory[1:]))
    print("tab's script memory, MiB, at each minute:", " ".join(f"{each:.1f}" for each in seen.tab))
    floor = asked.rate * 60 * BYTES_A_POINT / MIB
    return [
        Figure("lag, median", median(lags), "s", at_most=2.0, note=f"of {len(lags):,} steps"),
        Figure("lag, 95 % of steps within", late, "s"),
        Figure("lag, longest", max(lags), "s"),
        Figure("server, share of a core", 100 * busy, "%", note="the opening of the page included"),
        Figure("server memory at the end", memory[-1], "MiB"),
        Figure("server memory, growth", _slope(memory[skipped:], 5.0), "MiB/min",
               at_most=max(1.0, 2 * floor) if asked.seconds >= 300 else None,
               note=f"after the warm-up; the points themselves: {floor:.2f}"),
        Figure("tab's script memory, growth", _slope(seen.tab[1:], 60.0), "MiB/min",
               at_most=3.0 if asked.seconds >= 300 else None, note="after the second minute"),
    ]  # fmt: skip


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench live", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--rate", type=int, default=POINTS_A_SECOND, help="points a second")
    parser.add_argument("--shot", type=Path, help="save a picture of the page at the end")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    asked = parser.parse_args(words)
    if CHROMIUM is None:
        print("no Chromium on this machine: install Debian's package chromium", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="gpulse-live-") as name:
        folder, notes = Path(name), Path(name) / "notes"
        run = folder / "runs" / "live"
        run.mkdir(parents=True)
        command = [sys.executable, "-m", "tests.bench.writer"]
        command += [str(run), str(notes), str(asked.seconds + 30), str(asked.rate)]
        writer = subprocess.Popen(command, cwd=ROOT)
        try:
            with _server(folder) as server, _page(server) as page:
                pid = server_pid(server)
                before = _cpu_s(pid)
                seen = _watch(page, pid, asked.seconds)
                busy = (_cpu_s(pid) - before) / asked.seconds
                if asked.shot:
                    page.screenshot(path=asked.shot, full_page=True)
        finally:
            writer.kill()
            writer.wait()
        lags = _lags_s(notes, seen.steps)
    if not lags:
        print("the page never showed a new last step", file=sys.stderr)
        return 1
    title = f"A live run of {asked.rate} points a second, {asked.seconds:.0f} s in the browser"
    return report(title, _figures(lags, seen, asked, busy), asked.json)
