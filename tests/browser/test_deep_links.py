"""A link that holds run, step and view opens the same page for anyone, also on a cold server."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

PAGES = [
    "Start",
    "Jobs",
    "Runs",
    "Training dynamics",
    "Bottlenecks",
    "DataLoader",
    "Killer gallery",
]


def test_a_cold_server_opened_at_a_deep_link_has_navigation_and_state(
    visit, write_losses: Callable[..., Path], overfitting: tuple[list[float], list[float]]
) -> None:
    write_losses(visit.server.runs / "net", *overfitting)
    write_losses(visit.server.runs / "newer", *overfitting)
    visit.open("dynamics?run=net&step=3")
    for title in PAGES:
        expect(visit.page.get_by_role("link", name=title, exact=True).first).to_be_visible()
    expect(visit.metric("Step")).to_have_text("3", timeout=30_000)
    expect(visit.metric("Zone")).to_have_text("Underfitting", timeout=30_000)
    expect(visit.page.get_by_role("combobox").first).to_have_value("net")
    assert "run=net" in visit.page.url
    assert "step=3" in visit.page.url


def test_the_slider_writes_the_step_into_the_url(visit) -> None:
    visit.open("dynamics?run=net")
    slider = visit.page.get_by_role("slider").first
    expect(slider).to_have_value("40")
    expect(visit.metric("Zone")).to_have_text("Overfitting", timeout=30_000)
    slider.focus()
    for _ in range(3):
        slider.press("ArrowLeft")
    visit.page.wait_for_url(re.compile("step=37"))
    visit.page.reload()
    visit.settle()
    expect(visit.page.get_by_role("slider").first).to_have_value("37")


def test_a_run_outside_the_roots_is_refused_and_the_page_works_on(visit) -> None:
    visit.open("dynamics?run=../../etc")
    expect(visit.page.get_by_text("outside the folders that may be read")).to_be_visible()
    visit.page.get_by_role("combobox").first.click()
    visit.page.get_by_role("option", name="net", exact=True).click()
    expect(visit.page.get_by_role("slider").first).to_be_visible()


def test_the_simulator_is_a_link_too(visit) -> None:
    visit.open("dynamics?view=Simulator&sim.samples=2000&sim.noise=0")
    expect(visit.page.get_by_text("Advani and Saxe")).to_be_visible()
    expect(visit.metric("Zone")).not_to_have_text("Overfitting", timeout=30_000)


def test_no_page_asks_another_host(visit) -> None:
    visit.open()
    for title in PAGES[1:]:
        visit.go(title)
    for path in ("dynamics?view=Simulator", "bottlenecks?profile=Simulator"):
        visit.open(path)
        visit.page.wait_for_timeout(1500)
    assert visit.hosts == {"127.0.0.1"}
