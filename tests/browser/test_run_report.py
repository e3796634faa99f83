"""The report of a run in Chromium: by one press, without network and script, on any screen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from core import runs
from core.report import run_report
from tests.report import kinds

SHOTS = Path(__file__).parent / "screenshots"
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file for each kind of run."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("reports")
        patch.setenv("GPULSE_STATE_DIR", str(folder / "state"))
        roots = folder / "runs"
        kinds.write_family(roots)
        kinds.write_tuning(roots / "tuning")
        error = "RuntimeError: CUDA out of memory. Tried to allocate 20 GiB"
        kinds.write_job(roots / "dead", ("queued", "failed"), exit_code=1, error=error)
        (roots / "dead" / "log.txt").write_text(f"{'a long line ' * 40}\n{error}\n")
        kinds.write_curves(roots / "<b>foreign", kinds.overfitting())
        made = {}
        for name in ("child", "tuning", "dead", "<b>foreign"):
            made[name] = folder / f"{len(made)}.html"
            html = run_report(runs.find(name, [roots]), [roots]).html
            made[name].write_text(html, encoding="utf-8")
    return made


@contextmanager
def _offline(browser: Browser, path: Path, width: int, scheme: Scheme) -> Iterator[Page]:
    """The file in a tab that has neither network nor scripts; that it asks for nothing."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        java_script_enabled=False,
        offline=True,
    )
    asked: list[str] = []
    said: list[str] = []

    def watch(route: Route) -> None:
        asked.append(route.request.url)
        route.continue_() if route.request.url == path.as_uri() else route.abort()

    context.route("**/*", watch)
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    yield page
    assert [url for url in asked if not url.startswith("data:")] in ([], [path.as_uri()])
    assert said == []
    context.close()


@pytest.mark.parametrize(
    ("name", "width", "scheme", "words"),
    [
        ("child", 1280, "light", "Predicted against measured"),
        ("child", 390, "dark", "Predicted against measured"),
        ("child", 390, "light", "Where the time of a step goes"),
        ("tuning", 390, "light", "Settings tried"),
        ("tuning", 1280, "dark", "Settings tried"),
        ("dead", 390, "dark", "What it died of"),
        ("<b>foreign", 1280, "dark", "No job of GPUlse"),
    ],
)
def test_it_opens_without_network_and_script_and_fits(
    browser: Browser, reports: dict[str, Path], name: str, width: int, scheme: Scheme, words: str
) -> None:
    with _offline(browser, reports[name], width, scheme) as page:
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        expect(page.get_by_text(words).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        SHOTS.mkdir(exist_ok=True)
        safe = "".join(each for each in name if each.isalnum())
        shot = SHOTS / f"run-report-{safe}-{width}-{scheme}.png"
        page.screenshot(path=shot, full_page=True)


def test_the_red_zone_lies_where_overfitting_begins(
    browser: Browser, reports: dict[str, Path]
) -> None:
    with _offline(browser, reports["child"], 390, "light") as page:
        plot = page.locator(".plot").first
        area, red = plot.locator("svg").bounding_box(), plot.locator(".overfitting").last
        zone, dot = red.bounding_box(), plot.locator(".dot").bounding_box()
        assert area is not None
        assert zone is not None
        assert dot is not None
        assert zone["x"] + zone["width"] == pytest.approx(area["x"] + area["width"], abs=1.5)
        assert zone["height"] == pytest.approx(area["height"], abs=1.5)
        assert dot["x"] + dot["width"] / 2 < zone["x"]
        assert red.evaluate("node => getComputedStyle(node).fill") == "rgb(178, 24, 43)"


def test_it_prints_on_white_pages(browser: Browser, reports: dict[str, Path]) -> None:
    with _offline(browser, reports["child"], 1280, "dark") as page:
        printed = page.pdf(format="A4", print_background=True)
        assert printed.startswith(b"%PDF")
        assert printed.count(b"/Type /Page\n") >= 2
        page.emulate_media(media="print")
        colour = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(colour) == "rgb(255, 255, 255)"
        page.set_viewport_size({"width": 700, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_one_press_on_a_page_makes_it(visit, browser: Browser, tmp_path: Path) -> None:
    kinds.write_curves(visit.server.runs / "net", kinds.overfitting())
    visit.open("dynamics?run=net")
    with visit.page.expect_download(timeout=60_000) as coming:
        visit.page.get_by_role("button", name="Report", exact=True).click()
    assert coming.value.suggested_filename == "net.html"
    path = tmp_path / "net.html"
    coming.value.save_as(path)
    with _offline(browser, path, 390, "light") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("net")
        expect(page.get_by_text("Overfitting since step").first).to_be_visible()
    visit.shoot("report-button")
    visit.page.set_viewport_size({"width": 390, "height": 900})
    visit.settle()
    expect(visit.page.get_by_role("button", name="Report", exact=True)).to_be_visible()
    visit.shoot("report-button-390", 390)
