"""From opening the Bottlenecks page of a large trace to its first finding, by the browser's clock.

Cold: a server that was just started, a trace that nobody read yet, a browser with nothing cached.
Warm: the same page opened once more in a new tab of that browser. Between them: a browser with
nothing cached on a server that has shown the page before.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.bench.measure import Figure, report
from tests.browser.conftest import CHROMIUM, FLAGS, Server

SOURCE = Path(__file__).parents[2].parent / "shared" / "traces" / "h100_owlv2.json.gz"
FINDING = ".st-key-finding0 [data-testid=stMarkdownContainer]"
MARKS = {
    "title": "h1",
    "figures": "[data-testid=stMetricValue]",
    "headline": "[data-testid=stAlert]",
    "finding": FINDING,
    "chart": "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg",
    "table": "[data-testid=stDataFrame] canvas",
}
"""What is waited for on the page, in the order in which it is read."""

GOALS_S = {"cold": 5.0, "warm": 1.0}

_WATCH = """
const marks = (window.openingMarks = {});
const wanted = new Map(Object.entries(WANTED));
const Socket = window.WebSocket;
window.WebSocket = class extends Socket {
  constructor(...words) {
    super(...words);
    this.addEventListener("open", () => (marks.socket ??= performance.now()));
    this.addEventListener("message", () => (marks.message ??= performance.now()));
  }
};
new MutationObserver(() => {
  for (const [name, selector] of wanted) {
    if (!document.querySelector(selector)) continue;
    wanted.delete(name);
    // The second frame begins when the first one, with the new element, has been drawn.
    requestAnimationFrame(() => requestAnimationFrame(() => (marks[name] = performance.now())));
  }
}).observe(document, { childList: true, subtree: true });
"""


def _context(browser: Browser) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(_WATCH.replace("WANTED", json.dumps(MARKS)))
    return context


def opened(context: BrowserContext, url: str) -> dict[str, float]:
    """Open a page in a new tab: mark -> ms since the navigation began."""
    page = context.new_page()
    page.goto(url, wait_until="commit")
    page.wait_for_function("() => 'finding' in window.openingMarks", timeout=120_000)
    page.wait_for_selector("[data-test-script-state=notRunning]", state="attached")
    page.wait_for_timeout(1500)
    marks = page.evaluate("() => window.openingMarks")
    page.close()
    return marks


def _server(folder: Path, trace: Path) -> Server:
    server = Server(folder)
    server.runs.joinpath("traced").mkdir(parents=True)
    shutil.copy(trace, server.runs / "traced" / f"trace_{trace.name}")
    server.start()
    return server


def measured(trace: Path, openings: int, colds: int) -> dict[str, list[dict[str, float]]]:
    """Marks of every opening, by case."""
    cases: dict[str, list[dict[str, float]]] = {"cold": [], "nothing cached": [], "warm": []}
    with sync_playwright() as driver:
        for number in range(colds):
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            with tempfile.TemporaryDirectory(prefix="gpulse-opening-") as name:
                server = _server(Path(name), trace)
                url = f"{server.url}/bottlenecks?run=traced"
                try:
                    context = _context(browser)
                    cases["cold"].append(opened(context, url))
                    if number + 1 == colds:
                        opened(context, url)  # the browser compiles what it has seen twice
                        for _ in range(openings):
                            cases["warm"].append(opened(context, url))
                        for _ in range(openings):
                            fresh = _context(browser)
                            cases["nothing cached"].append(opened(fresh, url))
                            fresh.close()
                finally:
                    server.kill()
            browser.close()
    return cases


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench opening", description=__doc__)
    parser.add_argument("--trace", type=Path, default=SOURCE)
    parser.add_argument("--openings", type=int, default=9)
    parser.add_argument("--colds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(words)
    if not asked.trace.exists():
        print(f"skipped: there is no {asked.trace}; name a trace with --trace")
        return 0
    if CHROMIUM is None:
        print("no Chromium on this machine: install Debian's package chromium", file=sys.stderr)
        return 2
    cases = measured(asked.trace, asked.openings, asked.colds)
    figures = [figure for case, found in cases.items() for figure in _figures(case, found)]
    title = f"Opening {asked.trace.name} on the Bottlenecks page, medians of {asked.openings}"
    return report(title, figures, asked.json)


def _figures(case: str, found: list[dict[str, float]]) -> list[Figure]:
    figures = []
    for mark in ("message", *MARKS):
        times = [marks[mark] / 1e3 for marks in found if mark in marks]
        if times:
            goal = GOALS_S.get(case) if mark == "finding" else None
            note = f"{min(times):.2f} to {max(times):.2f}"
            figures.append(Figure(f"{case}: {mark}", median(times), "s", at_most=goal, note=note))
    return figures
