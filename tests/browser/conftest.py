"""A real Chromium on a real server, with folders of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    Locator,
    Page,
    Playwright,
    Request,
    TimeoutError,
    expect,
    sync_playwright,
)

ROOT = Path(__file__).parents[2]
SHOTS = Path(__file__).parent / "screenshots"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)

# A page of a machine with other work on it is late, not wrong.
expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                reason = "no Chromium on this machine: install Debian's package chromium"
                item.add_marker(pytest.mark.skip(reason=reason))


class Server:
    """A Streamlit server in its own session, on folders that outlive it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.env = {
            **os.environ,
            "GPULSE_STATE_DIR": str(folder / "state"),
            "GPULSE_RUNS_DIR": str(self.runs),
            "GPULSE_ROOTS": str(self.runs),
            "GPULSE_IDLE_EXIT_S": "5",
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        command += ["--server.port", str(self.port), "--server.headless", "true"]
        command += ["--server.address", "127.0.0.1"]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise RuntimeError((self.folder / "server.log").read_text()[-2000:])

    def kill(self) -> None:
        """End the server as a crash would: SIGKILL to its whole process group."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def core(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``python -m core`` on the server's folders."""
        command = [sys.executable, "-m", "core", *words]
        return subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the tests of one file."""
    running = Server(tmp_path_factory.mktemp("server"))
    running.start()
    yield running
    running.kill()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield chromium
    chromium.close()


CALM_AT_MOST_S = 10
_CALM = """() => {
  const app = document.querySelector("[data-testid=stApp]");
  const idle = app?.getAttribute("data-test-script-state") === "notRunning";
  window.idleSince = idle ? (window.idleSince ?? performance.now()) : undefined;
  return idle && performance.now() - window.idleSince > 400;
}"""


class Visit:
    """A browser tab that remembers which hosts it was made to ask."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.server = page, server
        self.hosts: set[str | None] = set()
        page.on("request", self._note)

    def _note(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss"):
            self.hosts.add(parts.hostname)

    def open(self, path: str = "") -> None:
        self.page.goto(f"{self.server.url}/{path}")
        self.settle()

    def settle(self, timeout_s: float = 60) -> None:
        """Wait until the script has run and the page has been quiet for a moment.

        A page is opened in several runs, between which it seems idle, and its elements come in no
        certain order. A live page is idle between two looks; one that never is gets no more than
        :data:`CALM_AT_MOST_S`.
        """
        self.page.evaluate("window.idleSince = undefined")
        with contextlib.suppress(TimeoutError):
            self.page.wait_for_function(_CALM, timeout=CALM_AT_MOST_S * 1e3, polling=50)
        self.page.wait_for_selector(
            "[data-test-script-state=notRunning]", timeout=timeout_s * 1e3, state="attached"
        )

    def press(self, key: str) -> None:
        """Press the button with this key, where several have the same words."""
        self.page.locator(f".st-key-{key} button").click()

    def go(self, title: str) -> None:
        """Open a page by its name in the navigation."""
        link = self.page.get_by_role("link", name=title, exact=True).first
        if not link.is_visible():
            self.page.get_by_test_id("stExpandSidebarButton").click()
        link.click()
        self.settle()

    def metric(self, label: str) -> Locator:
        """Where the value of the metric with this label stands; the last one of that name."""
        name = self.page.get_by_test_id("stMetricLabel").get_by_text(label, exact=True)
        card = self.page.get_by_test_id("stMetric").filter(has=name).last
        return card.get_by_test_id("stMetricValue")

    def must_fit(self, name: str) -> None:
        """On a desktop and on a phone nothing of the page reaches beyond the screen; pictures."""
        main = self.page.get_by_test_id("stMain")
        for width in (1280, 390):
            self.page.set_viewport_size({"width": width, "height": 900})
            self.page.wait_for_timeout(400)
            assert main.evaluate("node => node.scrollWidth <= node.clientWidth"), (name, width)
            self.shoot(f"{name}_{width}", width)
        self.page.set_viewport_size({"width": 1280, "height": 900})

    def shoot(self, name: str, width: int = 1280) -> Path:
        """Save a picture of the whole page."""
        SHOTS.mkdir(exist_ok=True)
        main = self.page.get_by_test_id("stMain")
        height = int(main.evaluate("node => node.scrollHeight")) + 80
        self.page.set_viewport_size({"width": width, "height": min(max(height, 700), 6000)})
        self.page.wait_for_timeout(1200)
        path = SHOTS / f"{name}.png"
        self.page.screenshot(path=path)
        self.page.set_viewport_size({"width": width, "height": 900})
        return path


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """A fresh tab, 1280 px wide, light."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    yield Visit(context.new_page(), server)
    context.close()


@pytest.fixture(scope="session")
def server_class() -> type[Server]:
    """For tests that need a server with settings of its own."""
    return Server
