"""The runs page in a browser: choose runs in the table, share the link, look at every kind."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams import summary_v2 as hparams_summary
from tensorboard.plugins.text import metadata as text_metadata
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_tensor_proto

Event: Any = event_pb2.Event  # pyright: ignore[reportAttributeAccessIssue]
Summary: Any = summary_pb2.Summary  # pyright: ignore[reportAttributeAccessIssue]
Histogram: Any = summary_pb2.HistogramProto  # pyright: ignore[reportAttributeAccessIssue]

ROW_PX, HEADER_PX = 35, 35


def _png(shade: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((8, 12, 3), shade, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def _values(run: int, step: int) -> list[Any]:
    loss = 2 * 0.9**step + 0.1 * run
    values = [
        Summary.Value(tag="Loss/train", simple_value=loss),
        Summary.Value(tag="Loss/val", simple_value=loss + 0.2),
        Summary.Value(tag="optim/lr", simple_value=0.1 / (1 + step)),
    ]
    if step % 10 == 0:
        picture = Summary.Image(
            width=12, height=8, colorspace=3, encoded_image_string=_png(step * 6)
        )
        histogram = Histogram(min=0, max=2, num=4, bucket_limit=[0, 1, 2], bucket=[0, 3, 1])
        text = make_tensor_proto([f"note of step {step}".encode()])
        values += [
            Summary.Value(tag="sample", image=picture),
            Summary.Value(tag="weights", histo=histogram),
            Summary.Value(
                tag="note", tensor=text, metadata=text_metadata.create_summary_metadata("note", "")
            ),
        ]
    return values


def _write(folder: Path, run: int) -> None:
    writer = EventFileWriter(str(folder))
    settings = {"lr": 10.0**-run, "optimizer": ["adam", "sgd"][run % 2]}
    writer.add_event(Event(wall_time=1.7e9, summary=hparams_summary.hparams_pb(settings)))
    for step in range(1, 41):
        logged = Summary(value=_values(run, step))
        writer.add_event(Event(wall_time=1.7e9 + step, step=step, summary=logged))
    writer.close()


@pytest.fixture(scope="module")
def runs(server) -> list[str]:
    names = [f"net_seed{run}" for run in range(4)]
    for run, name in enumerate(names):
        _write(server.runs / name, run)
    return names


def _tick(page: Page, row: int) -> None:
    """Click the box before a row of the table (a canvas)."""
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    table.click(position={"x": 18, "y": HEADER_PX + ROW_PX * row + ROW_PX // 2})


def _legend(page: Page) -> str:
    return page.get_by_test_id("stHtml").first.inner_text()


def test_rows_that_are_ticked_are_drawn_and_the_link_shows_them_again(visit, runs) -> None:
    page = visit.page
    visit.open("runs?run=net_seed3")
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible(timeout=30_000)
    assert "net_seed" not in _legend(page)
    _tick(page, 1)
    page.wait_for_url(re.compile("compare="), timeout=30_000)
    visit.settle()
    chips = page.get_by_test_id("stMultiSelect").first
    expect(chips.get_by_text("net_seed3")).to_be_visible()
    expect(chips.get_by_text("net_seed2")).to_be_visible()
    _tick(page, 2)
    expect(chips.get_by_text("net_seed1")).to_be_visible()
    _tick(page, 0)
    expect(chips.get_by_text("net_seed3")).to_have_count(0)
    legend = page.get_by_test_id("stHtml").first
    expect(legend).not_to_contain_text("net_seed3", timeout=30_000)
    page.wait_for_url(re.compile("compare=net_seed2&compare=net_seed1"), timeout=30_000)

    visit.open(page.url.removeprefix(visit.server.url + "/"))
    expect(chips.get_by_text("net_seed1")).to_be_visible()
    assert {"net_seed1", "net_seed2"} <= set(_legend(page).split())


def test_a_link_opens_on_a_cold_server_as_it_was_sent(visit, runs, server) -> None:
    server.kill()
    server.start()
    page = visit.page
    query = "compare=net_seed0&compare=net_seed1&smooth=0.6&axis=Relative time&logy=true&tag=loss"
    visit.open(f"runs?{query}")
    expect(page.get_by_role("slider", name="Smoothing")).to_have_value("0.6", timeout=30_000)
    expect(page.get_by_label("Log y")).to_be_checked()
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(1)
    expect(page.get_by_label("Find tags")).to_have_value("loss")
    assert {"net_seed0", "net_seed1"} <= set(_legend(page).split())
    for part in ("compare=net_seed0", "compare=net_seed1", "smooth=0.6", "tag=loss"):
        assert part in page.url
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_smoothing_and_the_step_of_an_image_are_kept_in_the_url(visit, runs) -> None:
    page = visit.page
    visit.open("runs?run=net_seed0")
    slider = page.get_by_role("slider", name="Smoothing")
    slider.focus()
    slider.press("ArrowRight")
    page.wait_for_url(re.compile("smooth=0.01"))
    page.get_by_test_id("stButtonGroup").get_by_text("Images", exact=True).click()
    expect(page.get_by_text("Step 40, 12 × 8 px")).to_be_visible(timeout=30_000)
    step = page.get_by_role("slider").last
    step.focus()
    step.press("ArrowLeft")
    expect(page.get_by_text("Step 30, 12 × 8 px")).to_be_visible(timeout=30_000)
    page.wait_for_url(re.compile(r"images\.step=30"))
    page.reload()
    visit.settle()
    expect(page.get_by_text("Step 30, 12 × 8 px")).to_be_visible(timeout=30_000)


def test_hyper_parameters_of_all_runs_against_a_metric(visit, runs) -> None:
    page = visit.page
    visit.open("runs?show=Hyper-parameters")
    expect(page.get_by_text("4 of the 4 runs in the table")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("heading", name="Parallel coordinates")).to_be_visible()
    expect(page.get_by_text("Spearman's rank correlation over n = 4 runs")).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)


def test_pointing_at_a_chart_tells_the_values_of_every_run(visit, runs) -> None:
    page = visit.page
    visit.open("runs?every=true&tag=Loss")
    chart = page.get_by_test_id("stVegaLiteChart").first
    expect(chart).to_be_visible(timeout=30_000)
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    for shift in range(3):
        page.mouse.move(box["x"] + box["width"] / 2 + shift, box["y"] + box["height"] / 2)
        page.wait_for_timeout(200)
    tip = page.locator("#vg-tooltip-element")
    expect(tip).to_be_visible()
    for name in runs:
        assert f"{name} train" in tip.inner_text()


def test_a_run_that_is_being_written_grows_on_screen(visit, runs, server) -> None:
    page = visit.page
    _write(server.runs / "growing", 1)
    visit.open("runs?run=growing")
    expect(page.get_by_text("as logged")).to_contain_text("120 values", timeout=30_000)
    _write(server.runs / "growing", 2)
    expect(page.get_by_text("as logged")).to_contain_text("240 values", timeout=30_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_fits_its_screen(visit, runs, scheme: Literal["light", "dark"]) -> None:
    page = visit.page
    page.emulate_media(color_scheme=scheme)
    for view in ("Scalars", "Images", "Histograms", "Text", "Hyper-parameters"):
        visit.open(f"runs?every=true&show={view}")
        expect(page.get_by_test_id("stException")).to_have_count(0)
        visit.must_fit(f"runs_{view.lower()}_{scheme}")
    assert visit.hosts == {"127.0.0.1"}
