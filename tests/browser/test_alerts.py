"""A job that overfits says so while it is watched, stops itself and keeps what happened."""

from __future__ import annotations

import json
import time

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow


def test_a_live_job_raises_a_toast_stops_itself_and_lists_why(server, visit) -> None:
    words = ("--kind", "train", "--workload", "digits", "--json", "--set", "early_stop=auto")
    done = server.core("launch", *words)
    assert done.returncode == 0, done.stderr
    job = json.loads(done.stdout)
    visit.open(f"dynamics?run={job['id']}")
    toasts = visit.page.get_by_test_id("stToast")
    expect(toasts.filter(has_text="Stopped at epoch").first).to_be_visible(timeout=120_000)
    slider = visit.page.get_by_role("slider").first
    last = str(json.loads(server.core("jobs", job["id"], "--json").stdout)[0]["alerts"][-1]["step"])
    expect(slider).to_have_value(last, timeout=30_000)  # it followed the growing run
    assert "step=" not in visit.page.url
    visit.shoot("alert-toast")
    deadline = time.monotonic() + 30
    record = {}
    while record.get("state") != "succeeded" and time.monotonic() < deadline:
        record = json.loads(server.core("jobs", job["id"], "--json").stdout)[0]
    assert record["state"] == "succeeded"
    assert record["alerts"][-1]["stopped"]
    visit.open(f"jobs?job={job['id']}")
    expect(visit.page.get_by_text("Stopped at epoch").first).to_be_visible()
    expect(visit.page.get_by_text("Alerts (", exact=False).first).to_be_visible()
    expect(toasts).to_have_count(0)
    visit.shoot("alert-history")
    assert visit.hosts == {"127.0.0.1"}
