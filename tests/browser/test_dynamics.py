"""The dynamics page in a browser: keyboard, play, red zone, links, tags, files, other runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect


@pytest.fixture
def net(visit, write_losses: Callable[..., Path], overfitting: tuple[list[float], list[float]]):
    if not (visit.server.runs / "net").exists():
        write_losses(visit.server.runs / "net", *overfitting)
        fall = [2 * 0.99**epoch for epoch in range(40)]
        write_losses(visit.server.runs / "slow", fall, [1.05 * loss for loss in fall])
    return visit


def test_the_arrow_keys_move_the_cursor_within_a_second(net) -> None:
    net.open("dynamics?run=net&step=20")
    slider = net.page.get_by_role("slider").first
    expect(slider).to_have_value("20")
    net.settle()
    slider.focus()
    slider.press("ArrowRight")
    expect(net.metric("Step")).to_have_text("21", timeout=1_000)
    net.page.wait_for_url(re.compile("step=21"))
    expect(net.page.get_by_text("At step 21 the verdict would have been")).to_be_visible()


def test_overfitting_is_a_red_area_behind_the_curves(net) -> None:
    net.open("dynamics?run=net")
    chart = net.page.get_by_test_id("stVegaLiteChart").first
    red = chart.locator("svg path[fill='#B2182B'][opacity='0.26']").first
    expect(red).to_be_visible()
    band, whole = red.bounding_box(), chart.bounding_box()
    assert band is not None
    assert whole is not None
    assert band["width"] > 0.3 * whole["width"]
    assert band["height"] > 0.3 * whole["height"]


def test_play_moves_the_slider_and_pause_stops_it(net) -> None:
    net.open("dynamics?run=net&step=1")
    net.page.get_by_role("button", name="Play").click()
    # A busy machine skips steps; seen is that it has left the first ones and is not at the end.
    expect(net.metric("Step")).to_have_text(re.compile(r"^([4-9]|1\d)$"), timeout=15_000)
    net.page.get_by_role("button", name="Pause").click()
    expect(net.page.get_by_role("button", name="Play")).to_be_visible(timeout=15_000)
    net.settle()
    stood = net.metric("Step").inner_text()
    net.page.wait_for_timeout(1500)
    expect(net.metric("Step")).to_have_text(stood)


def test_play_ends_where_the_run_ends(net) -> None:
    net.open("dynamics?run=net&step=37")
    net.page.get_by_role("button", name="Play").click()
    expect(net.metric("Step")).to_have_text("40", timeout=15_000)
    expect(net.page.get_by_role("button", name="Play")).to_be_visible(timeout=15_000)


def test_tags_chosen_by_hand_are_kept_in_the_link(net) -> None:
    net.open("dynamics?run=net")
    net.page.get_by_role("button", name="Tags").click()
    net.page.get_by_role("combobox", name="Validation loss").click()
    net.page.get_by_role("option", name="Loss/train", exact=True).click()
    net.page.wait_for_url(re.compile("val=Loss%2Ftrain|val=Loss/train"))
    link = net.page.url
    net.page.goto(link)
    net.settle()
    expect(net.metric("Validation loss")).to_have_text(
        net.metric("Train loss").inner_text(), timeout=15_000
    )


def test_the_verdict_and_the_picture_are_files(net) -> None:
    net.open("dynamics?run=net")
    net.page.get_by_role("button", name="Export").click()
    contents = {}
    for label in ("Picture (PNG)", "Picture (SVG)", "Verdict (JSON)", "Verdict (CSV)"):
        with net.page.expect_download() as waiting:
            net.page.get_by_role("button", name=label).click()
        contents[label] = Path(waiting.value.path()).read_bytes()
    assert contents["Picture (PNG)"].startswith(b"\x89PNG")
    assert b"Overfitting" in contents["Picture (SVG)"]
    assert json.loads(contents["Verdict (JSON)"])["verdict"] == "overfitting"
    assert contents["Verdict (CSV)"].count(b"\n") == 2
    assert net.hosts == {"127.0.0.1"}


def test_a_click_on_a_verdict_opens_its_run(net) -> None:
    net.open("dynamics?run=net&view=Side+by+side")
    table = net.page.get_by_test_id("stDataFrame").first
    table.wait_for()
    net.page.wait_for_timeout(1000)
    table.click(position={"x": 17, "y": 35 + 35 + 17})  # the box of the second row
    expect(net.page.get_by_role("combobox").first).to_have_value("slow", timeout=15_000)
    expect(net.page.get_by_role("slider").first).to_be_visible()
    assert "run=slow" in net.page.url
