"""The gallery in a browser: chosen by a press, linked, drawn, and left for the simulator."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from core.traces import SimulatorSettings, simulate


def test_a_killer_is_chosen_drawn_and_moved_in_the_simulator(visit) -> None:
    page = visit.page
    visit.open("gallery")
    expect(page.get_by_role("heading", name="The DataLoader has no workers")).to_be_visible()
    page.get_by_role("radio", name="Allocator churn").click()
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


def test_the_mistake_is_tried_as_a_profile_job(visit) -> None:
    page = visit.page
    visit.open("gallery?killer=Implicit sync")
    page.get_by_role("button", name="Profile a job with this mistake").click()
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible(timeout=30_000)
    expect(page.get_by_text("made on purpose: digits with sync")).to_be_visible(timeout=30_000)
    page.get_by_text("Mistakes on purpose").click()
    expect(page.get_by_role("switch", name="sync_every_step")).to_be_checked(timeout=30_000)


def test_a_finding_is_explained_by_a_press(visit) -> None:
    folder = visit.server.runs / "slow"
    folder.mkdir(parents=True)
    settings = SimulatorSettings(data_ms=60.0, kernels=60)
    (folder / "x.pt.trace.json").write_text(json.dumps(simulate(settings)))
    visit.open("bottlenecks?run=slow")
    visit.page.get_by_role("link", name="What is this? “No workers” in the gallery").click()
    heading = visit.page.get_by_role("heading", name="The DataLoader has no workers")
    expect(heading).to_be_visible(timeout=30_000)
