"""The Jobs page: a user's own workload, an error in one line, stop, clone and rerun."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

OWN = """
import torch
from core.workloads.base import Workload


class Mine(Workload):
    name, title, description = "mine", "Mine", "Random data, and none at all with seed 13."

    def datasets(self, params):
        if params.seed == 13:
            raise RuntimeError("no data on a <b>13th</b>")
        data = torch.utils.data.TensorDataset(torch.randn(256, 8), torch.randint(0, 2, (256,)))
        return data, data

    def model(self, params):
        return torch.nn.Linear(8, 2)


workload = Mine()
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, server_class) -> Iterator:
    """A server whose administrator allows a workload of his own."""
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "modules").mkdir()
    (folder / "modules" / "own_workload.py").write_text(OWN)
    running = server_class(folder)
    paths = [str(folder / "modules"), os.environ.get("PYTHONPATH", "")]
    running.env["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    running.env["GPULSE_WORKLOADS"] = "own_workload:workload"
    running.start()
    yield running
    running.kill()


def _launch(server, *params: str) -> dict:
    words = ("--kind", "train", "--workload", "own_workload:workload", "--json")
    done = server.core("launch", *words, "--set", *params)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _state(server, job_id: str) -> str:
    return json.loads(server.core("jobs", job_id, "--json").stdout)[0]["state"]


def _wait_for(server, job_id: str, *states: str) -> None:
    deadline = time.monotonic() + 120
    while (state := _state(server, job_id)) not in states:
        assert time.monotonic() < deadline, state
        time.sleep(0.5)


def test_a_failing_job_shows_its_last_error_line_and_no_traceback(visit) -> None:
    job = _launch(visit.server, "epochs=1", "seed=13")
    _wait_for(visit.server, job["id"], "failed")
    visit.open(f"jobs?job={job['id']}")
    alert = visit.page.get_by_test_id("stAlert")
    expect(alert.first).to_contain_text("RuntimeError: no data on a <b>13th</b>")
    expect(alert.first).not_to_contain_text("Traceback")


def test_stop_ends_a_job_and_rerun_fills_in_the_form(visit) -> None:
    job = _launch(visit.server, "epochs=9999", "num_workers=1")
    _wait_for(visit.server, job["id"], "running")
    visit.open(f"jobs?job={job['id']}")
    visit.page.get_by_role("button", name="Stop", exact=True).click()
    expect(visit.page.get_by_text("was stopped").first).to_be_visible(timeout=30_000)
    assert _state(visit.server, job["id"]) == "cancelled"
    visit.page.get_by_role("button", name="Clone and rerun").click()
    expect(visit.page.get_by_label("epochs", exact=True)).to_have_value("9999", timeout=30_000)


def test_the_form_asks_for_resources_and_a_running_job_for_a_profile(visit) -> None:
    page = visit.page
    visit.open("jobs")
    page.get_by_text("Resources, place in the queue, note").click()
    for label, value in (("Memory (MiB)", "3000"), ("Priority", "3")):
        page.get_by_label(label, exact=True).fill(value)
        page.get_by_label(label, exact=True).press("Enter")
    page.get_by_label("Note", exact=True).first.fill("small")
    page.get_by_label("Note", exact=True).first.press("Enter")
    page.get_by_label("epochs", exact=True).fill("9999")
    page.get_by_label("epochs", exact=True).press("Enter")
    page.get_by_role("button", name="Launch", exact=True).click()
    button = page.get_by_role("button", name="Profile it now")
    expect(button).to_be_visible(timeout=60_000)
    [job] = [j for j in json.loads(visit.server.core("jobs", "--json").stdout)
             if j["state"] == "running"]  # fmt: skip
    record = json.loads((Path(job["run_dir"]) / "job.json").read_text())
    assert (record["needs"]["memory_mib"], record["priority"]) == (3000, 3)
    assert record["note"] == "small"
    button.click()
    deadline = time.monotonic() + 90
    while not list(Path(job["run_dir"]).glob("trace/*-asked-*")):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    page.get_by_role("button", name="Stop", exact=True).click()
    _wait_for(visit.server, job["id"], "cancelled")
