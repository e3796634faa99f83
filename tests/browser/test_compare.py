"""Comparing in a browser: from a relaunched job's profile to what it gained, and the report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.traces import SimulatorSettings, simulate


@pytest.fixture
def family(visit):
    """A profile without workers and its relaunch with four."""
    for name, workers, parent in (("old", 0, None), ("new", 4, "old")):
        folder = visit.server.runs / name
        if not folder.exists():
            folder.mkdir(parents=True)
            settings = SimulatorSettings(data_ms=60.0, kernels=60, workers=workers)
            (folder / "x.pt.trace.json").write_text(json.dumps(simulate(settings)))
            job = {"id": name, "kind": "profile", "workload": "photos", "parent": parent}
            (folder / "job.json").write_text(json.dumps(job))
    return visit


def test_a_press_leads_from_the_profile_to_the_comparison_with_the_parent(family) -> None:
    family.open("bottlenecks?run=new")
    family.page.get_by_role("button", name="Compare with the one before").click()
    family.settle()
    expect(family.page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
    expect(family.page.get_by_text("resolved").first).to_be_visible()
    family.page.wait_for_url(re.compile(r"compare\?.*a=old"))
    expect(family.page.get_by_text("measured").first).to_be_visible()
    # The link alone, in a fresh tab, shows the same.
    family.open(family.page.url.removeprefix(f"{family.server.url}/"))
    expect(family.page.get_by_text("resolved").first).to_be_visible()
    assert family.hosts == {"127.0.0.1"}


def test_a_link_to_two_traces_shows_what_changed_between_them(family) -> None:
    family.open("bottlenecks?run=new&profile=Compare")
    expect(family.page.get_by_text("times as fast as A").first).to_be_visible()
    family.shoot("compare")
    family.shoot("compare-phone", 390)


def test_the_report_is_downloaded(family, tmp_path: Path) -> None:
    family.open("bottlenecks?run=old")
    with family.page.expect_download() as begun:
        family.page.get_by_role("button", name="Download report").click()
    begun.value.save_as(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert begun.value.suggested_filename == "x.html"
    assert "num_workers=0" in page
    assert page.count("<svg") == 2
