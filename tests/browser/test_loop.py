"""The loop, closed in one browser: profile, diagnose, try the fix, run, and compare.

On ``photos`` with its defaults; what was promised when the fix was tried has to hold.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import psutil
import pytest
from playwright.sync_api import expect

MOST_FOREIGN_PCT = 25.0
"""Of all cores, while nothing of ours runs: beyond it a pair of profiles measures the others too.

Our own idle server and browser take about 5 %."""
LOOK_S = 1.5
JOB_MS = 240_000

ANSWER = re.compile(r"Predicted ([\d.]+) to ([\d.]+)×, measured ([\d.]+)× .*?(\w+) the range")

pytestmark = pytest.mark.slow


@dataclass
class Told:
    """What the comparison said, and how busy others kept the machine around the two profiles."""

    low: float
    high: float
    measured: float
    verdict: str
    foreign_pct: float


def _foreign_pct() -> float:
    return psutil.cpu_percent(interval=LOOK_S)


def _jobs(server) -> list[dict]:
    return json.loads(server.core("jobs", "--json").stdout)


def _launch_and_wait(visit) -> tuple[dict, float]:
    """Press Launch and wait on the page; the job, and the foreign load just before and after."""
    page, known = visit.page, {job["id"] for job in _jobs(visit.server)}
    before = _foreign_pct()
    page.get_by_role("button", name="Launch", exact=True).click()
    expect(page.get_by_text("is queued.")).to_be_visible(timeout=60_000)
    (job,) = (job for job in _jobs(visit.server) if job["id"] not in known)
    done = page.get_by_text(f"{job['id']} succeeded after")
    expect(done).to_be_visible(timeout=JOB_MS)
    visit.settle()
    return job, max(before, _foreign_pct())


def _pair(visit) -> Told:
    """From a fresh profile to its comparison with the first finding mended, by presses alone."""
    page = visit.page
    visit.open("jobs")
    page.get_by_role("radio", name="Profile", exact=True).click()
    visit.settle()
    page.get_by_role("combobox", name="Workload").click()
    page.get_by_role("option", name="photos", exact=True).click()
    visit.settle()
    first, load = _launch_and_wait(visit)
    page.get_by_role("button", name="Open its profile").click()
    expect(page.get_by_role("heading", name="Findings")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("num_workers=0").first).to_be_visible()
    visit.press("fix0")
    expect(page.get_by_text(f"A copy of {first['id']} with num_workers = 2")).to_be_visible(
        timeout=60_000
    )
    child, later = _launch_and_wait(visit)
    assert child["params"] == {**first["params"], "num_workers": 2}
    page.get_by_role("button", name="Compare with the one before").click()
    answer = page.get_by_text(ANSWER).first
    expect(answer).to_be_visible(timeout=60_000)
    expect(page.get_by_text("resolved").first).to_be_visible()
    page.wait_for_url(re.compile(rf"(?=.*[?&]a={first['id']})(?=.*[?&]b={child['id']})"))
    found = ANSWER.search(answer.inner_text())
    assert found is not None
    low, high, measured = (float(found[i]) for i in (1, 2, 3))
    return Told(low, high, measured, found[4], max(load, later))


@pytest.mark.timeout(600)
def test_the_first_finding_of_photos_is_mended_and_its_promise_holds(visit) -> None:
    told = _pair(visit)
    if told.verdict != "within":
        # Of eight steps a single long one, which another program may cause, moves the mean a lot.
        told = _pair(visit)
    expect(visit.page.get_by_test_id("stException")).to_have_count(0)
    inside = told.low <= told.measured <= told.high
    assert (told.verdict == "within") is inside, told
    if not inside and told.foreign_pct > MOST_FOREIGN_PCT:
        pytest.skip(f"other programs kept the machine busy, twice: {told}")
    assert inside, told
    # A range from no gain to any gain would hold whatever came.
    assert told.high < 3 * told.low, told
    visit.shoot("loop_pair_light_1280")
    visit.page.get_by_text("Ladder", exact=True).click()
    visit.settle()
    expect(visit.page.get_by_text("num_workers 0 → 2").first).to_be_attached(timeout=30_000)
    visit.shoot("loop_ladder_light_1280")
    assert visit.hosts == {"127.0.0.1"}
