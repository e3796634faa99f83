"""The report in Chromium: no network, no script, light and dark, wide and narrow."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from core.report import document, section
from core.traces import SimulatorSettings, diagnose, simulate_trace

SHOTS = Path(__file__).parent / "screenshots"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    trace = simulate_trace(SimulatorSettings(data_ms=40.0, pinned=False))
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(document("a <b> trace", section(trace, diagnose(trace))), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_opens_without_network_and_script_and_fits(
    browser: Browser, report: Path, width: int, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=False,
        offline=True,
    )
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(report.as_uri())
    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]
    assert said == []
    expect(page.get_by_role("heading", level=1)).to_have_text("a <b> trace")
    expect(page.get_by_text("num_workers=0").first).to_be_visible()
    picture = page.get_by_role("img", name="its worst instance")
    assert (picture.bounding_box() or {"width": 0})["width"] >= 700
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"report-{width}-{scheme}.png", full_page=True)
    context.close()


def test_dark_is_dark_and_paper_is_white(browser: Browser, report: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(report.as_uri())
    colour = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(colour) == "rgb(13, 17, 23)"
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(colour) == "rgb(255, 255, 255)"
    width = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert width is True
    context.close()
