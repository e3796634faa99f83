"""A job of many ranks in a browser: the answer, a rank chosen in the table, the link to it."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from core.traces.ranks.simulator import JobSettings, simulate_job

ROW_PX, HEADER_PX = 35, 35


@pytest.fixture(scope="module")
def job(server) -> str:
    folder = server.runs / "job_of_four"
    folder.mkdir(parents=True)
    for rank, content in enumerate(
        simulate_job(JobSettings(ranks=4, slow_rank=2, slow_data_ms=4.0))
    ):
        (folder / f"rank{rank}.pt.trace.json").write_text(json.dumps(content))
    return folder.name


def test_a_rank_that_is_ticked_is_opened_and_its_link_opens_it_again(visit, job) -> None:
    page = visit.page
    visit.open(f"bottlenecks?run={job}")
    expect(page.get_by_text("Rank 2 arrives last in 100 % of collectives")).to_be_visible()
    expect(page.get_by_text("Rank 2 holds the other ranks up").first).to_be_visible()
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    table.click(position={"x": 18, "y": HEADER_PX + ROW_PX * 3 + ROW_PX // 2})
    page.wait_for_url(re.compile(r"trace=rank[013]"), timeout=30_000)
    visit.settle()
    expect(page.get_by_text("Rank 2 holds the other ranks up")).to_have_count(0)
    chosen = re.search(r"rank[013]\.pt\.trace\.json", page.url)
    assert chosen is not None

    visit.open(page.url.removeprefix(visit.server.url + "/"))
    expect(page.get_by_text("Rank 2 arrives last in 100 % of collectives")).to_be_visible()
    expect(page.get_by_text(chosen[0]).first).to_be_attached()
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible(timeout=30_000)
