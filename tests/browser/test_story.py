"""The whole story in one browser: demo, live progress, a killed server, red zone, profile."""

from __future__ import annotations

import json
import time
from typing import Literal

import pytest
from playwright.sync_api import expect

SECONDS_FOR_DEMO = 240
"""The demo takes about a minute on two quiet cores; CI machines are neither."""

pytestmark = pytest.mark.slow


def _job(server) -> dict:
    (job,) = json.loads(server.core("jobs", "--json").stdout)
    return job


def _wait_for_end(server) -> dict:
    deadline = time.monotonic() + SECONDS_FOR_DEMO
    while time.monotonic() < deadline:
        job = _job(server)
        if job["state"] not in ("queued", "starting", "running"):
            return job
        time.sleep(2)
    raise AssertionError(f"the demo is still {job['state']} after {SECONDS_FOR_DEMO} s")


@pytest.mark.timeout(600)
def test_demo_from_the_button_to_the_profile(visit) -> None:
    page, server = visit.page, visit.server
    visit.open()
    visit.shoot("start_empty_light_1280")
    page.get_by_role("button", name="Run the demo").click()

    # Live progress on the dynamics page, which the button opens.
    expect(page.get_by_role("heading", name="Training dynamics")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("epochs, about")).to_be_visible(timeout=120_000)
    expect(page.get_by_role("slider").first).to_be_visible(timeout=120_000)
    visit.shoot("dynamics_live_light_1280")

    # The server dies in the middle of the job; another one takes over.
    server.kill()
    assert _job(server)["state"] == "running"
    server.start()
    visit.open("jobs")
    expect(page.get_by_text(_job(server)["id"]).first).to_be_attached(timeout=60_000)
    visit.shoot("jobs_light_1280")
    job = _wait_for_end(server)
    assert (job["state"], job["exit_code"]) == ("succeeded", 0)

    # The slider: the end of the run lies in the red zone, the best epoch does not.
    visit.go("Training dynamics")
    slider = page.get_by_role("slider").first
    expect(slider).to_be_visible()
    slider.focus()
    slider.press("End")
    visit.settle()
    expect(visit.metric("Zone")).to_have_text("Overfitting", timeout=30_000)
    (verdict,) = json.loads(server.core("dynamics", job["run_dir"], "--json").stdout)
    for _ in range(int(slider.input_value()) - verdict["best_step"]):
        slider.press("ArrowLeft")
    page.wait_for_url(f"**step={verdict['best_step']}*")
    visit.settle()
    expect(visit.metric("Zone")).to_have_text("Optimal", timeout=30_000)
    expect(page.get_by_text("Stop early")).to_be_visible()
    slider.press("End")
    visit.settle()
    visit.shoot("dynamics_light_1280")

    visit.go("Bottlenecks")
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("heading", name="Findings")).to_be_visible()
    expect(page.locator("canvas[aria-roledescription=timeline]")).to_be_visible(timeout=30_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    visit.shoot("bottlenecks_light_1280")

    assert visit.hosts == {"127.0.0.1"}


def test_advice_fills_in_the_form_of_the_next_job(visit) -> None:
    visit.open("dynamics")
    expect(visit.page.get_by_text("Stop early", exact=True)).to_be_visible()
    visit.press("relaunch0")
    expect(visit.page.get_by_role("heading", name="New job")).to_be_visible(timeout=30_000)
    expect(visit.page.get_by_role("combobox", name="early_stop")).to_have_value("auto")
    expect(visit.page.get_by_text("early_stop = auto")).to_be_visible()


SHOTS = [
    ("", "start"),
    ("jobs", "jobs"),
    ("runs", "runs"),
    ("runs?show=Images", "images"),
    ("dynamics", "dynamics"),
    ("bottlenecks", "bottlenecks"),
    ("bottlenecks?profile=Simulator", "bottlenecks_simulator"),
    ("dynamics?view=Simulator", "dynamics_simulator"),
    ("loader", "loader"),
    ("compare", "compare_alone"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_its_screen(visit, scheme: Literal["light", "dark"]) -> None:
    visit.page.emulate_media(color_scheme=scheme)
    for path, name in SHOTS:
        visit.open(path)
        expect(visit.page.get_by_test_id("stException")).to_have_count(0)
        visit.must_fit(f"{name}_{scheme}")


def test_the_demo_can_be_run_again_and_becomes_the_chosen_run(visit) -> None:
    (first,) = json.loads(visit.server.core("jobs", "--json").stdout)
    visit.open()
    visit.page.get_by_role("button", name="Run the demo").click()
    expect(visit.page.get_by_role("heading", name="Training dynamics")).to_be_visible(
        timeout=60_000
    )
    second = json.loads(visit.server.core("jobs", "--json").stdout)[0]
    assert second["id"] != first["id"]
    expect(visit.page.get_by_role("combobox").first).to_have_value(second["id"])
    visit.server.core("jobs", second["id"], "--stop")
    expect(visit.page.get_by_text("epochs, about")).to_have_count(0, timeout=60_000)
