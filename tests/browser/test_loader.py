"""The loader page in a browser: a tuning watched live, stopped, and its answer taken over."""

from __future__ import annotations

import json
import time

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow


def _measure(visit) -> str:
    """Start a tuning of ``digits``; says which job it became."""
    page = visit.page
    visit.open("loader")
    _choose(page, "Workload", "digits")
    visit.settle()
    page.get_by_role("button", name="Measure", exact=True).click()
    expect(page.get_by_role("button", name="Stop measuring")).to_be_visible(timeout=60_000)
    return json.loads(visit.server.core("jobs", "--json").stdout)[0]["id"]


def _choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()


@pytest.mark.timeout(400)
def test_a_tuning_is_watched_live_and_its_answer_becomes_the_next_job(visit) -> None:
    page = visit.page
    job_id = _measure(visit)
    # Trials come in while it runs, without a reload.
    expect(page.get_by_role("heading", name="Ranking")).to_be_visible(timeout=120_000)
    expect(page.get_by_role("button", name="Stop measuring")).to_be_visible()
    visit.shoot("loader_live_light_1280")
    expect(page.get_by_role("button", name="Relaunch with it")).to_be_visible(timeout=180_000)
    visit.shoot("loader_done_light_1280")
    (trials,) = [
        json.loads(path.read_text()) for path in visit.server.runs.glob(f"{job_id}/trials.json")
    ]
    assert trials["finished"]
    assert [trial for trial in trials["trials"] if trial["status"] == "ok"]
    call = page.get_by_test_id("stCode").first.inner_text()
    assert call.startswith("DataLoader(")

    page.get_by_role("button", name="Relaunch with it").click()
    expect(page.get_by_role("heading", name="New job")).to_be_visible(timeout=30_000)
    expect(page.get_by_text(f"The setting that {job_id} found best")).to_be_visible()
    workers = call.split("num_workers=")[1].split(",")[0].rstrip(")\n ")
    data = page.get_by_test_id("stExpander").filter(has_text="num_workers")
    if not data.get_by_role("spinbutton", name="num_workers").is_visible():
        data.locator("summary").first.click()
    expect(data.get_by_role("spinbutton", name="num_workers")).to_have_value(workers)
    expect(page.get_by_test_id("stException")).to_have_count(0)


@pytest.mark.timeout(300)
def test_a_tuning_that_is_stopped_says_so(visit) -> None:
    page = visit.page
    job_id = _measure(visit)
    page.get_by_role("button", name="Stop measuring").click()
    expect(page.get_by_role("button", name="Stop measuring")).to_have_count(0)
    deadline = time.monotonic() + 90
    while (state := _state(visit, job_id)) == "running" and time.monotonic() < deadline:
        time.sleep(0.5)
    assert state == "cancelled"
    expect(page.get_by_text(f"{job_id} was stopped").first).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def _state(visit, job_id: str) -> str:
    jobs = json.loads(visit.server.core("jobs", "--json").stdout)
    return next(job["state"] for job in jobs if job["id"] == job_id)
