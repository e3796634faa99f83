"""The gallery in a browser: chosen by a press, linked, drawn, and left for the simulator."""

from __future__ import annotations

import re

from playwright.sync_api import expect


def test_a_killer_is_chosen_drawn_and_moved_in_the_simulator(visit) -> None:
    page = visit.page
    visit.open("gallery")
    expect(page.get_by_role("heading", name="The DataLoader has no workers")).to_be_visible()
    page.get_by_test_id("stMain").get_by_role("button", name="Allocator churn").click()
    expect(page.get_by_role("heading", name="Memory is given back")).to_be_visible(timeout=30_000)
    page.wait_for_url(re.compile("killer=Allocator"))
    expect(page.locator("canvas[role=application]")).to_have_count(2, timeout=30_000)
    visit.open(page.url.removeprefix(f"{visit.server.url}/"))
    expect(page.get_by_role("heading", name="Memory is given back")).to_be_visible()
    visit.shoot("gallery")
    visit.shoot("gallery-phone", 390)
    page.get_by_role("link", name="Move its parts in the simulator").click()
    visit.settle()
    expect(visit.metric("Main cause")).to_have_text("Memory allocation", timeout=30_000)
    assert visit.hosts == {"127.0.0.1"}
